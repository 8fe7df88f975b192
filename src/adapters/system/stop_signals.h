// Ctrl-C, SIGTERM and SIGHUP (the terminal is gone), taken by the main thread.
//
// Not a handler: the signals are blocked in every thread and waited for in one, so that nothing
// runs in signal context. Construct before the first thread starts.
#pragma once
#include <csignal>
#include <cstdint>

namespace hunt::system {

class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    // Under nohup it is ignored, and stays so: blocked, it would be kept for us.
    struct sigaction hangup {};
    if (sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) {
      sigaddset(&set_, SIGHUP);
    }
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  // True when one arrived within `wait_ns`.
  [[nodiscard]] bool wait(std::int64_t wait_ns) const {
    const timespec timeout{wait_ns / 1'000'000'000, wait_ns % 1'000'000'000};
    return sigtimedwait(&set_, nullptr, &timeout) > 0;
  }

 private:
  sigset_t set_{};
};

}  // namespace hunt::system
