#include "service/claim_desk.h"

#include <algorithm>

#include "model/limits.h"

namespace hunt::service {

namespace {

constexpr std::int64_t backoff_ns_min = 20'000'000;     // guess: a few commits
constexpr std::int64_t backoff_ns_max = 1'000'000'000;  // guess: an operator sees it recover

model::ClaimEvent event_of(const model::Claim& claim, const model::ClaimVerdict& verdict,
                           std::int64_t at_us) {
  model::ClaimEvent event;
  event.claim = claim.id;
  event.outcome = verdict.outcome;
  event.world = claim.world;
  event.tile = model::tile_of(claim.tile);
  event.player = claim.player;
  event.item = verdict.item;
  event.rules = verdict.rules.empty() ? claim.rules : verdict.rules;
  event.at_us = at_us;
  return event;
}

}  // namespace

ClaimDesk::ClaimDesk(ports::HuntStore& store, ports::Bus& bus, const ports::Clock& clock,
                     ports::Timer& timer, boost::asio::any_io_executor lane, LaneMetrics& metrics,
                     engine::Reservoir& times)
    : store_(store),
      bus_(bus),
      clock_(clock),
      timer_(timer),
      metrics_(metrics),
      times_(times),
      // Twice: a call that has its verdicts sends the next one before its own task ends.
      tasks_(std::move(lane), 2 * limits::claim_calls_inflight_max + 1) {}

bool ClaimDesk::full() const noexcept {
  return pending_.size() >= limits::claims_waiting_max;
}

void ClaimDesk::attach(Pending& pending, const ClaimWaitPtr& wait, std::uint32_t position) {
  if (wait == nullptr) return;
  ++wait->open;
  pending.waits.emplace_back(wait, position);
}

void ClaimDesk::submit(model::Claim claim, const ClaimWaitPtr& wait, std::uint32_t position) {
  HUNT_ASSERT(!full());
  const model::ClaimId id = claim.id;
  const auto [at, inserted] = pending_.try_emplace(id);
  if (inserted) {
    memo_.remember(claim.player, claim.spawn, id);
    at->second.claim = std::move(claim);
    at->second.found_ns = clock_.now_ns();
    if (queue_.empty()) queued_since_ns_ = at->second.found_ns;
    queue_.push_back(id);
  }
  attach(at->second, wait, position);
  metrics_.claims_waiting = pending_.size();
}

bool ClaimDesk::join(model::ClaimId claim, const ClaimWaitPtr& wait, std::uint32_t position) {
  const auto found = pending_.find(claim);
  if (found == pending_.end()) return false;
  attach(found->second, wait, position);
  return true;
}

void ClaimDesk::flush() {
  const std::int64_t now_ns = clock_.now_ns();
  if (now_ns < blocked_until_ns_) return;
  while (!queue_.empty() && calls_inflight_ < limits::claim_calls_inflight_max) {
    const bool full_call = queue_.size() >= limits::claims_per_call_max;
    const bool lingered = now_ns - queued_since_ns_ >= limits::claim_linger_ns;
    if (calls_inflight_ > 0 && !full_call && !lingered) break;
    const std::size_t count = std::min(queue_.size(), limits::claims_per_call_max);
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
    Ids ids(queue_.begin(), end);
    queue_.erase(queue_.begin(), end);
    queued_since_ns_ = now_ns;
    ++calls_inflight_;
    const bool spawned = tasks_.try_spawn(call(std::move(ids)));
    HUNT_ASSERT(spawned);
  }
  if (!queue_.empty() && !lingering_ && calls_inflight_ < limits::claim_calls_inflight_max) {
    lingering_ = tasks_.try_spawn(flush_later());
  }
}

boost::asio::awaitable<void> ClaimDesk::flush_later() {
  co_await timer_.sleep_until(queued_since_ns_ + limits::claim_linger_ns);
  lingering_ = false;
  flush();
}

boost::asio::awaitable<void> ClaimDesk::call(Ids ids) {
  std::vector<model::Claim> claims;
  claims.reserve(ids.size());
  for (const auto& id : ids) claims.push_back(pending_.at(id).claim);
  const std::int64_t begun_ns = clock_.now_ns();
  auto done = co_await store_.grant_claims(std::move(claims));
  metrics_.store_grant.record(clock_.now_ns() - begun_ns);
  --calls_inflight_;
  if (!done) {
    retry_later(ids, done.error());
    co_return;
  }
  metrics_.store_error.clear();
  backoff_ns_ = 0;
  blocked_until_ns_ = 0;
  HUNT_ASSERT(done->verdicts.size() == ids.size());
  record(ids, begun_ns, *done);
  std::vector<model::ClaimEvent> events;
  Ids moved;
  for (auto& verdict : done->verdicts) {
    if (verdict.moved) {
      moved.push_back(verdict.id);
    } else {
      settle(verdict, events);
    }
  }
  if (!moved.empty()) {
    retry_later(moved, Error{Errc::moved, "the tile's range belongs to another shard now", {}});
  }
  metrics_.claims_waiting = pending_.size();
  static_cast<void>(co_await bus_.tell(std::move(events)));
  flush();
}

void ClaimDesk::record(const Ids& ids, std::int64_t begun_ns, const model::GrantCall& call) {
  const std::int64_t now_ns = clock_.now_ns();
  for (const auto& id : ids) {
    engine::StageClock clock(pending_.at(id).found_ns);
    clock.cut(model::Stage::claim_wait, begun_ns);
    clock.cut(model::Stage::store_grant, now_ns);
    clock.timeline.lock_ns = call.lock_us * 1'000;
    clock.timeline.exec_ns = call.exec_us * 1'000;
    times_.add(clock.timeline, now_ns);
  }
}

void ClaimDesk::settle(model::ClaimVerdict& verdict, std::vector<model::ClaimEvent>& events) {
  const auto found = pending_.find(verdict.id);
  HUNT_ASSERT(found != pending_.end());
  Pending pending = std::move(found->second);
  pending_.erase(found);
  const model::Claim& claim = pending.claim;
  metrics_.count_claim(verdict.outcome);
  const bool granted = verdict.outcome == model::Outcome::granted;
  if (granted) ++(verdict.repeat ? metrics_.repeats : metrics_.grants);
  engine::Remembered* known = memo_.find(claim.player, claim.spawn);
  if (known != nullptr && (granted || verdict.outcome == model::Outcome::sold_out)) {
    known->outcome = verdict.outcome;
    known->item = verdict.item;
  } else if (known != nullptr) {
    memo_.forget(claim.player, claim.spawn);  // may change when the player tries again
  }
  // A new grant is told from the ledger's change feed; all else is told here, before anyone is
  // answered. A repeat may have been told before: consumers go by claim id.
  if (!granted || verdict.repeat) events.push_back(event_of(claim, verdict, clock_.wall_us()));
  for (const auto& [wait, position] : pending.waits) {
    wait->told.push_back({position, verdict});
    if (--wait->open == 0) wait->done.set();
  }
}

void ClaimDesk::retry_later(const Ids& ids, const Error& error) {
  ++metrics_.claim_retries;
  metrics_.store_error = error.message;
  const bool had_none = queue_.empty();
  queue_.insert(queue_.begin(), ids.begin(), ids.end());
  if (had_none) queued_since_ns_ = clock_.now_ns();
  backoff_ns_ = std::clamp(backoff_ns_ * 2, backoff_ns_min, backoff_ns_max);
  blocked_until_ns_ = clock_.now_ns() + backoff_ns_;
  // Who waits is told at once: the same position asked again joins the claim, or gets its outcome.
  for (const auto& id : ids) {
    for (const auto& [wait, position] : pending_.at(id).waits) {
      wait->error = error;
      wait->done.set();
    }
    pending_.at(id).waits.clear();
  }
}

}  // namespace hunt::service
