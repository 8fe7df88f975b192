#include "service/claim_lookups.h"

#include <utility>

#include "base/planted.h"
#include "model/limits.h"

namespace hunt::service {

ClaimLookups::ClaimLookups(const Shards& shards, SoldOut& sold_out, const ports::Clock& clock,
                           boost::asio::any_io_executor lane, LaneMetrics& metrics)
    : shards_(shards),
      sold_out_(sold_out),
      clock_(clock),
      metrics_(metrics),
      queues_(shards.count()),
      // Twice: a call that has its answers sends the next one before its own task ends.
      tasks_(std::move(lane), shards.count() * 2 * limits::claim_calls_inflight_max) {}

bool ClaimLookups::full() const noexcept {
  return waiting_ >= limits::claims_waiting_max;
}

void ClaimLookups::submit(model::Claim claim, const ClaimWaitPtr& wait, std::uint32_t position,
                          bool sold_out) {
  if (full()) {
    wait->fail({Errc::overloaded, "too many claims wait to be looked up; try again later", {}});
    return;
  }
  ++waiting_;
  ++wait->open;
  const model::ShardId shard = shards_.of(claim.world, claim.tile);
  if (wait->oldest_ns == INT64_MAX) wait->place = {shard, INT64_MAX};
  Lookup lookup{std::move(claim), wait, position, clock_.now_ns(), {}};
  sold_out = sold_out || planted(Planted::no_grant_too_early);
  if (sold_out) lookup.sold_out = sold_out_.asks_now(shard);
  queues_[shard].waiting.push_back(std::move(lookup));
}

void ClaimLookups::flush() {
  for (model::ShardId shard = 0; shard < queues_.size(); ++shard) flush(shard);
}

// One call at a time, unless there is more than goes into one.
void ClaimLookups::flush(model::ShardId shard) {
  Queue& queue = queues_[shard];
  while (!queue.waiting.empty() && queue.calls_inflight < limits::claim_calls_inflight_max) {
    if (queue.calls_inflight > 0 && queue.waiting.size() < limits::claims_per_call_max) return;
    std::vector<Lookup> lookups;
    while (!queue.waiting.empty() && lookups.size() < limits::claims_per_call_max) {
      Lookup next = std::move(queue.waiting.front());
      queue.waiting.pop_front();
      const bool awaited = !next.wait->error && clock_.now_ns() < next.wait->deadline_ns;
      if (awaited) {
        lookups.push_back(std::move(next));
      } else {
        --waiting_;
      }
    }
    if (lookups.empty()) return;
    ++queue.calls_inflight;
    const bool spawned = tasks_.try_spawn(call(shard, std::move(lookups)));
    HUNT_ASSERT(spawned);
  }
}

boost::asio::awaitable<void> ClaimLookups::call(model::ShardId shard, std::vector<Lookup> lookups) {
  std::vector<model::Claim> claims;
  claims.reserve(lookups.size());
  const std::int64_t begun_ns = clock_.now_ns();
  for (const auto& lookup : lookups) {
    claims.push_back(lookup.claim);
    if (lookup.wait->oldest_ns == INT64_MAX) lookup.wait->place = {shard, begun_ns};
  }
  metrics_.claim_lookups += claims.size();
  auto done = co_await shards_.store(shard).look_up_claims(std::move(claims));
  --queues_[shard].calls_inflight;
  waiting_ -= lookups.size();
  const std::int64_t now_ns = clock_.now_ns();
  auto& health = metrics_.stores[shard].lookups;
  if (done) {
    health.work();
  } else {
    metrics_.stores[shard].failed(health, done.error(), now_ns);
  }
  HUNT_ASSERT(!done || done->verdicts.size() == lookups.size());
  for (std::size_t i = 0; i < lookups.size(); ++i) {
    ClaimWait& wait = *lookups[i].wait;
    if (!done) {
      wait.place = {shard, begun_ns};
      wait.fail(done.error());
      continue;
    }
    // For who waits, the line here is a part of the call.
    const std::int64_t since_ns = lookups[i].since_ns;
    wait.shard = shard;
    wait.call = {now_ns - since_ns, done->times};
    wait.call.times.wait_us += (begun_ns - since_ns) / 1'000;
    settle(lookups[i], std::move(done->verdicts[i]));
  }
  flush(shard);
}

void ClaimLookups::settle(Lookup& lookup, model::ClaimVerdict verdict) {
  ClaimWait& wait = *lookup.wait;
  if (verdict.moved) return wait.fail(shards_.moved());
  if (verdict.outcome != model::Outcome::nothing) {
    const bool granted = verdict.outcome == model::Outcome::granted;
    if (lookup.sold_out && granted) granted_(lookup.claim, verdict, *lookup.sold_out);
    return wait.tell(lookup.position, std::move(verdict));
  }
  if (lookup.sold_out && !sold_out_.learn_no_grant(lookup.claim.id, *lookup.sold_out)) {
    // What was sold out may not be in the history that goes on.
    return wait.fail({Errc::unavailable,
                      "the store of this position was repaired while it was asked; ask again",
                      {}});
  }
  wait.close_one();
}

}  // namespace hunt::service
