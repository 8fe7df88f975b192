// LoopWatch: how late a lane's loop comes to what is ready, and how much of a core its thread
// wants.
//
// Not for lanes with an orchestrator, which does this in its own tick. A timer every 5 ms; how late
// it is handled is how long anything else waits there just now. Lifecycle: start() on the lane; it
// ends with the loop, which it does not outlive. Thread: the lane's, still_ns() from any.
#pragma once
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>

#include "node/lane.h"
#include "ports/clock.h"
#include "service/stall_meter.h"

namespace hunt::node {

class LoopWatch {
 public:
  // Of the last second: shares of a core.
  struct Load {
    double busy = 0;
    double starved = 0;           // ready to run, and no core for it
    std::int64_t stalled_ns = 0;  // the longest of late that it did neither
  };
  // `on_load` comes once a second, on the lane. Lifetime: lane and clock outlive the watch.
  LoopWatch(Lane& lane, const ports::Clock& clock, std::function<void(Load)> on_load);

  void start();
  // How long waited what is handled now.
  [[nodiscard]] std::int64_t late_ns() const noexcept { return stalls_.late_ns(clock_.now_ns()); }
  // How long will wait what becomes ready now: the mean of the last few.
  [[nodiscard]] std::int64_t lag_ns() const noexcept { return lag_ns_; }
  // How long the loop has not come to this watch. Thread: any.
  [[nodiscard]] std::int64_t still_ns() const noexcept { return clock_.now_ns() - turned_ns_; }

 private:
  void wait();
  void look();

  const ports::Clock& clock_;
  std::function<void(Load)> on_load_;
  boost::asio::steady_timer timer_;
  service::StallMeter stalls_;
  std::int64_t lag_ns_ = 0;
  std::atomic<std::int64_t> turned_ns_{0};
  std::int64_t looked_ns_ = 0;
  std::int64_t cpu_ns_ = 0;
  std::int64_t starved_ns_ = 0;
};

}  // namespace hunt::node
