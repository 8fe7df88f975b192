// Watch, the part that holds every outcome told against what was true then, and every copy's end
// against the read of the store that it came from.
#include <fmt/format.h>

#include <algorithm>

#include "model/limits.h"
#include "simulation/run_rules.h"
#include "simulation/watch.h"

namespace hunt::simulation {

engine::Question Watch::question(model::WorldId world, model::TileId tile,
                                 std::int64_t asked_ns) const {
  engine::Question question;
  question.world = world;
  question.tile = tile;
  question.asked_ns = asked_ns;
  question.answered_ns = cluster_.world.now_ns();
  question.wall_start_us = wall_start_us();
  question.clock_low_us = clock_low_us_;
  question.clock_high_us = clock_high_us_;
  return question;
}

// Whether rules that some process may have gone by since then are for other players or worlds. Only
// the main event ever is.
bool Watch::may_be_out(const std::optional<model::SpawnId>& spawn, model::WorldId world,
                       model::PlayerId player, std::int64_t from_us) {
  if (spawn && tables_[*spawn] != main_event) return false;
  return rules_.any_since(from_us, [&](const std::string& version) {
    const model::EventRules& event = history_.rules_of(version).events.front();
    return !event.in_world({world, {}}) || !rollout_.has(event, player);
  });
}

bool Watch::was_stopped(const std::optional<model::SpawnId>& spawn,
                        const engine::Question& question) {
  const auto was = [&](std::string_view event) {
    return rules_.could_be_stopped(event, question.asked_ns, question.answered_ns);
  };
  return spawn ? was(tables_[*spawn]) : was(main_event) || was(side_event);
}

void Watch::on_stored_reply(const model::Batch& batch, const model::BatchReply& reply) {
  const std::int64_t asked_ns = (batch.as_of_us.value_or(0) - wall_start_us()) * 1'000;
  check_answers(asked_ns, true, batch, reply);
}

void Watch::check_answers(std::int64_t asked_ns, bool insists, const model::Batch& batch,
                          const model::BatchReply& reply) {
  for (std::size_t i = 0; i < batch.positions.size(); ++i) {
    const auto& outcome = reply.outcomes[i];
    const auto& position = batch.positions[i];
    if (outcome.claim_index >= 0) {
      const auto& claim = reply.claims[static_cast<std::size_t>(outcome.claim_index)];
      history_.on_answered(claim.claim, outcome.outcome, claim.reward);
    }
    if (position.kind != model::Kind::dig || !model::is_terminal(outcome.outcome) ||
        outcome.outcome == model::Outcome::granted) {
      continue;
    }
    engine::Question asked = question(batch.world, model::tile_id_of(position.tile), asked_ns);
    asked.insists = insists;
    asked.as_of_us = batch.as_of_us;
    const auto lay = refusals_.only_spawn(asked);
    asked.may_be_out =
        may_be_out(lay, batch.world, position.player, wall_start_us() + asked_ns / 1'000);
    if (insists) check_win(asked, position, outcome.outcome);
    const auto wrong = refusals_.wrong(asked, outcome.outcome);
    if (!wrong || (outcome.outcome == model::Outcome::closed && was_stopped(lay, asked))) {
      continue;
    }
    const bool unseen =
        outcome.outcome == model::Outcome::nothing || outcome.outcome == model::Outcome::hint;
    violated(unseen ? engine::LedgerRule::stale_bounded : engine::LedgerRule::refusal_true,
             fmt::format("player {} was told \"{}\" at ({}, {}) {}, but {}", position.player.low,
                         name_of(outcome.outcome), position.tile.x, position.tile.y,
                         batch.as_of_us ? "in a stored reply"
                         : insists      ? "and insists"
                                        : "from a copy",
                         *wrong));
  }
}

// Only where no copy can have known of another spawn than the one that was won.
void Watch::check_win(const engine::Question& question, const model::Position& position,
                      model::Outcome outcome) {
  const auto spawn = refusals_.only_spawn(question);
  if (!spawn) return;
  const auto shard = cluster_.map().shard_of(question.world, question.tile);
  const sim::SimDisk& disk = cluster_.shards[shard]->disk().disk();
  const auto claim = claim_ids_.of(question.world, question.tile, *spawn, position.player);
  const auto row = disk.by_claim_.find(claim);
  if (row == disk.by_claim_.end() || disk.ledger_[row->second].aborted) return;
  const std::int64_t granted_ns =
      (disk.ledger_[row->second].at_us + 1 - question.wall_start_us) * 1'000;
  if (cluster_.shards[shard]->seen_since_ns(granted_ns) > question.asked_ns) return;
  violated(
      engine::LedgerRule::win_for_ever,
      fmt::format("player {} insisted at ({}, {}) and was told \"{}\", but claim {} had been "
                  "granted {} ms before he asked",
                  position.player.low, position.tile.x, position.tile.y, name_of(outcome),
                  model::format_claim_id(claim), (question.asked_ns - granted_ns) / 1'000'000));
}

// What the log of claims says of a claim: which spawn that was follows from its id.
void Watch::check_log(const model::ClaimEvent& event) {
  if (event.outcome == model::Outcome::granted || !model::is_terminal(event.outcome)) return;
  const model::TileId tile = model::tile_id_of(event.tile);
  const auto* times = history_.asked(event.world, tile, event.player);
  engine::Question asked = question(event.world, tile, times == nullptr ? 0 : times->first_ns);
  const auto spawns = tiles_.spawns_of(event.world, tile);
  const auto spawn = std::find_if(spawns.begin(), spawns.end(), [&](model::SpawnId one) {
    return claim_ids_.of(event.world, tile, one, event.player) == event.claim;
  });
  if (spawn == spawns.end()) return;  // of a spawn that a failover lost
  asked.may_be_out =
      may_be_out(*spawn, event.world, event.player, wall_start_us() + asked.asked_ns / 1'000);
  const auto wrong = times == nullptr
                         ? std::optional<std::string>("nobody asked for it")
                         : refusals_.wrong_in_log(asked, *spawn, event.outcome, times->as_ofs_us);
  if (!wrong || (event.outcome == model::Outcome::closed && was_stopped(*spawn, asked))) return;
  violated(engine::LedgerRule::refusal_true,
           fmt::format("claim {} at ({}, {}) was told \"{}\" in the log, but {}",
                       model::format_claim_id(event.claim), event.tile.x, event.tile.y,
                       name_of(event.outcome), *wrong));
}

// Exactly: whoever holds a copy knows when it ends, and that is within its life of the last read.
void Watch::check_ends() {
  const std::int64_t now_ns = cluster_.world.now_ns();
  const auto check = [&](model::ChunkKey key, std::int64_t ends_ns, const std::string& where) {
    if (ends_ns <= now_ns) return;
    const auto shard = cluster_.map().shard_of(key);
    const std::int64_t read_ns = cluster_.shards[shard]->last_read_ns(key);
    if (read_ns != INT64_MIN && ends_ns <= read_ns + limits::chunk_life_ns) return;
    violated(engine::LedgerRule::copy_in_time,
             fmt::format(
                 "a copy in {} ends {} us later than its life after the last read", where,
                 read_ns == INT64_MIN ? -1 : (ends_ns - read_ns - limits::chunk_life_ns) / 1'000));
  };
  for (std::size_t pod = 0; pod < cluster_.pod_count(); ++pod) {
    const service::Orchestrator* orchestrator = cluster_.orchestrator(pod);
    if (orchestrator == nullptr) continue;
    const std::int64_t host_ns = cluster_.world.host(cluster_.pod_node(pod))->now_ns();
    const std::string where = fmt::format("pod {}", pod);
    orchestrator->memory().for_each([&](const engine::Chunk& copy) {
      check(model::chunk_key(copy.world, copy.at), now_ns + copy.own_expires_ns - host_ns, where);
    });
  }
  for (const auto& cache : cluster_.caches.states) {
    cache.for_each_fill([&](model::ChunkKey key, std::int64_t expires_ms) {
      check(key, (expires_ms * 1'000 - wall_start_us()) * 1'000, "a cache");
    });
  }
}

}  // namespace hunt::simulation
