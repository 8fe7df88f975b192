#include "adapters/system/system_clock.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <ctime>

namespace hunt::system {

using std::chrono::steady_clock;

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

// The second figure there is the run delay: Linux, Documentation/scheduler/sched-stats.rst.
std::int64_t SystemClock::thread_starved_ns() const noexcept {
  FILE* file = std::fopen("/proc/thread-self/schedstat", "re");
  if (file == nullptr) return 0;
  std::int64_t starved_ns = 0;
  if (std::fscanf(file, "%*d %" SCNd64, &starved_ns) != 1) starved_ns = 0;
  std::fclose(file);
  return starved_ns;
}

boost::asio::awaitable<void> AsioTimer::sleep_until(std::int64_t deadline_ns) {
  const steady_clock::time_point deadline{std::chrono::nanoseconds(deadline_ns)};
  boost::asio::steady_timer timer(lane_, deadline);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

}  // namespace hunt::system
