// StoreWatch: looks at each store every few seconds, for the Observer, whether or not anybody
// claims: does it grant, is all there that it stands on, and which loot has no table?
//
// Not the lanes' own calls, whose errors reach the Observer at once (lane_metrics.h). Thread: its
// lane's.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <vector>

#include "ports/clock.h"
#include "ports/store_care.h"
#include "service/observer.h"
#include "service/task_group.h"

namespace hunt::service {

class StoreWatch {
 public:
  // Stores by shard. Lifetime: all of it outlives the watch.
  StoreWatch(std::vector<ports::StoreCare*> stores, Observer& observer, const ports::Clock& clock,
             ports::Timer& timer, boost::asio::any_io_executor lane);

  // Looks at once, and then again and again.
  void start();
  // The rules have changed: counts the open spawns anew.
  void count_soon() noexcept { count_at_ns_ = clock_.now_ns(); }
  void stop() noexcept { stopping_ = true; }
  // Stops, and waits for the looks under way. A store that is closed ends them.
  [[nodiscard]] boost::asio::awaitable<void> join() {
    stop();
    co_await tasks_.join(clock_, timer_);
  }

 private:
  [[nodiscard]] boost::asio::awaitable<void> follow(model::ShardId shard);
  [[nodiscard]] boost::asio::awaitable<void> verify(model::ShardId shard);
  [[nodiscard]] boost::asio::awaitable<void> count(model::ShardId shard);

  const std::vector<ports::StoreCare*> stores_;
  Observer& observer_;
  const ports::Clock& clock_;
  ports::Timer& timer_;
  std::int64_t count_at_ns_ = INT64_MIN;  // counts before this are of other rules
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace hunt::service
