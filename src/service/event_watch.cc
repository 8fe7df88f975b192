#include "service/event_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace hunt::service {

namespace {

constexpr std::int64_t look_every_ns = 1'000'000'000;
constexpr std::int64_t grain_ns = 50'000'000;  // of stop()
// A database that sleeps takes 15 s to wake up, or a minute; the rest is for the loot.
constexpr std::int64_t wake_ahead_us = 90'000'000;
// Chunks in memory are as good as new for 30 s.
constexpr std::int64_t warm_every_ns = 20'000'000'000;
// After it failed: perhaps for want of time, and others wait for the stores, too.
constexpr std::int64_t retry_after_ns = 5'000'000'000;
const std::string part = "event";

// The first moment after `now_us` at which loot of the event can be taken.
std::int64_t opens_next_us(const model::EventRules& event, std::int64_t now_us) {
  if (!event.enabled || event.stopped) return model::time_us_max;
  if (event.openings.empty()) {
    return event.starts_us > now_us ? event.starts_us : model::time_us_max;
  }
  const auto next = model::first_after(event.openings, now_us);
  return next == std::span(event.openings).end() ? model::time_us_max : next->opens_us;
}

bool is_open(const model::RuleSet& rules, const std::string& event, std::int64_t as_of_us) {
  return std::any_of(rules.events.begin(), rules.events.end(), [&](const model::EventRules& one) {
    return one.name == event && one.holds(as_of_us);
  });
}

}  // namespace

NextOpening next_opening(const model::RulesInForce& rules, std::int64_t now_us) {
  NextOpening next;
  std::int64_t until_us = model::time_us_max;
  for (std::size_t i = rules.turns.size(); i-- > 0;) {
    const auto& turn = rules.turns[i];
    const std::int64_t from_us = i == 0 ? model::time_us_min : turn.from_us;
    if (from_us >= until_us) continue;  // a later turn takes its place before it begins
    for (const auto& event : turn.set->events) {
      // It opens because these rules begin, or later while they are in force.
      const bool by_turn = from_us > now_us && event.holds(from_us) &&
                           !is_open(*rules.at(from_us - 1), event.name, from_us - 1);
      const std::int64_t opens_us =
          by_turn ? from_us : opens_next_us(event, std::max(from_us, now_us));
      if (opens_us < until_us && opens_us < next.opens_us) next = {event.name, opens_us};
    }
    until_us = from_us;
    if (from_us <= now_us) break;  // before it nothing is to come
  }
  return next;
}

EventWatch::EventWatch(Observer& observer, EventWatchActions actions, const ports::Clock& clock,
                       ports::Timer& timer, boost::asio::any_io_executor lane)
    : observer_(observer),
      actions_(std::move(actions)),
      clock_(clock),
      timer_(timer),
      tasks_(std::move(lane), 1) {}

void EventWatch::start() {
  const bool spawned = tasks_.try_spawn(follow());
  HUNT_ASSERT(spawned);
}

boost::asio::awaitable<void> EventWatch::follow() {
  while (!stopping_) {
    const std::int64_t next_ns = clock_.now_ns() + look_every_ns;
    const std::int64_t now_us = clock_.wall_us();
    const NextOpening next = next_opening(*actions_.rules(), now_us);
    const bool soon = next.opens_us - now_us <= wake_ahead_us;
    // It is open, or will not be.
    if (!soon) observer_.set_trouble(part, "");
    if (soon && (next.opens_us != tried_for_us_ || clock_.now_ns() >= warm_at_ns_)) {
      co_await warm(next);
    }
    while (!stopping_ && clock_.now_ns() < next_ns) {
      co_await timer_.sleep_until(clock_.now_ns() + grain_ns);
    }
  }
}

boost::asio::awaitable<void> EventWatch::warm(NextOpening next) {
  const bool first = next.opens_us != warmed_for_us_;
  const auto in_seconds = [this, &next] {
    return std::max<std::int64_t>(0, next.opens_us - clock_.wall_us()) / 1'000'000;
  };
  if (first) {
    observer_.set_trouble(
        part, fmt::format("the event \"{}\" opens in {} s: its store is woken and its loot is read "
                          "ahead",
                          next.event, in_seconds()));
  }
  tried_for_us_ = next.opens_us;
  const auto done = co_await actions_.warm();
  if (stopping_) co_return;
  warm_at_ns_ = clock_.now_ns() + (done ? warm_every_ns : retry_after_ns);
  if (!done) {
    observer_.set_trouble(
        part, fmt::format("the event \"{}\" opens in {} s, and its loot cannot be read ahead: {}",
                          next.event, in_seconds(), done.error().message));
    co_return;
  }
  warmed_for_us_ = next.opens_us;
  observer_.set_trouble(part, "");
  if (!first) co_return;
  actions_.log(LogLevel::info,
               fmt::format("the event \"{}\" opens in {} s: its store is awake, {} chunks are read "
                           "ahead and are kept until then",
                           next.event, in_seconds(), *done));
}

}  // namespace hunt::service
