// A second way to count what crosses shards: position by position and tile by tile, as slow as it
// is plain. For tests.
#pragma once
#include <algorithm>
#include <set>
#include <vector>

#include "base/prng.h"
#include "shards/traffic.h"

namespace hunt::shards {

using Trace = std::vector<model::TraceRow>;

struct ByHand {
  ByPart<std::uint64_t> positions{};
  ByPart<std::uint64_t> crossing{};
  ByPart<std::vector<std::uint64_t>> load;
};

// Eight blocks at most, each a power of two in seconds: the first, third, … choose.
inline std::size_t part_of(const Trace& trace, std::size_t row) {
  std::int64_t block_ms = 1'000;
  while (trace.back().t_ms - trace.front().t_ms >= 8 * block_ms) block_ms *= 2;
  return static_cast<std::size_t>((trace[row].t_ms - trace.front().t_ms) / block_ms % 2);
}

template <class ShardOfChunk>
ByHand count_by_hand(const Trace& trace, std::int32_t radius, std::uint32_t shards,
                     ShardOfChunk shard_of) {
  ByHand out;
  for (auto& load : out.load) load.resize(shards);
  for (std::size_t row = 0; row < trace.size(); ++row) {
    const model::Tile tile = trace[row].tile;
    const model::WorldId world = trace[row].world;
    std::set<model::ShardId> needed;
    for (std::int32_t y = tile.y - radius; y <= tile.y + radius; ++y) {
      for (std::int32_t x = tile.x - radius; x <= tile.x + radius; ++x) {
        needed.insert(shard_of(model::chunk_of(world, model::tile_id_of({x, y}))));
      }
    }
    const std::size_t part = part_of(trace, row);
    ++out.positions[part];
    out.crossing[part] += needed.size() > 1 ? 1 : 0;
    ++out.load[part][shard_of(model::chunk_of(world, model::tile_id_of(tile)))];
  }
  return out;
}

// Players who walk about in two worlds, and sometimes go elsewhere.
inline Trace random_walks(std::uint64_t seed, std::size_t rows, std::int64_t step_ms) {
  Prng prng(seed);
  constexpr std::uint32_t players = 5;
  std::vector<model::TraceRow> at(players);
  Trace trace;
  std::int64_t t_ms = 1'551'944'160'000;
  for (std::size_t i = 0; i < rows; ++i) {
    const auto player = static_cast<std::uint32_t>(prng.below(players));
    model::TraceRow& row = at[player];
    row.player = player;
    t_ms += static_cast<std::int64_t>(prng.below(static_cast<std::uint64_t>(2 * step_ms)));
    row.t_ms = t_ms;
    row.tile.x += static_cast<std::int32_t>(prng.between(-3, 3));
    row.tile.y += static_cast<std::int32_t>(prng.between(-3, 3));
    if (prng.chance({1, 50})) {
      row.tile = {static_cast<std::int32_t>(prng.between(-300, 300)),
                  static_cast<std::int32_t>(prng.between(-300, 300))};
      row.world = static_cast<std::uint16_t>(prng.below(2));
    }
    trace.push_back(row);
  }
  return trace;
}

inline Result<Counted> counted_of(const Trace& trace, std::uint32_t shards, std::int32_t radius) {
  const std::vector<model::WorldId> worlds{0, 1};
  Traffic traffic(shards, radius);
  // In parts, as readers give them.
  for (std::size_t at = 0; at < trace.size(); at += 100) {
    const std::size_t count = std::min<std::size_t>(100, trace.size() - at);
    HUNT_CHECK(traffic.add(std::span(trace).subspan(at, count), worlds));
  }
  return std::move(traffic).finish();
}

}  // namespace hunt::shards
