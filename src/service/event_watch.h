// EventWatch: sees an event's next opening come. Ninety seconds before it the stores are woken and
// the loot is read ahead, again and again until it opens, so that the first player waits for
// nothing.
//
// Not the reading (prewarm.h). Thread: its lane's.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "model/rules_in_force.h"
#include "ports/clock.h"
#include "service/observer.h"
#include "service/task_group.h"

namespace hunt::service {

// Which event opens next after that moment, and when, by the rules in force then; none:
// time_us_max.
struct NextOpening {
  std::string event;
  std::int64_t opens_us = model::time_us_max;
};
[[nodiscard]] NextOpening next_opening(const model::RulesInForce& rules, std::int64_t now_us);

struct EventWatchActions {
  std::function<model::RulesInForcePtr()> rules;  // in force, or announced
  // Wakes the stores and reads the loot ahead; returns how many chunks that are.
  std::function<boost::asio::awaitable<Result<std::size_t>>()> warm;
  std::function<void(LogLevel, std::string)> log;
};

class EventWatch {
 public:
  // Lifetime: all of it outlives the watch.
  EventWatch(Observer& observer, EventWatchActions actions, const ports::Clock& clock,
             ports::Timer& timer, boost::asio::any_io_executor lane);

  void start();
  void stop() noexcept { stopping_ = true; }
  // Stops, and waits for the look under way. Stores that are closed end it.
  [[nodiscard]] boost::asio::awaitable<void> join() {
    stop();
    co_await tasks_.join(clock_, timer_);
  }

 private:
  [[nodiscard]] boost::asio::awaitable<void> follow();
  [[nodiscard]] boost::asio::awaitable<void> warm(NextOpening next);

  Observer& observer_;
  const EventWatchActions actions_;
  const ports::Clock& clock_;
  ports::Timer& timer_;
  std::int64_t tried_for_us_ = model::time_us_min;
  std::int64_t warmed_for_us_ = model::time_us_min;  // the last time that it worked
  std::int64_t warm_at_ns_ = 0;                      // again, for the same opening
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace hunt::service
