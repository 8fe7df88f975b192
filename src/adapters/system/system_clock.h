// SystemClock and AsioTimer: real time, from the operating system.
//
// Not for tests of protocols: those use sim::VirtualTime. The clock serves any thread; a timer
// belongs to one lane.
#pragma once
#include <boost/asio/any_io_executor.hpp>

#include "ports/clock.h"

namespace hunt::system {

class SystemClock final : public ports::Clock {
 public:
  [[nodiscard]] std::int64_t now_ns() const noexcept override;
  [[nodiscard]] std::int64_t wall_us() const noexcept override;
  [[nodiscard]] std::int64_t thread_cpu_ns() const noexcept override;
  [[nodiscard]] std::int64_t thread_starved_ns() const noexcept override;
};

// Belongs to one lane's loop; deadlines are SystemClock::now_ns().
class AsioTimer final : public ports::Timer {
 public:
  explicit AsioTimer(boost::asio::any_io_executor lane) : lane_(std::move(lane)) {}
  [[nodiscard]] boost::asio::awaitable<void> sleep_until(std::int64_t deadline_ns) override;

 private:
  boost::asio::any_io_executor lane_;
};

}  // namespace hunt::system
