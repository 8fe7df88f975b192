// EventWatch: sees an event's next opening come. Ninety seconds before it the stores are woken and
// the loot is read ahead, again and again until it opens, so that the first player waits for
// nothing. And it says when nobody needs the stores: none is open or opens soon, and nobody plays.
//
// Not the reading (prewarm.h), and not a promise that a database sleeps: a relay that follows it
// keeps it awake. Thread: its lane's; idle(): any.
#pragma once
#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "model/rule_set.h"
#include "ports/clock.h"
#include "ports/rules_source.h"
#include "service/observer.h"
#include "service/task_group.h"

namespace hunt::service {

// Which event opens next after that moment, and when; nobody: time_us_max.
struct NextOpening {
  std::string event;
  std::int64_t opens_us = model::time_us_max;
};
[[nodiscard]] NextOpening next_opening(const model::RuleSet& rules, std::int64_t now_us);

struct EventWatchActions {
  // Wakes the stores and reads the loot ahead; returns how many chunks that are.
  std::function<boost::asio::awaitable<Result<std::size_t>>()> warm;
  std::function<void(LogLevel, std::string)> log;
};

class EventWatch {
 public:
  // Lifetime: all of it outlives the watch.
  EventWatch(const ports::RulesSource& rules, Observer& observer, EventWatchActions actions,
             const ports::Clock& clock, ports::Timer& timer, boost::asio::any_io_executor lane);

  void start();
  void stop() noexcept { stopping_ = true; }
  // Stops, and waits for the look under way. Stores that are closed end it.
  [[nodiscard]] boost::asio::awaitable<void> join() {
    stop();
    co_await tasks_.join(clock_, timer_);
  }

  // Whether the stores need not be asked anything now.
  [[nodiscard]] bool idle() const noexcept { return idle_.load(std::memory_order_relaxed); }

 private:
  [[nodiscard]] boost::asio::awaitable<void> follow();
  [[nodiscard]] boost::asio::awaitable<void> warm(NextOpening next);
  void look_for_players();

  const ports::RulesSource& rules_;
  Observer& observer_;
  const EventWatchActions actions_;
  const ports::Clock& clock_;
  ports::Timer& timer_;
  std::uint64_t batches_ = 0;  // answered so far
  std::int64_t played_ns_;     // when the last was
  std::int64_t warmed_for_us_ = model::time_us_min;
  std::int64_t warmed_ns_ = 0;
  std::atomic<bool> idle_ = false;
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace hunt::service
