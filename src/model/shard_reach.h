// What one position needs of the shards: the chunks that its hint square touches, its own among
// them, where its claim would go, too.
//
// Not what a lane keeps in memory (the nine chunks around, whatever the radius). In Z-order the low
// corner of a square has its lowest code and the high corner its highest. Pure.
#pragma once
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>

#include "model/shard_map.h"
#include "model/tile.h"

namespace hunt::model {

// Both corners, in chunks; at the edge of all coordinates the square is cut. Bound: the radius is
// at most limits::hint_radius_tiles_max, so that there are at most nine of them.
struct ChunkReach {
  ChunkAt low;
  ChunkAt high;
};

[[nodiscard]] constexpr ChunkReach reach_of(Tile tile, std::int32_t radius_tiles) noexcept {
  const auto moved = [](std::int32_t from, std::int32_t by) {
    return static_cast<std::int32_t>(
        std::clamp<std::int64_t>(std::int64_t{from} + by, std::numeric_limits<std::int32_t>::min(),
                                 std::numeric_limits<std::int32_t>::max()));
  };
  return {chunk_at(Tile{moved(tile.x, -radius_tiles), moved(tile.y, -radius_tiles)}),
          chunk_at(Tile{moved(tile.x, radius_tiles), moved(tile.y, radius_tiles)})};
}

// The shard that all of these chunks belong to; nothing where they are of several.
[[nodiscard]] inline std::optional<ShardId> only_shard(const ShardMap& map, WorldId world,
                                                       const ChunkReach& reach) noexcept {
  const ChunkKey low = chunk_key(world, reach.low);
  const auto after = std::upper_bound(
      map.ranges.begin(), map.ranges.end(), low,
      [](const ChunkKey& at, const ShardRange& range) { return at < range.first; });
  const ShardId first = after == map.ranges.begin() ? 0 : std::prev(after)->shard;
  if (after == map.ranges.end() || chunk_key(world, reach.high) < after->first) return first;
  for (std::int32_t y = reach.low.y; y <= reach.high.y; ++y) {
    for (std::int32_t x = reach.low.x; x <= reach.high.x; ++x) {
      if (map.shard_of(chunk_key(world, {x, y})) != first) return {};
    }
  }
  return first;
}

}  // namespace hunt::model
