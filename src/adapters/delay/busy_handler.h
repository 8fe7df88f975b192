// BusyHandler: any batch handler, with CPU burnt before each batch: a lane whose core is taken.
//
// Not a sleep: the lane's thread is at work meanwhile and does nothing else. In real time.
#pragma once
#include <chrono>
#include <cstdint>

#include "ports/bus.h"

namespace hunt::delay {

class BusyHandler final : public ports::BatchHandler {
 public:
  // Lifetime: `inner` outlives this.
  BusyHandler(ports::BatchHandler& inner, std::int64_t burn_ns) : inner_(inner), burn_(burn_ns) {}

  [[nodiscard]] boost::asio::awaitable<Result<model::BatchReply>> handle(
      model::Batch batch, ports::Wait wait) override {
    const auto until = std::chrono::steady_clock::now() + burn_;
    while (std::chrono::steady_clock::now() < until) {
    }
    return inner_.handle(std::move(batch), wait);
  }

 private:
  ports::BatchHandler& inner_;
  const std::chrono::nanoseconds burn_;
};

}  // namespace hunt::delay
