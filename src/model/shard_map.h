// ShardMap: which shard owns which tiles: sorted ranges over (world, chunk).
//
// Not where a shard's store is (that is its URL) and not the ranges' states, which each store keeps
// itself and checks on every grant. Neighbours stay together, and ranges begin at chunks, so a
// chunk is never split. A value; without one everything is shard 0.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "model/tile.h"

namespace hunt::model {

using ShardId = std::uint32_t;

struct ShardRange {
  ChunkKey first;  // the range reaches to the next one's
  ShardId shard = 0;
  friend bool operator==(const ShardRange&, const ShardRange&) = default;
};

struct ShardMap {
  std::uint32_t version = 1;
  std::uint32_t shards = 1;                 // their count
  std::vector<ShardRange> ranges{{{}, 0}};  // sorted by `first`; the first one begins at {0, 0}

  [[nodiscard]] ShardId shard_of(ChunkKey key) const noexcept {
    const auto after = std::upper_bound(
        ranges.begin(), ranges.end(), key,
        [](const ChunkKey& at, const ShardRange& range) { return at < range.first; });
    return after == ranges.begin() ? 0 : std::prev(after)->shard;
  }
  [[nodiscard]] ShardId shard_of(WorldId world, TileId tile) const noexcept {
    return shard_of(chunk_of(world, tile));
  }
};

}  // namespace hunt::model
