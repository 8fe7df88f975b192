#include "service/relay.h"

namespace hunt::service {

namespace {

constexpr std::int64_t heartbeat_ns = 100'000'000;  // PROTOCOLS 7
constexpr std::int64_t retry_ns = 100'000'000;

model::ClaimEvent event_of(const model::Grant& grant) {
  model::ClaimEvent event;
  event.claim = grant.claim;
  event.outcome = model::Outcome::granted;
  event.world = grant.world;
  event.tile = model::tile_of(grant.tile);
  event.player = grant.player;
  event.item = grant.item;
  event.rules = grant.rules;
  event.cursor = grant.cursor;
  event.at_us = grant.at_us;
  return event;
}

}  // namespace

Relay::Relay(ports::ChangeFeed& feed, ports::Bus& bus, const ports::Clock& clock,
             ports::Timer& timer, boost::asio::any_io_executor lane, std::uint64_t identity)
    : feed_(feed),
      bus_(bus),
      clock_(clock),
      timer_(timer),
      identity_(identity),
      tasks_(std::move(lane), 1) {}

boost::asio::awaitable<Result<void>> Relay::start() {
  const auto now = co_await feed_.now();
  if (!now) co_return tl::unexpected<Error>(now.error());
  cursor_ = *now;
  const bool spawned = tasks_.try_spawn(follow());
  HUNT_ASSERT(spawned);
  co_return Result<void>{};
}

boost::asio::awaitable<void> Relay::drain() {
  stopping_ = true;
  co_await tasks_.join(clock_, timer_);
}

boost::asio::awaitable<void> Relay::follow() {
  bool last = false;
  while (!last) {
    last = stopping_;  // read before the feed: what was committed by then is told
    auto batch = co_await feed_.next(cursor_, last ? 0 : heartbeat_ns);
    if (batch) {
      const bool more = !batch->tiles.empty() || !batch->grants.empty();
      co_await tell(std::move(*batch));
      last = last && !more;
    } else if (!last) {
      co_await timer_.sleep_until(clock_.now_ns() + retry_ns);
    }
  }
}

boost::asio::awaitable<void> Relay::tell(model::ChangeBatch batch) {
  if (batch.gap) {
    ++epoch_;
    seq_ = 0;
  }
  cursor_ = batch.next;
  model::Invalidation invalidation;
  invalidation.relay = identity_;
  invalidation.epoch = epoch_;
  invalidation.seq = ++seq_;
  invalidation.tiles = std::move(batch.tiles);
  invalidation.committed_ns = batch.committed_ns;
  bus_.publish(std::move(invalidation));
  std::vector<model::ClaimEvent> events;
  events.reserve(batch.grants.size());
  for (const auto& grant : batch.grants) events.push_back(event_of(grant));
  static_cast<void>(co_await bus_.tell(std::move(events)));
}

}  // namespace hunt::service
