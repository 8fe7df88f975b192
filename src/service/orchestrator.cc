#include "service/orchestrator.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/limits.h"

namespace hunt::service {

namespace {

constexpr std::int64_t tick_ns = 5'000'000;  // the grain of deadlines and retries
constexpr std::int64_t worlds_every_ns = 1'000'000'000;
constexpr int load_rounds_max = 8;  // then the batch is `busy`

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
                           std::shared_ptr<const model::RuleSet> rules)
    : options_(std::move(options)),
      bus_(ports.bus),
      clock_(ports.clock),
      timer_(ports.timer),
      shards_(std::move(ports.stores), options_.map, options_.served),
      answer_times_(options_.seed),
      claim_times_(options_.seed + 1),
      l1_(options_.l1_bytes_max, std::move(rules)),
      roller_(options_.event_seed),
      loader_(l1_, shards_, ports.cache, clock_, timer_, ports.lane, metrics_, options_.seed),
      desk_({options_.grant_calls_max}, shards_, bus_, clock_, timer_, ports.lane, metrics_,
            claim_times_),
      report_(options_.lane, observer, clock_,
              {metrics_, l1_, desk_, answer_times_, open_answers_, claim_times_, sampler_}),
      tasks_(ports.lane, 1 + shards_.count()),  // the ticks, and a probe of each store
      relays_(shards_.count()) {
  metrics_.stages = StageTimes(shards_.count());
}

void Orchestrator::start() {
  bus_.on_invalidation([this](const model::Invalidation& what) { on_invalidation(what); });
  const bool spawned = tasks_.try_spawn(tick());
  HUNT_ASSERT(spawned);
}

boost::asio::awaitable<void> Orchestrator::drain(std::int64_t deadline_ns) {
  while (asks_inflight_ > 0) co_await timer_.sleep_until(clock_.now_ns() + tick_ns);
  while (desk_.waiting() > 0 && clock_.now_ns() < deadline_ns) {
    co_await timer_.sleep_until(clock_.now_ns() + tick_ns);
  }
  stopping_ = true;
  desk_.stop();
  co_await loader_.tasks().join(clock_, timer_);
  co_await desk_.tasks().join(clock_, timer_);
  co_await tasks_.join(clock_, timer_);
  report_.publish_figures(clock_.now_ns(), true);
}

void Orchestrator::set_rules(std::shared_ptr<const model::RuleSet> rules) {
  l1_.set_rules(std::move(rules));
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
  for (const auto& key : chunks) worlds_.insert(key.world);  // the first batch need not ask
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
  if (batch.as_of_us) return {};
  if (asks_inflight_ >= limits::asks_inflight_max) {
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
  HUNT_CO_CHECK(admit(batch, begun_ns));
  const std::int64_t received_ns = batch.received_ns;
  if (received_ns != 0 && begun_ns - received_ns >= limits::step_age_ns_max && !batch.as_of_us) {
    co_return co_await answer_digs(std::move(batch), wait);
  }
  co_return co_await process(std::move(batch), wait);
}

boost::asio::awaitable<Result<model::BatchReply>> Orchestrator::process(model::Batch batch,
                                                                        ports::Wait wait) {
  Ask ask;
  ask.batch = std::move(batch);
  ask.begun_ns = clock_.now_ns();
  ask.deadline_ns = ask.begun_ns + limits::answer_deadline_ns;
  const std::int64_t received_ns = ask.batch.received_ns;
  ask.times = engine::StageClock(received_ns != 0 ? received_ns : ask.begun_ns);
  ask.times.cut(model::Stage::queue, ask.begun_ns);
  if (wait == ports::Wait::terminal) {
    ask.wait = std::make_shared<ClaimWait>();
    ask.wait->told_first = ask.batch.as_of_us.has_value();
  }
  ++asks_inflight_;
  Result<void> answered;
  if (!worlds_.contains(ask.batch.world)) {
    const std::size_t open = open_answers_.add(ask.times, model::Stage::store_load);
    answered = co_await know_world(ask.batch);
    open_answers_.remove(open);
    cut(ask, model::Stage::store_load);
    ++ask.times.timeline.load_calls;
  }
  if (answered) answered = co_await answer_all(ask);
  if (answered && ask.wait != nullptr && ask.wait->open > 0) {
    const std::size_t open = open_answers_.add(ask.times, model::Stage::store_grant);
    answered = co_await await_verdicts(ask);
    open_answers_.remove(open);
    cut(ask, model::Stage::store_grant);
  }
  --asks_inflight_;
  if (ask.turn != nullptr) idle_turns_.push_back(std::move(ask.turn));
  if (!answered) co_return tl::unexpected<Error>(answered.error());
  finish(ask);
  co_return std::move(ask.reply);
}

// Steps that waited too long are of no use any more: where their players are now, others say.
boost::asio::awaitable<Result<model::BatchReply>> Orchestrator::answer_digs(model::Batch batch,
                                                                            ports::Wait wait) {
  model::Batch digs;
  digs.world = batch.world;
  for (const auto& position : batch.positions) {
    if (position.kind == model::Kind::dig) digs.positions.push_back(position);
  }
  model::BatchReply reply;
  if (!digs.positions.empty()) {
    auto answered = co_await process(std::move(digs), wait);
    if (!answered) co_return answered;
    reply = std::move(*answered);
  }
  const auto dug = std::exchange(reply.outcomes, {});
  auto next = dug.begin();
  for (const auto& position : batch.positions) {
    const bool dig = position.kind == model::Kind::dig;
    if (!dig) metrics_.count(model::Outcome::busy);
    reply.outcomes.push_back(dig ? *next++ : model::PositionOutcome{model::Outcome::busy, 0, -1});
  }
  co_return reply;
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
    const auto worlds = co_await shards_.store(shard).worlds();
    if (!worlds) co_return tl::unexpected<Error>(worlds.error());
    worlds_asked_ns_ = now_ns;
    for (const auto& known : *worlds) worlds_.insert(known.id);
  }
  if (worlds_.contains(batch.world)) co_return Result<void>{};
  co_return fail(
      Errc::not_found,
      fmt::format("there is no world {}; create it with `hunt world create`", batch.world),
      "world");
}

boost::asio::awaitable<Result<void>> Orchestrator::answer_all(Ask& ask) {
  if (idle_turns_.empty()) idle_turns_.push_back(std::make_unique<engine::Turn>());
  ask.turn = std::move(idle_turns_.back());
  idle_turns_.pop_back();
  engine::Turn& turn = *ask.turn;
  ask.as_of_us = ask.batch.as_of_us.value_or(clock_.wall_us());
  ask.reply.outcomes.resize(ask.batch.positions.size());
  if (report_.watched()) sampler_.see(ask.batch, ask.begun_ns);

  engine::answer(l1_, ask.batch, ask.begun_ns, ask.as_of_us, ask.reply.outcomes.data(), turn);
  metrics_.l1_misses += turn.missed.size();
  metrics_.l1_hits += ask.batch.positions.size() - turn.missed.size();
  metrics_.loot_lookups += turn.on_loot;
  if (!turn.aging.empty()) loader_.refresh(turn.aging);
  settle_candidates(ask);
  cut(ask, model::Stage::l1);
  for (int round = 0; round < load_rounds_max && !turn.missed.empty(); ++round) {
    const std::size_t open = open_answers_.add(ask.times, model::Stage::store_load);
    const auto loaded = co_await loader_.load(turn.wanted, deadlines_, ask.deadline_ns, ask.times);
    open_answers_.remove(open);
    if (!loaded && loaded.error().code == Errc::overloaded) break;
    if (!loaded) {
      metrics_.set_store_error(loaded.error().message, ask.times.timeline.shard);
      co_return loaded;
    }
    if (!desk_.failing()) metrics_.store_error.clear();
    turn.on_loot = 0;
    engine::answer_missed(l1_, ask.batch, clock_.now_ns(), ask.as_of_us, ask.reply.outcomes.data(),
                          turn);
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
  desk_.flush();
}

void Orchestrator::settle(Ask& ask, const engine::Candidate& candidate) {
  const model::Position& position = ask.batch.positions[candidate.position];
  auto& outcome = ask.reply.outcomes[candidate.position];
  const engine::Remembered* known = desk_.memo().find(position.player, candidate.spawn);
  if (known != nullptr && known->outcome != model::Outcome::found) {
    outcome.outcome = known->outcome;
    auto& claim = ask.claim_of(candidate.position);
    claim = {known->claim, known->item, known->outcome == model::Outcome::granted};
    return;
  }
  // A refusal that L1 knows may be told from it, but only to who does not insist on the ledger:
  // a player who won before the spawn sold out is still owed `granted`.
  const bool insists = ask.wait != nullptr || ask.batch.as_of_us.has_value();
  if (candidate.cached != model::Outcome::found && !insists) {
    outcome.outcome = candidate.cached;
    return;
  }
  if (known != nullptr && desk_.join(known->claim, ask.wait, candidate.position)) {
    ask.claim_of(candidate.position).claim = known->claim;
    return;
  }
  if (desk_.full()) {
    outcome.outcome = model::Outcome::busy;
    return;
  }
  model::Claim claim;
  claim.world = ask.batch.world;
  claim.tile = model::tile_id_of(position.tile);
  claim.spawn = candidate.spawn;
  claim.player = position.player;
  claim.id = claim_ids_.of(claim.world, claim.tile, claim.spawn, claim.player);
  const model::RuleSet& rules = l1_.rules();
  claim.item = rules.items[roller_.roll(rules, candidate.table, claim.id)];
  claim.rules = rules.version;
  claim.seed = roller_.seed_id();
  claim.as_of_us = ask.batch.as_of_us;
  ask.claim_of(candidate.position).claim = claim.id;
  desk_.submit(std::move(claim), ask.wait, candidate.position);
}

boost::asio::awaitable<Result<void>> Orchestrator::await_verdicts(Ask& ask) {
  const bool in_time = co_await ask.wait->done.wait(deadlines_, ask.deadline_ns);
  if (ask.wait->error) co_return tl::unexpected<Error>(*ask.wait->error);
  if (!in_time) {
    co_return fail(Errc::deadline_exceeded,
                   "the store did not decide in time; ask again: the claims keep their ids");
  }
  for (const auto& [position, verdict] : ask.wait->told) {
    ask.reply.outcomes[position].outcome = verdict.outcome;
    auto& claim = ask.claim_of(position);
    claim = {verdict.id, verdict.item, verdict.repeat};
  }
  co_return Result<void>{};
}

void Orchestrator::cut(Ask& ask, model::Stage stage) const {
  if (options_.stage_clock) ask.times.cut(stage, clock_.now_ns());
}

void Orchestrator::finish(Ask& ask) {
  ++metrics_.batches;
  for (const auto& outcome : ask.reply.outcomes) metrics_.count(outcome.outcome);
  metrics_.shed = metrics_.positions[static_cast<std::size_t>(model::Outcome::busy)];
  const std::int64_t now_ns = clock_.now_ns();
  if (options_.stage_clock) {
    ask.times.cut(model::Stage::answer, now_ns);
    answer_times_.add(ask.times.timeline, now_ns);
    metrics_.stages.record(ask.times.timeline);
  }
  metrics_.answer.record(now_ns - ask.begun_ns);
}

void Orchestrator::on_invalidation(const model::Invalidation& invalidation) {
  const std::int64_t now_ns = clock_.now_ns();
  const model::ShardId shard = invalidation.shard;
  if (shard >= relays_.size()) return;  // of a shard that this process has no store for
  SeenRelay& seen = relays_[shard];
  const bool follows = invalidation.relay == seen.relay && invalidation.epoch == seen.epoch &&
                       invalidation.seq == seen.seq + 1;
  if (!follows) l1_.gap(now_ns, shard);
  l1_.begin_epoch(shard, invalidation.epoch);
  seen = {invalidation.relay, invalidation.epoch, invalidation.seq};
  for (const auto& change : invalidation.tiles) loader_.apply(change);
  l1_.heartbeat(now_ns, shard);
  if (!invalidation.tiles.empty() && invalidation.committed_ns != 0) {
    metrics_.invalidation.record(clock_.now_ns() - invalidation.committed_ns);
  }
}

boost::asio::awaitable<void> Orchestrator::tick() {
  while (!stopping_) {
    const std::int64_t now_ns = clock_.now_ns();
    deadlines_.sweep(now_ns);
    desk_.flush();
    loader_.flush_refreshes();
    report_.publish_figures(now_ns, false);
    if (report_.publish_evidence(now_ns)) {
      for (model::ShardId shard = 0; shard < shards_.count(); ++shard) {
        // A probe under way is an answer, too: there is room for one of each store only.
        if (!shards_.serves(shard) || report_.probes(shard)) continue;
        static_cast<void>(tasks_.try_spawn(report_.probe(shard, &shards_.store(shard))));
      }
    }
    co_await timer_.sleep_until(now_ns + tick_ns);
  }
  deadlines_.sweep(INT64_MAX);
}

}  // namespace hunt::service
