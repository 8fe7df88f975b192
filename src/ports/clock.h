// Clock and Timer: the only sources of time above the engine.
//
// Not a scheduler. One Clock may serve many threads; a Timer belongs to one lane. The engine gets
// `now` as an argument instead. Implementations: SystemClock, AsioTimer; sim::VirtualTime.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>

namespace hunt::ports {

class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic, for durations and deadlines. Units: nanoseconds from an arbitrary start.
  [[nodiscard]] virtual std::int64_t now_ns() const noexcept = 0;
  // Wall clock, for as_of and audit only. Units: microseconds since 1970 UTC.
  [[nodiscard]] virtual std::int64_t wall_us() const noexcept = 0;
  // CPU time of the calling thread, to tell busy from waiting; 0 where time is not real.
  [[nodiscard]] virtual std::int64_t thread_cpu_ns() const noexcept { return 0; }
  // How long the calling thread was ready to run and had no core: others ran, or a limit held it
  // back. 0 where that is not known. Cost: some microseconds.
  [[nodiscard]] virtual std::int64_t thread_starved_ns() const noexcept { return 0; }
};

class Timer {
 public:
  virtual ~Timer() = default;
  // Returns at or after `deadline_ns` of the matching Clock; at once when that has passed.
  // Suspends: yes, always at least once.
  [[nodiscard]] virtual boost::asio::awaitable<void> sleep_until(std::int64_t deadline_ns) = 0;
};

}  // namespace hunt::ports
