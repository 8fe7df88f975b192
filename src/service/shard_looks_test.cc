// What lanes count of shards: whose positions they are, and which need several.
#include "service/shard_looks.h"

#include <gtest/gtest.h>

#include "service/cluster_test_support.h"
#include "service/service_test_support.h"

namespace hunt::service {
namespace {

model::Batch batch_at(std::initializer_list<std::int32_t> xs) {
  model::Batch batch;
  batch.world = 1;
  for (const std::int32_t x : xs) {
    model::Position position;
    position.tile = {x, 10};
    batch.positions.push_back(position);
  }
  return batch;
}

TEST(ShardLooks, tell_shards_of_tiles_and_what_needs_both) {
  auto map = std::make_shared<model::ShardMap>();
  map->shards = 2;
  map->ranges.push_back({model::chunk_of(1, model::tile_id_of({32, 0})), 1});
  VirtualLane lane{test_rules()};
  sim::SimStore first(lane.time, lane.time, 0);
  sim::SimStore second(lane.time, lane.time, 1);
  const Shards two({&first, &second}, map, {});
  LaneMetrics metrics;
  // Tile 32 begins shard 1; with radius 8 squares cross from 24 to 39.
  look_at_shards(batch_at({23, 24, 31, 32, 39, 40}), two, 8, metrics);
  EXPECT_EQ(metrics.shard_looks, (std::vector<std::uint64_t>{3, 3}));
  EXPECT_EQ(metrics.looks_one_shard, 2U);
  EXPECT_EQ(metrics.looks_several_shards, 4U);
  look_at_shards(batch_at({31, 32}), two, 0, metrics);
  EXPECT_EQ(metrics.looks_one_shard, 4U);

  const Shards one({&first}, map, {});
  LaneMetrics none;
  look_at_shards(batch_at({23, 24}), one, 8, none);
  EXPECT_EQ(none.looks_one_shard + none.looks_several_shards, 0U);
  EXPECT_TRUE(none.shard_looks.empty());
}

}  // namespace
}  // namespace hunt::service
