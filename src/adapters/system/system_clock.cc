#include "adapters/system/system_clock.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <chrono>
#include <ctime>

namespace hunt::system {

namespace {

using std::chrono::steady_clock;

// What the scheduler says of the thread that opened it; open for as long as that lives, since it is
// read hundreds of times a second.
class SchedStat {
 public:
  SchedStat() noexcept : file_(::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)) {}
  ~SchedStat() {
    if (file_ >= 0) ::close(file_);
  }
  SchedStat(const SchedStat&) = delete;
  SchedStat& operator=(const SchedStat&) = delete;

  // The second figure there is the run delay: Linux, Documentation/scheduler/sched-stats.rst.
  [[nodiscard]] std::int64_t run_delay_ns() const noexcept {
    std::array<char, 96> text{};  // three figures of at most 20 digits
    const ssize_t length = file_ < 0 ? 0 : ::pread(file_, text.data(), text.size(), 0);
    if (length <= 0) return 0;
    const char* const end = text.data() + length;
    const char* at = text.data();
    while (at != end && *at != ' ') ++at;
    if (at == end) return 0;
    std::int64_t delay_ns = 0;
    const auto read = std::from_chars(at + 1, end, delay_ns);
    return read.ec == std::errc() ? delay_ns : 0;
  }

 private:
  int file_;
};

}  // namespace

std::int64_t SystemClock::now_ns() const noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             steady_clock::now().time_since_epoch())
      .count();
}

std::int64_t SystemClock::wall_us() const noexcept {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::int64_t SystemClock::thread_cpu_ns() const noexcept {
  timespec time{};
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) != 0) return 0;
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::int64_t SystemClock::thread_starved_ns() const noexcept {
  thread_local const SchedStat stat;
  return stat.run_delay_ns();
}

boost::asio::awaitable<void> AsioTimer::sleep_until(std::int64_t deadline_ns) {
  const steady_clock::time_point deadline{std::chrono::nanoseconds(deadline_ns)};
  boost::asio::steady_timer timer(lane_, deadline);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

}  // namespace hunt::system
