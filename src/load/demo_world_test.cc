#include "load/demo_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace hunt::load {
namespace {

TEST(DemoWorld, has_unique_loot_tiles_inside_its_bounds) {
  const DemoWorld world = make_demo_world({});
  ASSERT_EQ(world.burials.size(), 100'000U);
  std::set<model::Tile> tiles;
  for (const auto& burial : world.burials) {
    ASSERT_TRUE(demo_world_rect.contains(burial.tile));
    ASSERT_EQ(burial.table, "starlight");
    tiles.insert(burial.tile);
  }
  EXPECT_EQ(tiles.size(), world.burials.size());
}

TEST(DemoWorld, has_budgets_by_zipfs_law) {
  const DemoWorld world = make_demo_world({});
  std::map<std::uint32_t, double> count;
  for (const auto& burial : world.burials) ++count[burial.budget];
  EXPECT_EQ(count.begin()->first, 1U);
  EXPECT_EQ(count.rbegin()->first, 50U);
  EXPECT_NEAR(count[1] / count[2], 2.0, 0.1);
  EXPECT_NEAR(count[1] / count[10], 10.0, 1.0);
}

TEST(DemoWorld, has_loot_in_clusters) {
  const DemoWorld world = make_demo_world({});
  // Of chunks at random, 0.6 % of tiles would bear loot and hardly a chunk be without any.
  std::map<model::ChunkAt, int> chunks;
  for (const auto& burial : world.burials) ++chunks[model::chunk_at(burial.tile)];
  EXPECT_LT(chunks.size(), 16'384U / 2);
}

TEST(DemoWorld, is_the_same_for_the_same_seed) {
  const DemoWorld one = make_demo_world({.seed = 4});
  const DemoWorld two = make_demo_world({.seed = 4});
  const DemoWorld other = make_demo_world({.seed = 5});
  const auto same = [](const model::Burial& a, const model::Burial& b) {
    return a.tile == b.tile && a.budget == b.budget;
  };
  EXPECT_TRUE(std::equal(one.burials.begin(), one.burials.end(), two.burials.begin(), same));
  EXPECT_FALSE(std::equal(one.burials.begin(), one.burials.end(), other.burials.begin(), same));
  EXPECT_EQ(one.centres, two.centres);
}

TEST(DemoWorld, finds_room_when_its_clusters_are_full) {
  const DemoWorld world = make_demo_world({.seed = 1, .loot_tiles = 30'000, .clusters = 1});
  EXPECT_EQ(world.burials.size(), 30'000U);
}

}  // namespace
}  // namespace hunt::load
