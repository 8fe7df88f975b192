#include "engine/answer.h"

#include <algorithm>
#include <array>

namespace hunt::engine {

namespace {

// What each code of a tile comes to when no spawn of its own decides: `nothing`, or a hint.
using Outcomes = std::array<model::PositionOutcome, 2 * spawn_bit>;

Outcomes outcomes_by_code(const L1& l1) {
  const std::int32_t radius_max = l1.rules().hint_radius_tiles_max();
  Outcomes outcomes{};
  for (std::size_t i = 0; i < band_edges_tiles.size(); ++i) {
    const auto edge = static_cast<std::uint16_t>(std::min(band_edges_tiles[i], radius_max));
    outcomes[i + 1] = {model::Outcome::hint, edge, -1};
    outcomes[spawn_bit + i + 1] = outcomes[i + 1];
  }
  return outcomes;
}

// What the rules say of a position on a spawn: `found` when they let it claim, else their refusal.
// `elsewhere`: what the tile comes to as if it had none.
model::PositionOutcome judge(const L1& l1, const Spawn& spawn, const model::Position& position,
                             model::WorldId world, std::int64_t as_of_us,
                             model::PositionOutcome elsewhere) {
  const L1::TableInForce& in_force = l1.in_force(spawn);
  const bool triggers = !in_force.must_dig || position.kind == model::Kind::dig;
  if (triggers && in_force.for_all.holds(as_of_us) && spawn.window.opened(as_of_us)) {
    return {model::Outcome::found, 0, -1};
  }
  const model::LootTable* table = l1.table_of(spawn);
  if (table == nullptr) return elsewhere;
  const model::EventRules& event = l1.rules().events[table->event];
  const bool hidden = !spawn.window.opened(as_of_us) || !event.opened(as_of_us);
  if (hidden || !l1.is_for(event, world, position.player)) return elsewhere;
  if (!triggers) {
    const bool open = !spawn.window.closed(as_of_us) && event.holds(as_of_us);
    if (spawn.sold_out || !open || event.hint_radius_tiles == 0) return elsewhere;
    return {model::Outcome::hint, 0, -1};
  }
  if (!event.holds(as_of_us)) return {model::Outcome::closed, 0, -1};
  return {model::Outcome::found, 0, -1};
}

Candidate candidate_of(const L1& l1, const Spawn& spawn, std::uint32_t index,
                       std::int64_t as_of_us) {
  Candidate candidate;
  candidate.position = index;
  candidate.table = static_cast<std::uint32_t>(l1.in_force(spawn).index);
  candidate.spawn = spawn.id;
  if (spawn.window.closed(as_of_us)) candidate.cached = model::Outcome::closed;
  if (spawn.sold_out) candidate.cached = model::Outcome::sold_out;
  return candidate;
}

// One turn's constants.
struct Glance {
  Moment moment;
  Outcomes by_code;
};

// A position in a chunk whose codes hold.
model::PositionOutcome look(const L1& l1, const Chunk& chunk, const model::Position& position,
                            std::uint32_t index, const Glance& glance, Turn& turn) {
  const std::uint32_t code = chunk.codes.at(local_of(position.tile));
  const model::PositionOutcome elsewhere = glance.by_code[code];
  if ((code & spawn_bit) == 0) return elsewhere;
  ++turn.on_loot;
  const Spawn& spawn = chunk.spawns[chunk.ranks.of(local_of(position.tile))];
  const std::int64_t as_of_us = glance.moment.as_of_us;
  const model::PositionOutcome outcome =
      judge(l1, spawn, position, chunk.world, as_of_us, elsewhere);
  const bool refused = outcome.outcome != model::Outcome::found;
  if (refused && !glance.moment.insists) return outcome;
  turn.candidates.push_back(candidate_of(l1, spawn, index, as_of_us));
  turn.candidates.back().refused = refused;
  return outcome;
}

// One position, whatever the state of its chunk; false when that is not usable.
bool answer_one(L1& l1, const model::Batch& batch, std::uint32_t index, const Glance& glance,
                model::PositionOutcome* outcomes, Turn& turn) {
  const Moment& moment = glance.moment;
  const model::Position& position = batch.positions[index];
  const model::ChunkAt at = model::chunk_at(position.tile);
  Chunk* chunk = l1.usable(batch.world, at, moment.now_ns, moment.as_of_us);
  if (chunk == nullptr) {
    l1.want(batch.world, at, moment.now_ns, turn.wanted);
    return false;
  }
  if (moment.now_ns >= chunk->refresh_from_ns) l1.want_refresh(*chunk, moment.now_ns, turn.aging);
  outcomes[index] = look(l1, *chunk, position, index, glance, turn);
  return true;
}

// The first pass goes over blocks of positions, memory first and without a branch on what they come
// to: slots and chunks are fetched ahead, and the few that need more than their code are collected.
constexpr std::uint32_t block = 32;

// A position that needs more than its code: its chunk when it has a spawn of its own, nullptr when
// the slow path has to find out about the chunk.
struct Left {
  const Chunk* chunk;
  std::uint32_t position;
};

struct Block {
  std::array<Chunk* const*, block> places;
  std::array<Chunk*, block> chunks;
  std::array<Left, block> left;
};

// Answers `count` positions by their codes. Writes those that need more to `of.left` and returns
// how many they are.
std::uint32_t answer_by_code(const L1& l1, const model::Batch& batch, std::uint32_t first,
                             std::uint32_t count, const Glance& glance,
                             model::PositionOutcome* outcomes, Block& of) {
  const Moment& moment = glance.moment;
  auto& [places, chunks, left] = of;
  const model::Position* positions = batch.positions.data() + first;
  for (std::uint32_t i = 0; i < count; ++i) {
    places[i] = l1.place_of(batch.world, model::chunk_at(positions[i].tile));
    __builtin_prefetch(places[i]);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    chunks[i] = *places[i];
    if (chunks[i] == nullptr) continue;
    __builtin_prefetch(chunks[i]);
    __builtin_prefetch(chunks[i]->codes.address_of(local_of(positions[i].tile)));
  }
  std::uint32_t left_count = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    left[left_count] = {nullptr, first + i};
    Chunk* chunk = chunks[i];
    if (chunk == nullptr) {
      ++left_count;
      continue;
    }
    if (!chunk->referenced) chunk->referenced = true;
    const bool good =
        (moment.now_ns < chunk->good_until_ns) & (moment.as_of_us < chunk->maps_until_us);
    const std::uint32_t code = chunk->codes.at(local_of(positions[i].tile));
    outcomes[first + i] = glance.by_code[code];
    left[left_count].chunk = good ? chunk : nullptr;
    left_count += static_cast<std::uint32_t>(!good) | (code / spawn_bit);
  }
  return left_count;
}

}  // namespace

void answer(L1& l1, const model::Batch& batch, const Moment& moment,
            model::PositionOutcome* outcomes, Turn& turn) {
  turn.missed.clear();
  turn.wanted.clear();
  turn.aging.clear();
  turn.candidates.clear();
  turn.on_loot = 0;
  l1.begin_turn(moment.now_ns);
  const Glance glance{moment, outcomes_by_code(l1)};
  const auto count = static_cast<std::uint32_t>(batch.positions.size());
  Block of;
  for (std::uint32_t first = 0; first < count; first += block) {
    const std::uint32_t size = std::min(block, count - first);
    const std::uint32_t left_count = answer_by_code(l1, batch, first, size, glance, outcomes, of);
    for (std::uint32_t k = 0; k < left_count; ++k) {
      const auto [chunk, i] = of.left[k];
      if (chunk != nullptr) {
        outcomes[i] = look(l1, *chunk, batch.positions[i], i, glance, turn);
      } else if (!answer_one(l1, batch, i, glance, outcomes, turn)) {
        turn.missed.push_back(i);
      }
    }
  }
}

Judged judge_claim(const L1& l1, const model::RuleSet& rules, std::string_view table,
                   const model::Claim& claim, model::Kind kind, std::int64_t as_of_us) {
  const auto index = rules.find_table(table);
  if (!index) return {model::Outcome::closed, 0};
  const model::EventRules& event = rules.events[rules.tables[*index].event];
  if (!l1.is_for(event, claim.world, claim.player)) return {model::Outcome::nothing, *index};
  const bool must_dig = event.trigger == model::Trigger::dig && kind != model::Kind::dig;
  if (must_dig || !event.opened(as_of_us)) return {model::Outcome::nothing, *index};
  if (!event.holds(as_of_us)) return {model::Outcome::closed, 0};
  return {model::Outcome::found, *index};
}

void answer_missed(L1& l1, const model::Batch& batch, const Moment& moment,
                   model::PositionOutcome* outcomes, Turn& turn) {
  turn.wanted.clear();
  turn.aging.clear();
  turn.candidates.clear();
  l1.begin_turn(moment.now_ns);
  const Glance glance{moment, outcomes_by_code(l1)};
  std::size_t kept = 0;
  for (const std::uint32_t i : turn.missed) {
    if (!answer_one(l1, batch, i, glance, outcomes, turn)) turn.missed[kept++] = i;
  }
  turn.missed.resize(kept);
}

}  // namespace hunt::engine
