#include "engine/answer.h"

#include <algorithm>
#include <array>
#include <bit>

namespace hunt::engine {

namespace {

model::PositionOutcome hint_at(const TileBits& bits, model::Tile tile, std::int32_t radius_max) {
  std::uint32_t within = 0;
  for (std::size_t i = 0; i < bits.bands.size(); ++i) {
    within |= (bits.bands[i] >> (tile.x & 31) & 1U) << i;
  }
  if (within == 0) return {};
  const auto nearest = static_cast<std::size_t>(std::countr_zero(within));
  const std::int32_t edge = std::min(band_edges_tiles[nearest], radius_max);
  return {model::Outcome::hint, static_cast<std::uint16_t>(edge), -1};
}

// A tile with a spawn of its own. Returns true when that decides the outcome (a candidate).
bool on_spawn(const L1& l1, const Spawn& spawn, const model::Position& position,
              std::uint32_t index, std::int64_t as_of_us, model::PositionOutcome& outcome,
              Turn& turn) {
  const std::int32_t table = l1.table_index_of(spawn);
  if (table < 0) return false;
  const auto table_index = static_cast<std::uint32_t>(table);
  const model::EventRules& event = l1.rules().events[l1.rules().tables[table_index].event];
  const bool hidden = as_of_us < spawn.opens_us || as_of_us < event.starts_us;
  if (hidden) return false;
  if (event.trigger == model::Trigger::dig && position.kind != model::Kind::dig) {
    const bool open = !spawn.sold_out && spawn.eligible(as_of_us) && event.open(as_of_us);
    if (!open || event.hint_radius_tiles == 0) return false;
    outcome = {model::Outcome::hint, 0, -1};
    return true;
  }
  if (!event.open(as_of_us)) {
    outcome = {model::Outcome::closed, 0, -1};
    return true;
  }
  Candidate candidate{index, table_index, spawn.id, model::Outcome::found};
  if (as_of_us >= spawn.closes_us) candidate.cached = model::Outcome::closed;
  if (spawn.sold_out) candidate.cached = model::Outcome::sold_out;
  turn.candidates.push_back(candidate);
  outcome = {model::Outcome::found, 0, -1};
  return true;
}

// What lies near: for the positions with loot in reach.
model::PositionOutcome look(const L1& l1, const Chunk& chunk, const model::Position& position,
                            std::uint32_t index, std::int64_t as_of_us, std::int32_t radius_max,
                            Turn& turn) {
  const TileBits& bits = bits_of(chunk, position.tile);
  if (bit_at(bits.rows, position.tile)) {
    ++turn.on_loot;
    const Spawn* spawn = chunk.find(local_of(position.tile));
    model::PositionOutcome outcome;
    if (on_spawn(l1, *spawn, position, index, as_of_us, outcome, turn)) return outcome;
  }
  return hint_at(bits, position.tile, radius_max);
}

// One position; false when its chunk is not usable.
inline bool answer_one(L1& l1, const model::Batch& batch, std::uint32_t index, std::int64_t now_ns,
                       std::int64_t as_of_us, std::int32_t radius_max,
                       model::PositionOutcome* outcomes, Turn& turn) {
  const model::Position& position = batch.positions[index];
  Chunk* chunk = l1.usable(batch.world, model::chunk_at(position.tile), now_ns, as_of_us);
  if (chunk == nullptr) return false;
  if (now_ns >= chunk->refresh_from_ns) l1.want_refresh(*chunk, now_ns, turn.aging);
  outcomes[index] = look(l1, *chunk, position, index, as_of_us, radius_max, turn);
  return true;
}

// The first pass over up to `block` positions: memory first, branches later. Slots and chunks are
// fetched ahead, `nothing` is written for all, and the few that need a look are collected.
constexpr std::uint32_t block = 32;

struct Interesting {
  const Chunk* chunk;  // nullptr when the slow path has to look for it
  std::uint32_t position;
};

std::uint32_t sift(const L1& l1, const model::Batch& batch, std::uint32_t first,
                   std::uint32_t count, std::int64_t now_ns, std::int64_t as_of_us,
                   model::PositionOutcome* outcomes, Interesting* interesting) {
  std::array<Chunk*, block> chunks;
  const model::Position* positions = batch.positions.data() + first;
  for (std::uint32_t i = 0; i < count; ++i) {
    l1.prefetch(batch.world, model::chunk_at(positions[i].tile));
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    chunks[i] = l1.peek(batch.world, model::chunk_at(positions[i].tile));
    if (chunks[i] == nullptr) continue;
    __builtin_prefetch(chunks[i]);
    __builtin_prefetch(&bits_of(*chunks[i], positions[i].tile));
  }
  std::uint32_t found = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    Chunk* chunk = chunks[i];
    outcomes[first + i] = {};
    interesting[found] = {nullptr, first + i};
    if (chunk == nullptr) {
      ++found;
      continue;
    }
    if (!chunk->referenced) chunk->referenced = true;
    const bool good = (now_ns < chunk->good_until_ns) & (as_of_us < chunk->maps_until_us);
    interesting[found].chunk = good ? chunk : nullptr;
    found += !good | bit_at(bits_of(*chunk, positions[i].tile).active, positions[i].tile);
  }
  return found;
}

}  // namespace

void answer(L1& l1, const model::Batch& batch, std::int64_t now_ns, std::int64_t as_of_us,
            model::PositionOutcome* outcomes, Turn& turn) {
  turn.missed.clear();
  turn.wanted.clear();
  turn.aging.clear();
  turn.candidates.clear();
  turn.on_loot = 0;
  l1.begin_turn(now_ns);
  const std::int32_t radius_max = l1.rules().hint_radius_tiles_max();
  const auto count = static_cast<std::uint32_t>(batch.positions.size());
  std::array<Interesting, block> interesting;
  for (std::uint32_t first = 0; first < count; first += block) {
    const std::uint32_t size = std::min(block, count - first);
    const std::uint32_t found =
        sift(l1, batch, first, size, now_ns, as_of_us, outcomes, interesting.data());
    for (std::uint32_t k = 0; k < found; ++k) {
      const std::uint32_t i = interesting[k].position;
      if (interesting[k].chunk != nullptr) {
        outcomes[i] =
            look(l1, *interesting[k].chunk, batch.positions[i], i, as_of_us, radius_max, turn);
        continue;
      }
      if (answer_one(l1, batch, i, now_ns, as_of_us, radius_max, outcomes, turn)) continue;
      turn.missed.push_back(i);
      l1.want(batch.world, model::chunk_at(batch.positions[i].tile), now_ns, turn.wanted);
    }
  }
}

void answer_missed(L1& l1, const model::Batch& batch, std::int64_t now_ns, std::int64_t as_of_us,
                   model::PositionOutcome* outcomes, Turn& turn) {
  turn.wanted.clear();
  turn.aging.clear();
  turn.candidates.clear();
  l1.begin_turn(now_ns);
  const std::int32_t radius_max = l1.rules().hint_radius_tiles_max();
  std::size_t kept = 0;
  for (const std::uint32_t i : turn.missed) {
    if (answer_one(l1, batch, i, now_ns, as_of_us, radius_max, outcomes, turn)) continue;
    turn.missed[kept++] = i;
    l1.want(batch.world, model::chunk_at(batch.positions[i].tile), now_ns, turn.wanted);
  }
  turn.missed.resize(kept);
}

}  // namespace hunt::engine
