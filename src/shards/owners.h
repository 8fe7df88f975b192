// Owners: which shard a chunk would belong to, by the keys that people choose from.
//
// Not a shard map: a function, also where no map could say it in a few ranges. Pure.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "model/shard_map.h"
#include "model/tile.h"

namespace hunt::shards {

using Owner = std::function<model::ShardId(const model::ChunkKey&)>;

// Spread evenly, and the same on every machine.
[[nodiscard]] inline std::uint32_t hashed(std::uint64_t a, std::uint64_t b,
                                          std::uint32_t shards) noexcept {
  std::uint64_t state = b;
  state = a ^ splitmix64(state);
  return static_cast<std::uint32_t>(splitmix64(state) % shards);
}

[[nodiscard]] inline Owner by_world(std::uint32_t shards) {
  return [shards](const model::ChunkKey& key) { return hashed(0, key.world, shards); };
}

// Squares of 2^level chunks a side, each by the hash of its world and place. Level 0: the chunk.
[[nodiscard]] inline model::ShardId region_hash(const model::ChunkKey& key, int level,
                                                std::uint32_t shards) noexcept {
  return hashed(key.chunk >> (2 * level), key.world, shards);
}
[[nodiscard]] inline Owner by_region(int level, std::uint32_t shards) {
  return [level, shards](const model::ChunkKey& key) { return region_hash(key, level, shards); };
}

// Stripes along x, in all worlds alike: `bounds` are the chunk columns where the second, third, …
// begin, sorted.
[[nodiscard]] inline Owner by_stripes(std::vector<std::int32_t> bounds) {
  return [bounds = std::move(bounds)](const model::ChunkKey& key) {
    const std::int32_t x = model::chunk_at(key.chunk).x;
    return static_cast<model::ShardId>(std::upper_bound(bounds.begin(), bounds.end(), x) -
                                       bounds.begin());
  };
}

[[nodiscard]] inline Owner by_map(const model::ShardMap& map) {
  return [&map](const model::ChunkKey& key) { return map.shard_of(key); };
}

[[nodiscard]] inline std::uint32_t player_hash(std::uint32_t player,
                                               std::uint32_t shards) noexcept {
  return hashed(player, 0x70'6c'61'79ULL, shards);
}
[[nodiscard]] inline std::uint32_t tile_hash(model::WorldId world, model::TileId tile,
                                             std::uint32_t shards) noexcept {
  return hashed(tile.value, ~std::uint64_t{world}, shards);
}

}  // namespace hunt::shards
