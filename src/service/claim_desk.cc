#include "service/claim_desk.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "engine/answer.h"
#include "model/limits.h"

namespace hunt::service {

namespace {

constexpr std::int64_t backoff_ns_min = 20'000'000;     // guess: a few commits
constexpr std::int64_t backoff_ns_max = 1'000'000'000;  // guess: an operator sees it recover
constexpr std::int64_t look_at_rules_ns = 20'000'000;   // guess: so long takes a look at a timeline
// A process looks each second, and at once when a store knows better: by then it never will.
constexpr std::int64_t stale_ns_max = 3'000'000'000;
constexpr std::int64_t park_ns = 1'000'000'000;  // guess: an operator sees it recover
constexpr std::size_t events_per_call_max = 256;
constexpr std::int64_t calls_in_mean = 8;

model::ClaimEvent event_of(const model::Claim& claim, const model::ClaimVerdict& verdict,
                           std::int64_t at_us) {
  model::ClaimEvent event;
  event.claim = claim.id;
  event.outcome = verdict.outcome;
  event.world = claim.world;
  event.tile = model::tile_of(claim.tile);
  event.player = claim.player;
  event.reward = verdict.reward;
  event.rules = verdict.rules.empty() ? claim.rules : verdict.rules;
  event.at_us = at_us;
  return event;
}

}  // namespace

ClaimDesk::ClaimDesk(ClaimDeskOptions options, const Shards& shards, const engine::L1& l1,
                     const model::RulesInForcePtr& rules, std::function<void()> rules_stale,
                     engine::Roller& roller, ClaimLookups& lookups, SoldOut& sold_out,
                     ports::Bus& bus, const ports::Clock& clock, ports::Timer& timer,
                     boost::asio::any_io_executor lane, LaneMetrics& metrics,
                     engine::Reservoir& times, StarvedMeter& starved, RecentClaims& recent,
                     Tellings& tellings)
    : options_(options),
      shards_(shards),
      l1_(l1),
      rules_(rules),
      rules_stale_(std::move(rules_stale)),
      roller_(roller),
      lookups_(lookups),
      sold_out_(sold_out),
      bus_(bus),
      clock_(clock),
      timer_(timer),
      metrics_(metrics),
      times_(times),
      starved_(starved),
      recent_(recent),
      tellings_(tellings),
      queues_(shards.count()),
      // Twice: a call that has its verdicts sends the next one before its own task ends. One tells.
      tasks_(std::move(lane), shards.count() * (2 * options.calls_inflight_max + 1) + 1) {
  metrics_.bounds.claims.limit = limits::claims_waiting_max;
  metrics_.bounds.grant_calls.assign(shards.count(), {options_.calls_inflight_max, {}});
  lookups_.on_granted([this](const model::Claim& claim, const model::ClaimVerdict& verdict,
                             const StoreAsked& asked) {
    memo_.remember(claim.player, claim.spawn, claim.id);
    remember(*memo_.find(claim.player, claim.spawn), verdict, asked);
  });
}

bool ClaimDesk::full() const noexcept {
  return pending_.size() >= limits::claims_waiting_max;
}

std::size_t ClaimDesk::calls_inflight() const noexcept {
  std::size_t most = 0;
  for (model::ShardId shard = 0; shard < queues_.size(); ++shard) {
    most = std::max(most, calls_inflight(shard));
  }
  return most;
}

void ClaimDesk::mark_waits() const {
  for (const auto& [id, pending] : pending_) {
    for (const Asker& asker : pending.askers) asker.wait->oldest_ns = INT64_MAX;
  }
  for (const auto& [id, pending] : pending_) {
    if (pending.verdict) continue;
    for (const Asker& asker : pending.askers) {
      if (pending.found_ns >= asker.wait->oldest_ns) continue;
      asker.wait->oldest_ns = pending.found_ns;
      asker.wait->place = place_of(pending);
    }
  }
}

engine::ClaimPlace ClaimDesk::place_of(const Pending& pending) const {
  return {shards_.of(pending.claim.world, pending.claim.tile), pending.called_ns};
}

std::vector<engine::Timeline> ClaimDesk::open_times(std::int64_t now_ns) const {
  std::vector<engine::Timeline> all;
  const std::size_t step = pending_.size() / engine::OpenClocks::samples_max + 1;
  std::size_t seen = 0;
  for (const auto& [id, pending] : pending_) {
    if (pending.verdict || seen++ % step != 0) continue;
    engine::StageClock clock(pending.found_ns);
    clock.timeline.begin_with(pending.before);
    clock.cut_waiting(place_of(pending), now_ns);
    all.push_back(clock.timeline);
  }
  return all;
}

bool ClaimDesk::holds(model::ShardId shard, std::uint64_t epoch, std::int64_t asked_ns,
                      std::int64_t said_ns) const {
  return epoch == l1_.newest_epoch_of(shard) && asked_ns > queues_[shard].stale_ns &&
         l1_.confirms(shard, said_ns, clock_.now_ns());
}

const engine::Remembered* ClaimDesk::remembered(model::PlayerId player, model::SpawnId spawn,
                                                model::ShardId shard) {
  const engine::Remembered* known = memo_.find(player, spawn);
  if (known == nullptr || known->outcome == model::Outcome::found) return known;
  const bool same = known->shard == shard;
  if (same && holds(shard, known->epoch, known->asked_ns, known->asked_ns)) return known;
  memo_.forget(player, spawn);
  return nullptr;
}

void ClaimDesk::attach(Pending& pending, Asker asker) {
  if (!asker.refused && asker.kind == model::Kind::dig) pending.kind = model::Kind::dig;
  if (asker.wait == nullptr) return;
  ++asker.wait->open;
  asker.late = pending.called_ns != INT64_MAX;
  pending.askers.push_back(std::move(asker));
}

void ClaimDesk::roll(Pending& pending, const Asker& asker) {
  HUNT_ASSERT(asker.rules != nullptr);
  pending.claim.as_of_us = asker.as_of_us;
  roll(pending, asker.rules, asker.rules_seq, asker.table);
}

// The seq is that of the very timeline which `rules` is of, not of the newest: a store has to see
// what whoever rolled did not know.
void ClaimDesk::roll(Pending& pending, const model::RuleSetPtr& rules, std::uint64_t rules_seq,
                     std::uint32_t table) {
  model::Claim& claim = pending.claim;
  pending.rules = rules;
  pending.table = table;
  claim.reward = roller_.reward(*rules, table, claim.id, claim.as_of_us.value_or(0));
  claim.rules = rules->version;
  claim.rules_seq = rules_seq;
  claim.seed = roller_.seed_id();
}

void ClaimDesk::submit(model::Claim claim, Asker asker, const engine::Timeline& before) {
  HUNT_ASSERT(!full());
  const model::ClaimId id = claim.id;
  const auto [at, inserted] = pending_.try_emplace(id);
  if (inserted) {
    memo_.remember(claim.player, claim.spawn, id);
    at->second.claim = std::move(claim);
    roll(at->second, asker);
    at->second.found_ns = clock_.now_ns();
    at->second.before = before;
    enqueue(id, at->second.claim, at->second.found_ns);
    metrics_.set_claims_waiting(pending_.size(), at->second.found_ns);
  }
  attach(at->second, std::move(asker));
}

// To the shard that the map names now: it may be another one than at the first try.
void ClaimDesk::enqueue(model::ClaimId id, const model::Claim& claim, std::int64_t now_ns) {
  Queue& queue = queues_[shards_.of(claim.world, claim.tile)];
  if (queue.ids.empty()) queue.since_ns = now_ns;
  queue.ids.push_back(id);
}

bool ClaimDesk::join(model::ClaimId claim, Asker asker) {
  const auto found = pending_.find(claim);
  if (found == pending_.end()) return false;
  attach(found->second, std::move(asker));
  return true;
}

// Half as long as a call takes: the slower the store, the more of its work a call should share.
std::int64_t ClaimDesk::linger_ns(const Queue& queue) noexcept {
  return std::clamp(queue.call_ns_mean / 2, limits::claim_linger_ns, limits::claim_linger_ns_max);
}

void ClaimDesk::flush() {
  const std::int64_t now_ns = clock_.now_ns();
  for (model::ShardId shard = 0; shard < queues_.size(); ++shard) flush(shard, now_ns);
}

void ClaimDesk::flush(model::ShardId shard, std::int64_t now_ns) {
  Queue& queue = queues_[shard];
  unpark(shard, now_ns);
  if (now_ns < queue.blocked_until_ns) return;
  while (!queue.ids.empty() && calls_inflight(shard) < options_.calls_inflight_max) {
    const bool full_call = queue.ids.size() >= limits::claims_per_call_max;
    const bool lingered = now_ns - queue.since_ns >= linger_ns(queue);
    if (calls_inflight(shard) > 0 && !full_call && !lingered) break;
    if (queue.backoff_ns == 0) {
      queue.retries.first_try();
    } else if (!queue.retries.take(now_ns)) {
      return;  // looked at again in a few milliseconds
    }
    const std::size_t count = std::min(queue.ids.size(), limits::claims_per_call_max);
    const auto end = queue.ids.begin() + static_cast<std::ptrdiff_t>(count);
    Ids ids(queue.ids.begin(), end);
    queue.ids.erase(queue.ids.begin(), end);
    queue.since_ns = now_ns;
    metrics_.bounds.grant_calls[shard].use.enter(now_ns);
    const bool spawned = tasks_.try_spawn(call(shard, std::move(ids)));
    HUNT_ASSERT(spawned);
  }
  if (!queue.ids.empty() && calls_inflight(shard) < options_.calls_inflight_max &&
      !std::exchange(queue.lingering, true)) {
    if (!tasks_.try_spawn(flush_later(shard))) queue.lingering = false;
  }
}

boost::asio::awaitable<void> ClaimDesk::flush_later(model::ShardId shard) {
  co_await timer_.sleep_until(queues_[shard].since_ns + linger_ns(queues_[shard]));
  queues_[shard].lingering = false;
  flush(shard, clock_.now_ns());
}

boost::asio::awaitable<void> ClaimDesk::call(model::ShardId shard, Ids ids) {
  Queue& queue = queues_[shard];
  std::vector<model::Claim> claims;
  claims.reserve(ids.size());
  const std::int64_t begun_ns = clock_.now_ns();
  const std::uint64_t epoch = l1_.newest_epoch_of(shard);
  for (const auto& id : ids) {
    Pending& pending = pending_.at(id);
    pending.called_ns = begun_ns;
    pending.shard = shard;
    pending.epoch = epoch;
    for (Asker& asker : pending.askers) asker.late = false;
    claims.push_back(pending.claim);
    if (planted(Planted::rolled_by_newest)) claims.back().rules_seq = rules_->seq;
  }
  tellings_.expect(ids);
  auto done = co_await shards_.store(shard).grant_claims(std::move(claims));
  if (!done && planted(Planted::refuses_on_error)) {
    done = model::GrantCall{};
    for (const auto& id : ids) {
      done->verdicts.push_back({id, model::Outcome::sold_out, false, false, {}, {}});
    }
  }
  const std::int64_t took_ns = clock_.now_ns() - begun_ns;
  metrics_.latencies.store_grant.record(took_ns);
  metrics_.examples.store_grant.put(took_ns, ids.front(), clock_.wall_us());
  // One call that waited for somebody's lock says little of the others.
  const std::int64_t counted_ns = std::min(took_ns, 4 * limits::claim_linger_ns_max);
  queue.call_ns_mean += (counted_ns - queue.call_ns_mean) / calls_in_mean;
  metrics_.bounds.grant_calls[shard].use.leave(begun_ns + took_ns);
  if (!done) {
    retry_later(shard, ids, done.error());
    co_return;
  }
  queue.backoff_ns = 0;
  queue.blocked_until_ns = 0;
  metrics_.stores[shard].grants.work();
  HUNT_ASSERT(done->verdicts.size() == ids.size());
  record(shard, begun_ns, *done);
  if (epoch != l1_.newest_epoch_of(shard)) {
    // What it said may be of a history that was lost with a server: the new one has to say it, too.
    ask_again(ids);
    co_return flush();
  }
  Ids elsewhere;
  std::vector<model::ClaimVerdict> stale;
  for (auto& verdict : done->verdicts) {
    if (verdict.stale) {
      stale.push_back(std::move(verdict));
    } else if (verdict.moved && !planted(Planted::moved_is_nothing)) {
      elsewhere.push_back(verdict.id);
    } else {
      decide(verdict);
    }
  }
  if (!elsewhere.empty()) moved(elsewhere);
  if (!stale.empty()) roll_again(shard, stale);
  metrics_.set_claims_waiting(pending_.size(), clock_.now_ns());
  lookups_.flush();
  flush();
  if (!untold_.empty() && !telling_) co_await tell();
}

void ClaimDesk::record(model::ShardId shard, std::int64_t begun_ns, const model::GrantCall& call) {
  const std::int64_t now_ns = clock_.now_ns();
  const engine::Call told{now_ns - begun_ns, call.times};
  for (const auto& verdict : call.verdicts) {
    const Pending& pending = pending_.at(verdict.id);
    engine::StageClock clock(pending.found_ns);
    clock.timeline.begin_with(pending.before);
    clock.cut(model::Stage::claim_wait, begun_ns);
    clock.cut_grant(now_ns, shard, told);
    const engine::Timeline& before = pending.before;
    const std::int64_t came_ns = pending.found_ns - before.total_ns + before.of(model::Stage::bus) +
                                 before.of(model::Stage::front);
    clock.timeline.starved_ns = starved_.since(came_ns, now_ns);
    record(pending, verdict, clock.timeline, now_ns);
    metrics_.claim_stages.record(clock.timeline);
    // For those who wait, all of it is one call, of which the line at the desk is a part.
    engine::Call whole{now_ns - pending.found_ns, call.times};
    whole.times.wait_us += (begun_ns - pending.found_ns) / 1'000;
    for (const Asker& asker : pending.askers) {
      asker.wait->call = whole;
      asker.wait->shard = shard;
    }
  }
}

// Who waits for the verdict is told with it; all others hear of a new grant on the bus. So do those
// who stored a position: who wants its answer, too, has that beside it.
void ClaimDesk::record(const Pending& pending, const model::ClaimVerdict& verdict,
                       const engine::Timeline& timeline, std::int64_t now_ns) {
  const bool answered = std::any_of(pending.askers.begin(), pending.askers.end(),
                                    [](const Asker& asker) { return !asker.wait->told_first; });
  const bool by_bus = verdict.is_new() && !verdict.stale && !answered;
  if (by_bus && tellings_.granted(verdict.id, timeline)) return;
  tellings_.forget(verdict.id);
  times_.add(timeline, now_ns);
}

// A new grant is told from the ledger's change feed; all else is told here, before anyone is
// answered. A repeat may have been told before: consumers go by claim id.
void ClaimDesk::decide(model::ClaimVerdict& verdict) {
  metrics_.count_claim(verdict.outcome);
  const bool granted = verdict.outcome == model::Outcome::granted;
  if (granted) ++(verdict.repeat ? metrics_.repeats : metrics_.grants);
  const bool untold = planted(Planted::tells_no_refusals) && !granted;
  if ((granted && !verdict.repeat) || untold) return finish(verdict.id, verdict);
  untold_.push_back(verdict.id);
  Pending& pending = pending_.at(verdict.id);
  pending.decided_ns = clock_.now_ns();
  pending.verdict = std::move(verdict);
}

// Whether this verdict is the asker's answer as well. A grant is, and so is `sold_out`: stock never
// grows. Any other refusal is of one moment: the asker must have asked before, and as of the same.
bool ClaimDesk::answers(const Pending& pending, const model::ClaimVerdict& verdict,
                        const Asker& asker) {
  if (verdict.outcome == model::Outcome::granted) return true;
  if (verdict.outcome == model::Outcome::sold_out) return true;
  return !asker.late && (asker.refused || asker.as_of_us == pending.claim.as_of_us);
}

void ClaimDesk::remember(const Pending& pending, const model::ClaimVerdict& verdict) {
  const model::Claim& claim = pending.claim;
  const StoreAsked asked{pending.shard, pending.epoch, pending.called_ns};
  if (verdict.outcome == model::Outcome::sold_out) sold_out_.learn_sold_out(claim, asked);
  engine::Remembered* known = memo_.find(claim.player, claim.spawn);
  if (known == nullptr) return;
  const bool lasts =
      verdict.outcome == model::Outcome::granted || verdict.outcome == model::Outcome::sold_out;
  if (!lasts && !planted(Planted::remembers_refusals)) {
    return memo_.forget(claim.player, claim.spawn);  // may change at another try
  }
  remember(*known, verdict, asked);
}

void ClaimDesk::remember(engine::Remembered& known, const model::ClaimVerdict& verdict,
                         const StoreAsked& asked) {
  known.outcome = verdict.outcome;
  known.reward = verdict.reward;
  known.shard = asked.shard;
  known.epoch = asked.epoch;
  known.asked_ns = asked.at_ns;
}

void ClaimDesk::finish(model::ClaimId id, const model::ClaimVerdict& verdict) {
  const auto found = pending_.find(id);
  HUNT_ASSERT(found != pending_.end());
  Pending& pending = found->second;
  remember(pending, verdict);
  const std::int64_t wall_us = clock_.wall_us();
  recent_.note(pending.claim, verdict, wall_us);
  std::vector<Asker> left;
  for (Asker& asker : std::exchange(pending.askers, {})) {
    if (answers(pending, verdict, asker)) {
      answer(asker, verdict);
    } else if (asker.refused) {
      --asker.wait->open;
      lookups_.submit(pending.claim, asker.wait, asker.position);
    } else {
      left.push_back(std::move(asker));
    }
  }
  if (left.empty()) {
    const std::int64_t took_ns = clock_.now_ns() - pending.found_ns;
    metrics_.latencies.claim.record(took_ns);
    metrics_.examples.claim.put(took_ns, id, wall_us);
    pending_.erase(found);
    return;
  }
  // The same claim once more, for those whom this verdict does not answer. Nobody was told what the
  // last roll gave.
  roll(pending, left.front());
  pending.stale_ns = INT64_MAX;
  pending.askers = std::move(left);
  memo_.remember(pending.claim.player, pending.claim.spawn, id);
  ask_again({id});
}

// Whoever the rules refuse is told only what the ledger has.
void ClaimDesk::answer(const Asker& asker, const model::ClaimVerdict& verdict) {
  const bool in_ledger =
      verdict.outcome == model::Outcome::granted || verdict.outcome == model::Outcome::expired;
  if (asker.refused && !in_ledger) return asker.wait->close_one();
  asker.wait->tell(asker.position, verdict);
}

// Who waits goes on waiting.
void ClaimDesk::ask_again(const Ids& ids) {
  ++metrics_.claim_retries;
  for (const auto& id : ids) {
    Pending& pending = pending_.at(id);
    pending.called_ns = INT64_MAX;
    pending.verdict.reset();
    enqueue(id, pending.claim, clock_.now_ns());
  }
}

// The next verdicts to be told; those that do not hold any more are asked for again.
ClaimDesk::Ids ClaimDesk::take_untold() {
  Ids ids;
  Ids stale;
  while (!untold_.empty() && ids.size() < events_per_call_max) {
    const model::ClaimId id = untold_.front();
    untold_.pop_front();
    (holds(pending_.at(id)) ? ids : stale).push_back(id);
  }
  if (!stale.empty()) ask_again(stale);
  return ids;
}

// One at a time; whoever finds it at work leaves its verdicts to it.
boost::asio::awaitable<void> ClaimDesk::tell() {
  telling_ = true;
  std::int64_t backoff_ns = 0;
  for (Ids ids = take_untold(); !ids.empty(); ids = take_untold()) {
    std::vector<model::ClaimEvent> events;
    events.reserve(ids.size());
    for (const auto& id : ids) {
      const Pending& pending = pending_.at(id);
      events.push_back(event_of(pending.claim, *pending.verdict, clock_.wall_us()));
    }
    const auto told = co_await bus_.tell(std::move(events));
    if (!told) {
      could_not_tell(ids, told.error());
      untold_.insert(untold_.begin(), ids.begin(), ids.end());
      if (stopping_) break;
      backoff_ns = std::clamp(backoff_ns * 2, backoff_ns_min, backoff_ns_max);
      co_await timer_.sleep_until(clock_.now_ns() + backoff_ns);
      continue;
    }
    backoff_ns = 0;
    for (const auto& id : ids) {
      if (!holds(pending_.at(id))) {
        ask_again({id});
        continue;
      }
      const model::ClaimVerdict verdict = std::move(*pending_.at(id).verdict);
      finish(id, verdict);
    }
    metrics_.set_claims_waiting(pending_.size(), clock_.now_ns());
  }
  telling_ = false;
  lookups_.flush();
  flush();
}

// Who asked gets the verdict all the same: it is the store's. A stored message comes again.
void ClaimDesk::could_not_tell(const Ids& ids, const Error& error) {
  for (const auto& id : ids) {
    Pending& pending = pending_.at(id);
    if (!holds(pending)) continue;  // asked for again before anybody is told
    for (const Asker& asker : std::exchange(pending.askers, {})) {
      if (!asker.wait->told_first && answers(pending, *pending.verdict, asker)) {
        answer(asker, *pending.verdict);
      } else {
        asker.wait->place = place_of(pending);
        asker.wait->fail(error);
      }
    }
  }
}

void ClaimDesk::retry_later(model::ShardId shard, const Ids& ids, const Error& error) {
  Queue& queue = queues_[shard];
  ++metrics_.claim_retries;
  StoreHealth& health = metrics_.stores[shard];
  health.failed(health.grants, error, clock_.now_ns());
  if (error.code == Errc::epoch_stale) {
    queue.stale_ns = clock_.now_ns();
    sold_out_.epoch_is_over(shard);
  }
  if (queue.ids.empty()) queue.since_ns = clock_.now_ns();
  // Behind those that were not tried: what keeps these, such as a row that somebody holds, may not
  // be in the way of the others.
  queue.ids.insert(queue.ids.end(), ids.begin(), ids.end());
  queue.backoff_ns = std::clamp(queue.backoff_ns * 2, backoff_ns_min, backoff_ns_max);
  queue.blocked_until_ns = clock_.now_ns() + queue.backoff_ns;
  for (const auto& id : ids) {
    tellings_.forget(id);
    give_up_waits(pending_.at(id), error);
    pending_.at(id).called_ns = INT64_MAX;
  }
}

// Their shard is down for them until a newer map says where it is.
void ClaimDesk::moved(const Ids& ids) {
  ++metrics_.claim_retries;
  const std::int64_t now_ns = clock_.now_ns();
  const Error error = shards_.moved();
  for (const auto& id : ids) {
    Pending& pending = pending_.at(id);
    pending.called_ns = INT64_MAX;
    enqueue(id, pending.claim, now_ns);
    Queue& queue = queues_[shards_.of(pending.claim.world, pending.claim.tile)];
    queue.backoff_ns = std::max(queue.backoff_ns, backoff_ns_min);
    queue.blocked_until_ns = now_ns + queue.backoff_ns;
    give_up_waits(pending, error);
  }
}

// The store knows of other rules than they were rolled by. Until this process knows them, too, it
// asks again and again; who waits goes on waiting, but not for ever.
void ClaimDesk::roll_again(model::ShardId shard, const std::vector<model::ClaimVerdict>& stale) {
  metrics_.rules_stale_claims += stale.size();
  if (rules_stale_) rules_stale_();
  for (const auto& verdict : stale) {
    Pending& pending = pending_.at(verdict.id);
    const model::Outcome judged = roll_again(pending, verdict.rules);
    if (judged != model::Outcome::found) {
      model::ClaimVerdict refusal;
      refusal.id = verdict.id;
      refusal.outcome = judged;
      decide(refusal);
    } else if (!park(shard, verdict.id)) {
      ask_again({verdict.id});
    }
  }
  queues_[shard].blocked_until_ns = clock_.now_ns() + look_at_rules_ns;
}

// By the version that the store wants, where it is known here: its clock decides, not ours. Else by
// the rules in force as of the claim. `found`, or what they refuse it with.
model::Outcome ClaimDesk::roll_again(Pending& pending, const std::string& wanted) {
  const std::int64_t as_of_us = pending.claim.judged_at_us(clock_.wall_us());
  model::RuleSetPtr rules = rules_->at(as_of_us);
  for (const auto& turn : rules_->turns) {
    if (turn.set->version == wanted) rules = turn.set;
  }
  const auto judged = engine::judge_claim(l1_, *rules, pending.rules->tables[pending.table].name,
                                          pending.claim, pending.kind, as_of_us);
  const bool lets_in =
      judged.outcome == model::Outcome::nothing && planted(Planted::rolls_for_outsiders);
  if (judged.outcome != model::Outcome::found && !lets_in) {
    // A refusal is for ever, and one of the two may be behind: it stays as it is until they agree.
    const bool agreed = wanted == rules_->at(as_of_us)->version;
    return agreed ? judged.outcome : model::Outcome::found;
  }
  // Other rules than those that were stale: it begins anew.
  const bool anew =
      rules->version != pending.rules->version || rules_->seq > pending.claim.rules_seq;
  if (anew) pending.stale_ns = INT64_MAX;
  const auto before_us = pending.claim.as_of_us;
  // The ledger has to have the very time that was rolled by.
  if (rules->tables[judged.table].timed) pending.claim.as_of_us = as_of_us;
  for (Asker& asker : pending.askers) {
    if (!asker.late && asker.as_of_us == before_us) asker.as_of_us = pending.claim.as_of_us;
  }
  roll(pending, rules, rules_->seq, judged.table);
  return model::Outcome::found;
}

// True: the store has wanted other rules for it for too long, such as rules that cannot be made
// here. Then nobody waits for it any more (a stored position goes to another process), and it is
// asked for now and then.
bool ClaimDesk::park(model::ShardId shard, model::ClaimId id) {
  Pending& pending = pending_.at(id);
  const std::int64_t now_ns = clock_.now_ns();
  pending.stale_ns = std::min(pending.stale_ns, now_ns);
  if (now_ns - pending.stale_ns < stale_ns_max) return false;
  pending.called_ns = INT64_MAX;
  give_up_waits(pending, {Errc::unavailable,
                          "this process does not know the rules that the store has in force; "
                          "another one may",
                          {}});
  Queue& queue = queues_[shard];
  if (queue.parked.empty()) queue.unpark_ns = now_ns + park_ns;
  queue.parked.push_back(id);
  return true;
}

void ClaimDesk::unpark(model::ShardId shard, std::int64_t now_ns) {
  Queue& queue = queues_[shard];
  if (queue.parked.empty() || now_ns < queue.unpark_ns) return;
  for (const auto& id : std::exchange(queue.parked, {})) {
    enqueue(id, pending_.at(id).claim, now_ns);
  }
}

// Who waits is told at once: the same position asked again joins the claim, or gets its outcome.
void ClaimDesk::give_up_waits(Pending& pending, const Error& error) const {
  for (const Asker& asker : std::exchange(pending.askers, {})) {
    asker.wait->place = place_of(pending);
    asker.wait->fail(error);
  }
}

}  // namespace hunt::service
