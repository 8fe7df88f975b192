// What a position needs of the shards, against a second way to find it: tile by tile.
#include "model/shard_reach.h"

#include <gtest/gtest.h>

#include <set>

#include "base/prng.h"

namespace hunt::model {
namespace {

TEST(ShardReach, is_the_chunks_of_all_tiles_of_the_square) {
  Prng prng(1);
  for (int round = 0; round < 2'000; ++round) {
    const Tile tile{static_cast<std::int32_t>(prng.between(-200, 200)),
                    static_cast<std::int32_t>(prng.between(-200, 200))};
    const auto radius = static_cast<std::int32_t>(prng.below(33));
    std::set<ChunkAt> expected;
    for (std::int32_t y = tile.y - radius; y <= tile.y + radius; ++y) {
      for (std::int32_t x = tile.x - radius; x <= tile.x + radius; ++x) {
        expected.insert(chunk_at(Tile{x, y}));
      }
    }
    const ChunkReach reach = reach_of(tile, radius);
    std::set<ChunkAt> found;
    for (std::int32_t y = reach.low.y; y <= reach.high.y; ++y) {
      for (std::int32_t x = reach.low.x; x <= reach.high.x; ++x) found.insert({x, y});
    }
    ASSERT_EQ(found, expected);
  }
}

TEST(ShardReach, ends_at_the_edge_of_all_coordinates) {
  constexpr std::int32_t least = std::numeric_limits<std::int32_t>::min();
  constexpr std::int32_t most = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(reach_of({least, most}, 32).low, (ChunkAt{chunk_at(Tile{least, most - 32})}));
  EXPECT_EQ(reach_of({least, most}, 32).high, (ChunkAt{chunk_at(Tile{least + 32, most})}));
}

// Shards that change every few chunks, so that squares cross in every way.
ShardMap patchwork(Prng& prng) {
  ShardMap map;
  map.shards = 3;
  for (std::int32_t y = -8; y < 8; ++y) {
    for (std::int32_t x = -8; x < 8; ++x) {
      if (!prng.chance({1, 3})) continue;
      map.ranges.push_back({chunk_key(1, {x, y}), static_cast<ShardId>(prng.below(3))});
    }
  }
  std::sort(map.ranges.begin() + 1, map.ranges.end(),
            [](const ShardRange& a, const ShardRange& b) { return a.first < b.first; });
  return map;
}

TEST(ShardReach, crosses_where_a_chunk_of_it_is_another_shards) {
  Prng prng(2);
  int crossing = 0;
  for (int round = 0; round < 2'000; ++round) {
    const ShardMap map = patchwork(prng);
    const Tile tile{static_cast<std::int32_t>(prng.between(-250, 250)),
                    static_cast<std::int32_t>(prng.between(-250, 250))};
    const auto radius = static_cast<std::int32_t>(prng.below(33));
    std::set<ShardId> shards;
    for (std::int32_t y = tile.y - radius; y <= tile.y + radius; ++y) {
      for (std::int32_t x = tile.x - radius; x <= tile.x + radius; ++x) {
        shards.insert(map.shard_of(1, tile_id_of({x, y})));
      }
    }
    const auto only = only_shard(map, 1, reach_of(tile, radius));
    ASSERT_EQ(only.has_value(), shards.size() == 1);
    ASSERT_EQ(only.value_or(*shards.begin()), *shards.begin());
    crossing += shards.size() > 1 ? 1 : 0;
  }
  EXPECT_GT(crossing, 200);
  EXPECT_LT(crossing, 1'800);
}

}  // namespace
}  // namespace hunt::model
