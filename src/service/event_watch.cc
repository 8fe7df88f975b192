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
// Who walks about before an event is served as ever.
constexpr std::int64_t idle_after_ns = 300'000'000'000;
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

}  // namespace

NextOpening next_opening(const model::RuleSet& rules, std::int64_t now_us) {
  NextOpening next;
  for (const auto& event : rules.events) {
    const std::int64_t opens_us = opens_next_us(event, now_us);
    if (opens_us < next.opens_us) next = {event.name, opens_us};
  }
  return next;
}

EventWatch::EventWatch(const ports::RulesSource& rules, Observer& observer,
                       EventWatchActions actions, const ports::Clock& clock, ports::Timer& timer,
                       boost::asio::any_io_executor lane)
    : rules_(rules),
      observer_(observer),
      actions_(std::move(actions)),
      clock_(clock),
      timer_(timer),
      played_ns_(clock.now_ns()),
      tasks_(std::move(lane), 1) {}

void EventWatch::start() {
  const bool spawned = tasks_.try_spawn(follow());
  HUNT_ASSERT(spawned);
}

void EventWatch::look_for_players() {
  const std::uint64_t batches = observer_.stats().batches;
  if (batches != batches_) played_ns_ = clock_.now_ns();
  batches_ = batches;
}

boost::asio::awaitable<void> EventWatch::follow() {
  while (!stopping_) {
    const std::int64_t next_ns = clock_.now_ns() + look_every_ns;
    look_for_players();
    const auto rules = rules_.current();
    const std::int64_t now_us = clock_.wall_us();
    const NextOpening next = rules ? next_opening(*rules, now_us) : NextOpening();
    const bool open = !rules || std::any_of(rules->events.begin(), rules->events.end(),
                                            [now_us](const model::EventRules& event) {
                                              return event.holds(now_us);
                                            });
    const bool soon = next.opens_us - now_us <= wake_ahead_us;
    const bool played = clock_.now_ns() - played_ns_ < idle_after_ns;
    idle_.store(!open && !soon && !played, std::memory_order_relaxed);
    const bool cold =
        next.opens_us != warmed_for_us_ || clock_.now_ns() - warmed_ns_ >= warm_every_ns;
    if (soon && cold) co_await warm(next);
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
  const auto done = co_await actions_.warm();
  if (stopping_) co_return;
  if (!done) {
    observer_.set_trouble(
        part, fmt::format("the event \"{}\" opens in {} s, and its loot cannot be read ahead: {}",
                          next.event, in_seconds(), done.error().message));
    co_return;
  }
  warmed_for_us_ = next.opens_us;
  warmed_ns_ = clock_.now_ns();
  observer_.set_trouble(part, "");
  if (!first) co_return;
  actions_.log(LogLevel::info,
               fmt::format("the event \"{}\" opens in {} s: its store is awake, {} chunks are read "
                           "ahead and are kept until then",
                           next.event, in_seconds(), *done));
}

}  // namespace hunt::service
