// The hot set and the cache filled ahead: who comes then does not wait for the store.
#include "service/prewarm.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "model/limits.h"
#include "service/cluster_test_support.h"
#include "service/sharded_store.h"

namespace hunt::service {
namespace {

using model::Outcome;
constexpr std::int64_t ms = 1'000'000;

// The stores of a cluster as one, with what says whose a chunk is.
struct Whole {
  explicit Whole(VirtualCluster& all) {
    std::vector<ports::HuntStore*> stores;
    for (const auto& one : all.stores) stores.push_back(one.get());
    store.emplace(std::vector<ports::WorldStore*>(stores.begin(), stores.end()));
    store->set_map(*all.map);
    shards.emplace(stores, all.map, std::vector<model::ShardId>{});
  }
  std::optional<ShardedStore> store;
  std::optional<Shards> shards;
};

ClusterShape two_shards() {
  ClusterShape shape;
  shape.shards = 2;
  shape.cache = true;
  return shape;
}

std::uint64_t loads(const VirtualCluster& all) {
  std::uint64_t out = 0;
  for (const auto& store : all.stores) out += store->calls(sim::Call::load_chunks);
  return out;
}

TEST(Prewarm, the_hot_set_is_the_chunks_of_the_loot_and_those_around_them) {
  VirtualCluster all(two_shards(), test_rules());
  Whole whole(all);
  EXPECT_TRUE(all.run(find_hot_set(*whole.store, {}))->empty());
  all.bury({3, 3}, 5);
  all.bury({4, 4}, 5);  // the same chunk
  all.bury({2'000, 0}, 5, 1);
  const auto keys = all.run(find_hot_set(*whole.store, {}));
  ASSERT_TRUE(keys.has_value());
  EXPECT_EQ(keys->size(), 3U * 65);  // chunks -1 to 63, rows -1 to 1
  const auto here = model::chunk_of(1, model::tile_id_of({3, 3}));
  const auto there = model::chunk_of(1, model::tile_id_of({2'000, 0}));
  EXPECT_EQ((*keys)[0], std::min(here, there)) << "loot comes first: the bound may cut the rest";
  EXPECT_EQ((*keys)[1], std::max(here, there));
  for (const model::Tile tile : {model::Tile{-1, -1}, {40, 40}, {1'980, -1}, {1'000, 0}}) {
    const auto key = model::chunk_of(1, model::tile_id_of(tile));
    EXPECT_EQ(std::count(keys->begin(), keys->end(), key), 1) << tile.x;
  }
  EXPECT_EQ(*all.run(find_hot_set(*whole.store, 1)), *keys);
  all.bury({1'000'000, 0}, 5, 1);  // too far away for everything between
  EXPECT_EQ(all.run(find_hot_set(*whole.store, {}))->size(), 27U);
  EXPECT_TRUE(all.run(find_hot_set(*whole.store, 7))->empty());
}

TEST(Prewarm, players_find_what_lies_there_without_a_read_of_the_store) {
  VirtualCluster all(two_shards(), test_rules());
  Whole whole(all);
  all.bury({3, 3}, 5);
  all.bury({2'000, 0}, 5, 1);
  const auto keys = *all.run(find_hot_set(*whole.store, {}));
  const auto first = all.run(prewarm_cache(*whole.shards, all.cache, keys));
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->filled, keys.size());
  EXPECT_EQ(first->there, 0U);
  const auto before = loads(all);
  EXPECT_EQ(all.outcome({3, 3}, 1), Outcome::found);
  EXPECT_EQ(all.outcome({2'000, 0}, 1), Outcome::found);
  EXPECT_EQ(all.outcome({8, 8}, 1), Outcome::hint);
  EXPECT_EQ(loads(all), before);
  const auto again = all.run(prewarm_cache(*whole.shards, all.cache, keys));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->filled, 0U);
  EXPECT_EQ(again->there, keys.size());
}

TEST(Prewarm, a_copy_made_ahead_is_as_old_as_any_other_at_most) {
  VirtualCluster all(two_shards(), test_rules());
  Whole whole(all);
  all.bury({3, 3}, 5);
  const auto keys = *all.run(find_hot_set(*whole.store, {}));
  ASSERT_TRUE(all.run(prewarm_cache(*whole.shards, all.cache, keys)).has_value());
  all.pass(limits::chunk_life_ns);
  const auto before = loads(all);
  EXPECT_EQ(all.outcome({3, 3}, 1), Outcome::found);
  EXPECT_GT(loads(all), before);
}

TEST(Prewarm, a_lane_reads_ahead_what_it_serves_and_stops_at_its_deadline) {
  ClusterShape shape = two_shards();
  shape.cache = false;
  shape.served = {1};
  VirtualCluster all(shape, test_rules());
  Whole whole(all);
  all.bury({3, 3}, 5);
  all.bury({2'000, 0}, 5, 1);
  const auto keys = *all.run(find_hot_set(*whole.store, {}));
  Orchestrator& lane = *all.lanes[0]->orchestrator;
  EXPECT_EQ(all.run(lane.prewarm(keys, all.time.now_ns())).error().code, Errc::deadline_exceeded);
  EXPECT_EQ(loads(all), 0U);
  EXPECT_TRUE(all.run(lane.prewarm(keys, all.time.now_ns() + 1'000 * ms)).has_value());
  EXPECT_LE(all.stores[0]->calls(sim::Call::load_chunks), 1U) << "only what lies beside shard 1";
  const auto before = loads(all);
  EXPECT_GT(before, 0U);
  EXPECT_EQ(all.outcome({2'000, 0}, 1), Outcome::found);
  EXPECT_EQ(loads(all), before);
}

TEST(Prewarm, a_cache_or_store_that_is_down_is_an_error_and_no_crash) {
  VirtualCluster all(two_shards(), test_rules());
  Whole whole(all);
  all.bury({3, 3}, 5);
  const auto keys = *all.run(find_hot_set(*whole.store, {}));
  all.cache.dead = true;
  EXPECT_EQ(all.run(prewarm_cache(*whole.shards, all.cache, keys)).error().code, Errc::unavailable);
}

}  // namespace
}  // namespace hunt::service
