#include "load/walks.h"

#include <gtest/gtest.h>

#include <limits>

namespace hunt::load {
namespace {

constexpr model::TileRect wide{{-100'000, -100'000}, {100'000, 100'000}};

model::TraceRow row(std::int64_t t_ms, std::uint32_t player, std::int32_t x, std::int32_t y) {
  model::TraceRow made;
  made.t_ms = t_ms;
  made.player = player;
  made.tile = {x, y};
  return made;
}

TEST(Walks, make_one_walk_of_each_player_and_world) {
  std::vector<model::TraceRow> rows = {row(0, 4, 0, 0), row(1, 9, 5, 5), row(2, 4, 1, 0),
                                       row(3, 4, 7, 7)};
  rows[3].world = 1;
  const Walks walks(rows);
  EXPECT_EQ(walks.count(), 3U);
  EXPECT_EQ(walks.steps(), 4U);
  EXPECT_TRUE(Walks{}.empty());
}

TEST(Walks, walk_to_the_end_and_back_again) {
  const std::vector<model::TraceRow> rows = {row(0, 0, 10, 0), row(1'000, 0, 11, 0),
                                             row(2'000, 0, 12, 0)};
  const Walks walks(rows);
  Follower follower;
  std::vector<std::int32_t> seen;
  for (int i = 0; i < 8; ++i) {
    EXPECT_FALSE(walks.advance(follower));
    seen.push_back(walks.at(follower, wide).x);
  }
  EXPECT_EQ(seen, (std::vector<std::int32_t>{11, 12, 11, 10, 11, 12, 11, 10}));
}

TEST(Walks, stand_as_long_as_the_player_stood_but_not_while_away) {
  const std::vector<model::TraceRow> rows = {row(0, 0, 0, 0), row(1'000, 0, 1, 0),
                                             row(4'500, 0, 2, 0), row(9'000'000, 0, 3, 0)};
  const Walks walks(rows);
  Follower follower;
  std::vector<int> stayed(4, 0);
  for (int i = 0; i < 40; ++i) {
    walks.advance(follower);
    if (follower.back) break;
    ++stayed[static_cast<std::size_t>(walks.at(follower, wide).x)];
  }
  EXPECT_EQ(stayed[1], 3);  // 3.5 seconds
  EXPECT_EQ(stayed[2], 1 + Walks::wait_steps_max);
}

TEST(Walks, tell_where_the_recorded_player_jumped_in_both_directions) {
  const std::vector<model::TraceRow> rows = {row(0, 0, 0, 0), row(1'000, 0, 1, 1),
                                             row(2'000, 0, 50, 1)};
  const Walks walks(rows);
  Follower follower;
  std::vector<bool> jumps;
  for (int i = 0; i < 4; ++i) jumps.push_back(walks.advance(follower));
  EXPECT_EQ(jumps, (std::vector<bool>{false, true, true, false}));
}

TEST(Walks, move_by_whole_chunks_and_turn_by_quarters_for_any_seed) {
  const std::vector<model::TraceRow> rows = {row(0, 0, 3, 7), row(1'000, 0, 4, 7)};
  const Walks walks(rows);
  const Placement placement({{-5'000, -5'000}, {5'000, 5'000}}, {});
  Prng prng(3);
  std::vector<int> turns(8, 0);
  for (int i = 0; i < 4'000; ++i) {
    Follower follower = walks.begin(placement, prng);
    ASSERT_EQ(follower.shift_x % model::chunk_side_tiles, 0);
    ASSERT_EQ(follower.shift_y % model::chunk_side_tiles, 0);
    ++turns[follower.turn];
    const model::Tile before = walks.at(follower, wide);
    walks.advance(follower);
    const model::Tile after = walks.at(follower, wide);
    ASSERT_EQ(std::abs(after.x - before.x) + std::abs(after.y - before.y), 1);
  }
  for (const int count : turns) EXPECT_NEAR(count, 500, 120);
}

TEST(Walks, begin_near_the_place_drawn) {
  const std::vector<model::TraceRow> rows = {row(0, 0, -77'777, 3), row(1'000, 0, -77'776, 3)};
  const Walks walks(rows);
  const Placement placement({{500, 500}, {500, 500}}, {});
  Prng prng(3);
  for (int i = 0; i < 100; ++i) {
    const Follower follower = walks.begin(placement, prng);
    const model::Tile at = walks.at(follower, wide);
    ASSERT_LE(std::abs(at.x - 500), 16);
    ASSERT_LE(std::abs(at.y - 500), 16);
  }
}

TEST(Walks, fold_at_the_edges_so_that_neighbours_stay_neighbours) {
  for (const auto& [low, high] : {std::pair{-5, 4}, std::pair{0, 0}, std::pair{7, 8}}) {
    for (std::int64_t value = -60; value < 60; ++value) {
      const std::int32_t here = folded(value, low, high);
      const std::int32_t next = folded(value + 1, low, high);
      ASSERT_GE(here, low);
      ASSERT_LE(here, high);
      ASSERT_LE(std::abs(next - here), 1);
    }
  }
  EXPECT_EQ(folded(5, -5, 4), 4);
  EXPECT_EQ(folded(6, -5, 4), 3);
  constexpr std::int32_t low = std::numeric_limits<std::int32_t>::min();
  constexpr std::int32_t high = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(folded(std::int64_t{high} + 1, low, high), high);
  EXPECT_EQ(folded(std::int64_t{low} - 2, low, high), low + 1);
}

TEST(Walks, of_a_single_row_stay_there) {
  const std::vector<model::TraceRow> rows = {row(0, 0, 3, 7)};
  const Walks walks(rows);
  Follower follower;
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(walks.advance(follower));
  EXPECT_EQ(walks.at(follower, wide), (model::Tile{3, 7}));
}

}  // namespace
}  // namespace hunt::load
