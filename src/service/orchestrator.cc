#include "service/orchestrator.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/planted.h"
#include "model/limits.h"
#include "service/shard_looks.h"

namespace hunt::service {

namespace {

constexpr std::int64_t tick_ns = 5'000'000;  // the grain of deadlines and retries
constexpr std::int64_t worlds_every_ns = 1'000'000'000;
constexpr int load_rounds_max = 8;  // then the batch is `busy`

// As they came and when, without the steps.
model::Batch digs_of(const model::Batch& batch) {
  model::Batch digs;
  digs.world = batch.world;
  digs.received_ns = batch.received_ns;
  digs.front_ns = batch.front_ns;
  digs.bus_way_ns = batch.bus_way_ns;
  digs.bus_wait_ns = batch.bus_wait_ns;
  for (const auto& position : batch.positions) {
    if (position.kind == model::Kind::dig) digs.positions.push_back(position);
  }
  return digs;
}

}  // namespace

struct Orchestrator::Ask {
  model::Batch batch;
  model::BatchReply reply;
  ClaimWaitPtr wait;  // set when terminal outcomes are waited for
  engine::StageClock times{0};
  std::int64_t begun_ns = 0;
  std::int64_t deadline_ns = 0;
  std::int64_t as_of_us = 0;
  std::unique_ptr<engine::Turn> turn;

  // The claim's entry in the reply for this position, made when there is none.
  model::ClaimAnswer& claim_of(std::uint32_t position) {
    auto& outcome = reply.outcomes[position];
    if (outcome.claim_index < 0) {
      outcome.claim_index = static_cast<std::int32_t>(reply.claims.size());
      reply.claims.emplace_back();
    }
    return reply.claims[static_cast<std::size_t>(outcome.claim_index)];
  }
};

Orchestrator::Orchestrator(OrchestratorOptions options, OrchestratorPorts ports, Observer& observer,
                           model::RuleSetPtr rules)
    : options_(std::move(options)),
      bus_(ports.bus),
      clock_(ports.clock),
      timer_(ports.timer),
      shards_(std::move(ports.stores), options_.map, options_.served),
      recent_(clock_.wall_us()),
      answer_times_(options_.seed),
      claim_times_(options_.seed + 1),
      starved_(clock_),
      stalls_(clock_),
      rules_(model::only_rules(rules)),
      l1_(options_.l1_bytes_max, std::move(rules)),
      roller_(options_.event_seed),
      loader_(l1_, shards_, ports.cache, clock_, timer_, ports.lane, metrics_, options_.seed),
      sold_out_(l1_, clock_, shards_.count()),
      lookups_(shards_, sold_out_, clock_, ports.lane, metrics_),
      desk_({options_.grant_calls_max}, shards_, l1_, rules_, std::move(ports.rules_stale), roller_,
            lookups_, sold_out_, bus_, clock_, timer_, ports.lane, metrics_, claim_times_, starved_,
            recent_, observer.tellings()),
      report_(options_.lane, observer, clock_,
              {metrics_, l1_, desk_, loader_, answer_times_, open_answers_, claim_times_, sampler_,
               stalls_, ports.cache}),
      // The ticks, and a probe and a question for its epoch of each store.
      tasks_(ports.lane, 1 + 2 * shards_.count()),
      relays_(shards_.count()) {
  metrics_.stages = StageTimes(model::TimelineOf::answer, shards_.count());
  metrics_.claim_stages = StageTimes(model::TimelineOf::claim, shards_.count());
  metrics_.bounds.batches.limit = limits::asks_inflight_max;
  metrics_.stores.resize(shards_.count());
}

void Orchestrator::start() {
  bus_.on_invalidation([this](const model::Invalidation& what) { on_invalidation(what); });
  const bool spawned = tasks_.try_spawn(tick());
  HUNT_ASSERT(spawned);
  for (model::ShardId shard = 0; shard < shards_.count(); ++shard) {
    if (shards_.serves(shard)) static_cast<void>(tasks_.try_spawn(loader_.confirm_epoch(shard)));
  }
}

boost::asio::awaitable<void> Orchestrator::drain(std::int64_t deadline_ns) {
  while (metrics_.bounds.batches.use.inside() > 0) {
    co_await timer_.sleep_until(clock_.now_ns() + tick_ns);
  }
  while (desk_.waiting() > 0 && clock_.now_ns() < deadline_ns) {
    co_await timer_.sleep_until(clock_.now_ns() + tick_ns);
  }
  stopping_ = true;
  desk_.stop();
  co_await loader_.tasks().join(clock_, timer_);
  co_await desk_.tasks().join(clock_, timer_);
  co_await lookups_.tasks().join(clock_, timer_);
  co_await tasks_.join(clock_, timer_);
  report_.publish_figures(clock_.now_ns(), true);
}

void Orchestrator::set_rules(model::RulesInForcePtr rules) {
  rules_ = std::move(rules);
  follow_rules();
}

void Orchestrator::follow_rules() {
  const model::RuleSetPtr& now = rules_->at(clock_.wall_us());
  if (now != l1_.shared_rules()) l1_.set_rules(now);
}

Result<void> Orchestrator::set_map(std::shared_ptr<const model::ShardMap> map) {
  return shards_.set_map(std::move(map));
}

// Whether a position that is answered here needs the chunk: it takes the nine around it.
bool Orchestrator::serves_near(const model::ChunkKey& key) const {
  if (shards_.serves_all()) return true;
  const auto nine = model::nine_around(key);
  return std::any_of(nine.begin(), nine.end(),
                     [this](const auto& near) { return shards_.serves(shards_.of(near)); });
}

boost::asio::awaitable<Result<void>> Orchestrator::prewarm(std::vector<model::ChunkKey> chunks,
                                                           std::int64_t deadline_ns) {
  constexpr std::size_t step = limits::chunks_per_load_max * limits::loads_inflight_max / 4;
  std::erase_if(chunks, [this](const auto& key) { return !serves_near(key); });
  if (!chunks.empty() && clock_.now_ns() < deadline_ns) {  // then the first batch need not ask
    static_cast<void>(co_await learn_worlds(shards_.of(chunks.front())));
  }
  for (std::size_t at = 0; at < chunks.size(); at += step) {
    if (clock_.now_ns() >= deadline_ns) {
      co_return fail(Errc::deadline_exceeded,
                     fmt::format("{} of {} chunks were read in time", at, chunks.size()));
    }
    const auto end = std::min(chunks.size(), at + step);
    std::vector<model::ChunkKey> part(chunks.begin() + static_cast<std::ptrdiff_t>(at),
                                      chunks.begin() + static_cast<std::ptrdiff_t>(end));
    const std::int64_t begun_ns = clock_.now_ns();
    engine::StageClock nobodys(begun_ns);
    const auto loaded = co_await loader_.load(std::move(part), deadlines_,
                                              begun_ns + limits::answer_deadline_ns, nobodys);
    if (!loaded) co_return loaded;
  }
  co_return Result<void>{};
}

// What is refused before any work is done for it. What was stored is never refused for its age.
Result<void> Orchestrator::admit(const model::Batch& batch, std::int64_t now_ns) const {
  if (batch.positions.size() > limits::batch_positions_max) {
    return fail(Errc::too_large,
                fmt::format("a batch holds at most {} positions, this one has {}; send several",
                            limits::batch_positions_max, batch.positions.size()),
                "positions");
  }
  if (!rules_->turn_at(batch.as_of_us.value_or(clock_.wall_us())).made) {
    return fail(Errc::unavailable,
                "this process cannot make the rules that are in force; ask another one (`hunt "
                "rules status` says why)");
  }
  if (batch.as_of_us) return {};
  if (metrics_.bounds.batches.use.inside() >= limits::asks_inflight_max) {
    return fail(Errc::overloaded, "too many batches are under way in one lane; try again later");
  }
  if (batch.received_ns != 0 && now_ns - batch.received_ns >= limits::answer_deadline_ns) {
    return fail(Errc::deadline_exceeded, "the batch waited too long for its turn; ask again");
  }
  if (!shards_.serves_all() && has_foreign(batch)) return tl::unexpected<Error>(shards_.moved());
  return {};
}

bool Orchestrator::has_foreign(const model::Batch& batch) const {
  return std::any_of(batch.positions.begin(), batch.positions.end(), [&](const auto& position) {
    return !shards_.serves(shards_.of(batch.world, model::tile_id_of(position.tile)));
  });
}

boost::asio::awaitable<Result<model::BatchReply>> Orchestrator::handle(model::Batch batch,
                                                                       ports::Wait wait) {
  const std::int64_t begun_ns = clock_.now_ns();
  const auto admitted = admit(batch, begun_ns);
  if (!admitted) {
    metrics_.count_refused(admitted.error().code);
    note_refused(batch.positions.size(), admitted.error());
    co_return tl::unexpected<Error>(admitted.error());
  }
  const std::int64_t received_ns = batch.received_ns;
  const bool old = received_ns != 0 && begun_ns - received_ns >= limits::step_age_ns_max;
  auto turn = old && !batch.as_of_us ? answer_digs(std::move(batch), wait)
                                     : process(std::move(batch), wait);
  auto answered = co_await std::move(turn);
  if (!answered) metrics_.count_refused(answered.error().code);
  co_return answered;
}

void Orchestrator::begin_times(Ask& ask) const {
  const model::Batch& batch = ask.batch;
  ask.times = engine::StageClock(batch.received_ns != 0 ? batch.received_ns : ask.begun_ns);
  if (!options_.stage_clock) return;
  ask.times.cut(model::Stage::queue, ask.begun_ns);
  engine::Timeline& timeline = ask.times.timeline;
  // Without a word of when it came to this lane it is as late as the tick. The wait of what is
  // stored is known until now: that is a part of it.
  std::int64_t late_ns = batch.received_ns == 0 ? stalls_.late_ns(ask.begun_ns) : 0;
  if (batch.as_of_us) late_ns = std::min(late_ns, batch.bus_wait_ns);
  const std::int64_t stored_ns = batch.bus_wait_ns - (batch.as_of_us ? late_ns : 0);
  timeline.bus_way_ns = batch.bus_way_ns;
  timeline.add(model::Stage::bus, batch.bus_way_ns + stored_ns);
  timeline.add(model::Stage::front, batch.front_ns);
  timeline.add(model::Stage::queue, late_ns);
}

boost::asio::awaitable<Result<model::BatchReply>> Orchestrator::process(model::Batch batch,
                                                                        ports::Wait wait) {
  Ask ask;
  ask.batch = std::move(batch);
  ask.begun_ns = clock_.now_ns();
  ask.deadline_ns = ask.begun_ns + limits::answer_deadline_ns;
  begin_times(ask);
  if (wait == ports::Wait::terminal) {
    ask.wait = std::make_shared<ClaimWait>();
    ask.wait->told_first = ask.batch.as_of_us.has_value();
    ask.wait->deadline_ns = ask.deadline_ns;
  }
  metrics_.bounds.batches.use.enter(ask.begun_ns);
  Result<void> answered;
  if (!l1_.knows(ask.batch.world)) {
    const std::size_t open = open_answers_.add(ask.times, model::Stage::store_load);
    answered = co_await know_world(ask.batch);
    open_answers_.remove(open);
    cut(ask, model::Stage::store_load);
  }
  if (answered) answered = co_await answer_all(ask);
  if (answered && ask.wait != nullptr) {
    ask.wait->close_one();  // no more claims are added
    ask.times.waiting = &ask.wait->place;
    const std::size_t open = open_answers_.add(ask.times, model::Stage::store_grant);
    answered = co_await await_verdicts(ask);
    open_answers_.remove(open);
    ask.times.waiting = nullptr;
    cut_wait(ask, answered.has_value());
  }
  metrics_.bounds.batches.use.leave(clock_.now_ns());
  if (ask.turn != nullptr) idle_turns_.push_back(std::move(ask.turn));
  if (!answered) {
    note_refused(ask, answered.error());
    co_return tl::unexpected<Error>(answered.error());
  }
  finish(ask);
  co_return std::move(ask.reply);
}

// Steps that waited too long are of no use any more: where their players are now, others say.
boost::asio::awaitable<Result<model::BatchReply>> Orchestrator::answer_digs(model::Batch batch,
                                                                            ports::Wait wait) {
  model::Batch digs = digs_of(batch);
  model::BatchReply reply;
  if (digs.positions.empty()) {
    finish_shed(std::move(digs));
  } else {
    auto answered = co_await process(std::move(digs), wait);
    if (!answered) co_return answered;
    reply = std::move(*answered);
  }
  const auto dug = std::exchange(reply.outcomes, {});
  auto next = dug.begin();
  const std::int64_t now_us = clock_.wall_us();
  for (const auto& position : batch.positions) {
    const bool dig = position.kind == model::Kind::dig;
    if (!dig) {
      metrics_.count(model::Outcome::busy);
      recent_.note_busy(batch.world, position, now_us);
    }
    reply.outcomes.push_back(dig ? *next++ : model::PositionOutcome{model::Outcome::busy, 0, -1});
  }
  metrics_.shed = metrics_.positions[static_cast<std::size_t>(model::Outcome::busy)];
  co_return reply;
}

// Nothing of it was done, but it waited, and is answered.
void Orchestrator::finish_shed(model::Batch batch) {
  Ask ask;
  ask.batch = std::move(batch);
  ask.begun_ns = clock_.now_ns();
  begin_times(ask);
  finish(ask);
}

boost::asio::awaitable<Result<void>> Orchestrator::learn_worlds(model::ShardId shard) {
  const auto worlds = co_await shards_.worlds(shard).worlds();
  if (worlds) {
    l1_.know(*worlds);
    co_return Result<void>{};
  }
  metrics_.stores[shard].loads.failed(worlds.error(), clock_.now_ns());
  co_return tl::unexpected<Error>(worlds.error());
}

boost::asio::awaitable<Result<void>> Orchestrator::know_world(const model::Batch& batch) {
  // Asked for again at most once a second, so that a wrong id costs the store nothing; but what was
  // stored is not given up for a world that may have been made since.
  const std::int64_t now_ns = clock_.now_ns();
  const bool stored = batch.as_of_us.has_value();
  if (stored || worlds_asked_ns_ == INT64_MIN || now_ns - worlds_asked_ns_ >= worlds_every_ns) {
    const model::ShardId shard =
        batch.positions.empty()
            ? 0
            : shards_.of(batch.world, model::tile_id_of(batch.positions.front().tile));
    HUNT_CO_CHECK(co_await learn_worlds(shard));
    worlds_asked_ns_ = now_ns;
  }
  if (l1_.knows(batch.world)) co_return Result<void>{};
  co_return fail(
      Errc::not_found,
      fmt::format("there is no world {}; create it with `hunt world create`", batch.world),
      "world");
}

void Orchestrator::take_turn(Ask& ask) {
  if (idle_turns_.empty()) idle_turns_.push_back(std::make_unique<engine::Turn>());
  ask.turn = std::move(idle_turns_.back());
  idle_turns_.pop_back();
}

bool Orchestrator::answer_at_once(model::Batch& batch, ports::Wait wait, model::BatchReply& reply) {
  const std::int64_t now_ns = clock_.now_ns();
  const bool old = batch.received_ns != 0 && now_ns - batch.received_ns >= limits::step_age_ns_max;
  if (stopping_ || old || batch.as_of_us || !l1_.knows(batch.world)) return false;
  if (!admit(batch, now_ns)) return false;
  Ask ask;
  ask.begun_ns = now_ns;
  ask.as_of_us = clock_.wall_us();
  ask.batch = std::move(batch);
  ask.reply = std::move(reply);
  ask.reply.outcomes.clear();
  ask.reply.claims.clear();
  take_turn(ask);
  const bool answered = answer_from_memory(ask, wait == ports::Wait::terminal);
  idle_turns_.push_back(std::move(ask.turn));
  batch = std::move(ask.batch);
  reply = std::move(ask.reply);
  return answered;
}

// What it counts it counts once it has all of it: else the batch is answered anew.
bool Orchestrator::answer_from_memory(Ask& ask, bool insists) {
  begin_times(ask);
  look(ask, {ask.begun_ns, ask.as_of_us, insists});
  if (!ask.turn->missed.empty() || (insists && !settle_all_from_memory(ask))) {
    loader_.refresh(ask.turn->aging);  // they are wished for once
    return false;
  }
  metrics_.bounds.batches.use.enter(ask.begun_ns);
  settle_look(ask);
  metrics_.bounds.batches.use.leave(clock_.now_ns());
  finish(ask);
  return true;
}

void Orchestrator::look(Ask& ask, const engine::Moment& moment) {
  ask.reply.outcomes.resize(ask.batch.positions.size());
  engine::answer(l1_, ask.batch, moment, ask.reply.outcomes.data(), *ask.turn);
}

void Orchestrator::settle_look(Ask& ask) {
  const engine::Turn& turn = *ask.turn;
  if (report_.watched()) sampler_.see(ask.batch, ask.begun_ns);
  if (batches_seen_++ % batches_per_look == 0) {
    look_at_shards(ask.batch, shards_, l1_.rules().hint_radius_tiles_max(), metrics_);
  }
  metrics_.l1_misses += turn.missed.size();
  metrics_.l1_hits += ask.batch.positions.size() - turn.missed.size();
  metrics_.loot_lookups += turn.on_loot;
  if (!turn.aging.empty()) loader_.refresh(turn.aging);
  settle_candidates(ask);
  cut(ask, model::Stage::l1);
}

boost::asio::awaitable<Result<void>> Orchestrator::answer_all(Ask& ask) {
  take_turn(ask);
  engine::Turn& turn = *ask.turn;
  ask.as_of_us = ask.batch.as_of_us.value_or(clock_.wall_us());
  engine::Moment moment{ask.begun_ns, ask.as_of_us, ask.wait != nullptr};
  look(ask, moment);
  settle_look(ask);
  for (int round = 0; round < load_rounds_max && !turn.missed.empty(); ++round) {
    const std::size_t open = open_answers_.add(ask.times, model::Stage::store_load);
    const auto loaded = co_await loader_.load(turn.wanted, deadlines_, ask.deadline_ns, ask.times);
    open_answers_.remove(open);
    if (!loaded && loaded.error().code == Errc::overloaded) break;
    if (!loaded) {
      if (loaded.error().code == Errc::deadline_exceeded) {
        metrics_.stores[ask.times.timeline.load.shard].loads.failed(loaded.error(),
                                                                    clock_.now_ns());
      }
      co_return loaded;
    }
    turn.on_loot = 0;
    moment.now_ns = clock_.now_ns();
    engine::answer_missed(l1_, ask.batch, moment, ask.reply.outcomes.data(), turn);
    metrics_.loot_lookups += turn.on_loot;
    metrics_.loot_misses += turn.on_loot;
    settle_candidates(ask);
    cut(ask, model::Stage::l1);
  }
  for (const std::uint32_t i : turn.missed) ask.reply.outcomes[i] = {model::Outcome::busy, 0, -1};
  co_return Result<void>{};
}

void Orchestrator::settle_candidates(Ask& ask) {
  if (ask.turn->candidates.empty()) return;
  for (const auto& candidate : ask.turn->candidates) settle(ask, candidate);
  ask.turn->candidates.clear();
  lookups_.flush();
  desk_.flush();
}

// A refusal that L1 or the rules know may be told at once, but only to who does not insist on the
// ledger: a player who won before is still owed `granted`.
void Orchestrator::settle(Ask& ask, const engine::Candidate& candidate) {
  const bool insists = ask.wait != nullptr && !planted(Planted::winner_hears_copy);
  model::ClaimId claim;
  if (!settle_from_memory(ask, candidate, insists, claim)) ask_ledger(ask, candidate, claim);
}

bool Orchestrator::settle_from_memory(Ask& ask, const engine::Candidate& candidate, bool insists,
                                      model::ClaimId& claim) {
  const model::Position& position = ask.batch.positions[candidate.position];
  auto& outcome = ask.reply.outcomes[candidate.position];
  const model::TileId tile = model::tile_id_of(position.tile);
  const model::ShardId shard = shards_.of(ask.batch.world, tile);
  const engine::Remembered* known = desk_.remembered(position.player, candidate.spawn, shard);
  if (known != nullptr && known->outcome != model::Outcome::found) {
    // The ledger was asked for this claim. Where it has no grant, the rules' refusal stands.
    const bool granted = known->outcome == model::Outcome::granted;
    if (!granted) ++metrics_.no_grant_known;
    if (candidate.refused && !granted) return true;
    outcome = {known->outcome, 0, outcome.claim_index};
    ask.claim_of(candidate.position) = {known->claim, known->reward, granted};
    return true;
  }
  if (candidate.cached != model::Outcome::found && !candidate.refused && !insists) {
    outcome.outcome = candidate.cached;
    return true;
  }
  claim = known != nullptr ? known->claim
                           : claim_ids_.of(ask.batch.world, tile, candidate.spawn, position.player);
  // What is on its way is waited for; of a stored position the bus has to be told, too.
  const bool asks_store = known != nullptr || ask.batch.as_of_us.has_value();
  if (asks_store || !sold_out_.knows_no_grant(claim, shard)) return false;
  ++metrics_.no_grant_known;
  if (candidate.refused) return true;
  outcome = {model::Outcome::sold_out, 0, outcome.claim_index};
  ask.claim_of(candidate.position) = {claim, {}, false};
  return true;
}

bool Orchestrator::settle_all_from_memory(Ask& ask) {
  const std::uint64_t counted = metrics_.no_grant_known;
  for (const auto& candidate : ask.turn->candidates) {
    model::ClaimId claim;
    if (settle_from_memory(ask, candidate, true, claim)) continue;
    metrics_.no_grant_known = counted;
    return false;
  }
  ask.turn->candidates.clear();
  return true;
}

// The rules of the claim's own time, which may be others than those that judged it. `found`, or
// what they refuse it with.
model::Outcome Orchestrator::by_rules_of(std::int64_t as_of_us, const engine::Candidate& candidate,
                                         const model::Claim& claim, Asker& asker) const {
  const model::RuleSetPtr& rules = rules_->at(as_of_us);
  asker.rules = rules;
  asker.rules_seq = rules_->seq;
  asker.table = candidate.table;
  if (rules == l1_.shared_rules()) return model::Outcome::found;
  const auto judged = engine::judge_claim(l1_, *rules, l1_.rules().tables[candidate.table].name,
                                          claim, asker.kind, as_of_us);
  asker.table = judged.table;
  if (judged.outcome != model::Outcome::found) asker.rules.reset();
  return judged.outcome;
}

void Orchestrator::ask_ledger(Ask& ask, const engine::Candidate& candidate, model::ClaimId id) {
  const std::uint32_t index = candidate.position;
  const model::Position& position = ask.batch.positions[index];
  model::Claim claim;
  claim.world = ask.batch.world;
  claim.tile = model::tile_id_of(position.tile);
  claim.spawn = candidate.spawn;
  claim.player = position.player;
  claim.id = id;
  std::optional<std::int64_t> as_of_us = ask.batch.as_of_us;
  if (planted(Planted::drops_as_of)) as_of_us.reset();
  Asker asker{ask.wait, index, as_of_us, position.kind, candidate.refused};
  if (!asker.refused) {
    const model::Outcome judged = by_rules_of(ask.as_of_us, candidate, claim, asker);
    asker.refused = judged != model::Outcome::found;
    if (asker.refused) ask.reply.outcomes[index] = {judged, 0, -1};
    if (asker.refused && ask.wait == nullptr) return;
  }
  const bool refused = asker.refused;
  if (!refused) {
    // The ledger has to have the very time that was rolled by.
    if (asker.rules->tables[asker.table].timed && !as_of_us) asker.as_of_us = ask.as_of_us;
  }
  if (desk_.join(claim.id, asker)) {
    if (!refused) ask.claim_of(index).claim = claim.id;
    return;
  }
  // What is sold out grants nothing any more: the ledger is only read. The refusal of a stored
  // position has to be told on the bus, too, as the desk does.
  const bool reads = ask.wait != nullptr && !ask.wait->told_first;
  const model::ShardId shard = shards_.of(claim.world, claim.tile);
  const bool sold_out = reads && sold_out_.knows_sold_out(claim.spawn, shard);
  if (refused || sold_out ? lookups_.full() : desk_.full()) {
    ask.reply.outcomes[index] = {model::Outcome::busy, 0, -1};
    return;
  }
  if (!refused) ask.claim_of(index).claim = claim.id;
  if (sold_out && !refused) ask.reply.outcomes[index].outcome = model::Outcome::sold_out;
  if (refused || sold_out) {
    lookups_.submit(std::move(claim), ask.wait, index, sold_out);
    return;
  }
  desk_.submit(std::move(claim), std::move(asker), ask.times.timeline);
}

boost::asio::awaitable<Result<void>> Orchestrator::await_verdicts(Ask& ask) {
  const bool in_time = co_await ask.wait->done.wait(deadlines_, ask.deadline_ns);
  if (ask.wait->error) co_return tl::unexpected<Error>(*ask.wait->error);
  if (!in_time) {
    co_return fail(Errc::deadline_exceeded,
                   "the store did not decide in time; ask again: the claims keep their ids");
  }
  for (const auto& [position, verdict] : ask.wait->told) {
    auto& outcome = ask.reply.outcomes[position];
    outcome = {verdict.outcome, 0, outcome.claim_index};
    auto& claim = ask.claim_of(position);
    claim = {verdict.id, verdict.reward, verdict.repeat};
  }
  co_return Result<void>{};
}

void Orchestrator::cut(Ask& ask, model::Stage stage) const {
  if (options_.stage_clock) ask.times.cut(stage, clock_.now_ns());
}

void Orchestrator::cut_wait(Ask& ask, bool decided) const {
  if (!options_.stage_clock) return;
  const ClaimWait& wait = *ask.wait;
  if (decided) return ask.times.cut_grant(clock_.now_ns(), wait.shard, wait.call);
  ask.times.cut_waiting(wait.place, clock_.now_ns());
}

// A batch that is answered with an error, unless its sender is the reason.
void Orchestrator::note_refused(std::size_t positions, const Error& why) {
  const bool senders = why.code == Errc::too_large || why.code == Errc::not_found;
  if (!senders && why.code != Errc::moved) recent_.note_refused(positions, clock_.wall_us());
}

// The claims that it had are on their way all the same. Who waited until it was refused waited.
void Orchestrator::note_refused(Ask& ask, const Error& why) {
  end_times(ask);
  recent_.note(ask.batch, ask.reply, ask.as_of_us);
  note_refused(ask.batch.positions.size(), why);
}

void Orchestrator::end_times(Ask& ask) {
  if (!options_.stage_clock) return;
  const std::int64_t now_ns = clock_.now_ns();
  ask.times.cut(model::Stage::answer, now_ns);
  engine::Timeline& timeline = ask.times.timeline;
  const std::int64_t here_ns =
      timeline.total_ns - timeline.of(model::Stage::bus) - timeline.of(model::Stage::front);
  timeline.starved_ns = starved_.since(now_ns - here_ns, now_ns);
  answer_times_.add(timeline, now_ns);
}

void Orchestrator::finish(Ask& ask) {
  ++metrics_.batches;
  recent_.note(ask.batch, ask.reply, ask.as_of_us);
  for (const auto& outcome : ask.reply.outcomes) metrics_.count(outcome.outcome);
  metrics_.shed = metrics_.positions[static_cast<std::size_t>(model::Outcome::busy)];
  end_times(ask);
  if (options_.stage_clock) metrics_.stages.record(ask.times.timeline);
  record_answer(ask, clock_.now_ns());
}

// From arrival at the first part of the hunt that saw it, so the same as the time-line, where there
// is one.
void Orchestrator::record_answer(const Ask& ask, std::int64_t now_ns) {
  const model::Batch& batch = ask.batch;
  const std::int64_t came_ns = batch.received_ns != 0 ? batch.received_ns : ask.begun_ns;
  const std::int64_t before_ns = batch.front_ns + batch.bus_way_ns + batch.bus_wait_ns;
  const std::int64_t took_ns =
      options_.stage_clock ? ask.times.timeline.total_ns : now_ns - came_ns + before_ns;
  metrics_.latencies.answer.record(took_ns);
  if (ask.reply.claims.empty()) return;
  metrics_.examples.answer.put(took_ns, ask.reply.claims.front().claim, clock_.wall_us());
}

void Orchestrator::on_invalidation(const model::Invalidation& invalidation) {
  const std::int64_t now_ns = clock_.now_ns();
  const model::ShardId shard = invalidation.shard;
  if (shard >= relays_.size()) return;  // of a shard that this process has no store for
  // Believed, it would void every copy there can ever be. What is dropped is seen as a gap.
  if (invalidation.epoch > loader_.known_epoch(shard)) {
    ++metrics_.distrusted_messages;
    if (!stopping_) static_cast<void>(tasks_.try_spawn(loader_.confirm_epoch(shard)));
    return;
  }
  SeenRelay& seen = relays_[shard];
  const bool follows = invalidation.relay == seen.relay && invalidation.epoch == seen.epoch &&
                       invalidation.seq == seen.seq + 1;
  if (!follows) l1_.gap(now_ns, shard);
  l1_.begin_epoch(shard, invalidation.epoch);
  seen = {invalidation.relay, invalidation.epoch, invalidation.seq};
  for (const auto& change : invalidation.tiles) loader_.apply(change);
  l1_.heartbeat(now_ns, shard);
  if (!invalidation.tiles.empty() && invalidation.committed_ns != 0) {
    metrics_.latencies.invalidation.record(clock_.now_ns() - invalidation.committed_ns);
  }
}

boost::asio::awaitable<void> Orchestrator::tick() {
  while (!stopping_) {
    const std::int64_t now_ns = clock_.now_ns();
    starved_.read(now_ns);
    deadlines_.sweep(now_ns);
    follow_rules();
    desk_.flush();
    loader_.flush_refreshes();
    report_.publish_figures(now_ns, false);
    if (report_.publish_evidence(now_ns)) {
      for (model::ShardId shard = 0; shard < shards_.count(); ++shard) {
        // A probe under way is an answer, too: there is room for one of each store only.
        if (!shards_.serves(shard) || report_.probes(shard)) continue;
        static_cast<void>(tasks_.try_spawn(report_.probe(shard, &shards_.worlds(shard))));
      }
    }
    stalls_.expect(now_ns + tick_ns);
    co_await timer_.sleep_until(now_ns + tick_ns);
    stalls_.came(clock_.now_ns());
  }
  deadlines_.sweep(INT64_MAX);
}

}  // namespace hunt::service
