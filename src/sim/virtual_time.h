// VirtualTime: clock and timer of simulated runs. Time moves only when told, or to the next
// sleeper.
//
// Not tied to the machine: the same calls give the same times on every run. Sleepers that share a
// deadline wake in the order they went to sleep. Thread: the one that runs the simulation.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>

#include "ports/clock.h"

namespace hunt::sim {

class VirtualTime final : public ports::Clock, public ports::Timer {
 public:
  explicit VirtualTime(boost::asio::any_io_executor executor, std::int64_t wall_start_us)
      : executor_(std::move(executor)), wall_start_us_(wall_start_us) {}

  [[nodiscard]] std::int64_t now_ns() const noexcept override { return now_ns_; }
  [[nodiscard]] std::int64_t wall_us() const noexcept override {
    return wall_start_us_ + now_ns_ / 1'000;
  }
  [[nodiscard]] boost::asio::awaitable<void> sleep_until(std::int64_t deadline_ns) override;

  // Moves to `now_ns` (never back) and posts every sleeper that is due.
  void advance_to(std::int64_t now_ns);
  // The earliest deadline of a sleeper, or INT64_MAX.
  [[nodiscard]] std::int64_t next_deadline_ns() const noexcept;

 private:
  boost::asio::any_io_executor executor_;
  std::int64_t wall_start_us_;
  std::int64_t now_ns_ = 0;
  std::uint64_t sequence_ = 0;
  // (deadline, sequence) -> a timer that never fires by itself: cancelling it wakes the sleeper.
  std::map<std::pair<std::int64_t, std::uint64_t>, std::shared_ptr<boost::asio::steady_timer>>
      sleepers_;
};

}  // namespace hunt::sim
