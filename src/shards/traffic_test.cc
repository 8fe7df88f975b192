// What is counted of a trace, and what keys come to on it, against a count by hand.
#include "shards/traffic.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "shards/score.h"
#include "shards/shards_test_support.h"

namespace hunt::shards {
namespace {

Rows no_rows(const Counted& counted) {
  Rows rows(counted.shards, {});
  rows.finish(counted.chunks);
  return rows;
}

model::TraceRow step(std::int64_t t_ms, std::int32_t x, std::int32_t y, std::uint32_t player = 0) {
  model::TraceRow row;
  row.t_ms = t_ms;
  row.tile = {x, y};
  row.player = player;
  row.world = 1;
  return row;
}

// Chunk column 0 and what is west of it is shard 0's, the rest shard 1's.
const Owner west_and_east = [](const model::ChunkKey& key) {
  return static_cast<model::ShardId>(model::chunk_at(key.chunk).x > 0 ? 1 : 0);
};

TEST(Traffic, counts_a_small_trace_as_by_hand) {
  // Radius 8: a square from 23 reaches to tile 31, from 24 to tile 32, which is shard 1's.
  const Trace trace{step(0, 20, 10),     step(400, 23, 10),   step(800, 24, 10),    // chooses
                    step(1'000, 23, 10), step(1'300, 24, 10), step(1'500, 31, 10),  // scores
                    step(1'600, 32, 10), step(1'700, 39, 10), step(1'900, 40, 10)};
  const auto counted = counted_of(trace, 2, 8);
  ASSERT_TRUE(counted.has_value()) << counted.error().message;
  EXPECT_EQ(counted->positions, (ByPart<std::uint64_t>{3, 6}));
  EXPECT_EQ(counted->players, 1U);
  EXPECT_EQ(counted->chunks.size(), 2U);
  const Score found = score(*counted, no_rows(*counted), west_and_east);
  EXPECT_DOUBLE_EQ(found.crossing[0], 1.0 / 3);
  EXPECT_DOUBLE_EQ(found.crossing[1], 4.0 / 6) << "24 and 31, and from the other side 32 and 39";
  EXPECT_EQ(found.load, (std::vector<std::uint64_t>{3, 3}));
  EXPECT_DOUBLE_EQ(found.balance[0], 2.0);
  EXPECT_DOUBLE_EQ(found.balance[1], 1.0);
  EXPECT_EQ(found.peak_positions, 3U);
}

class EveryRadius : public testing::TestWithParam<std::int32_t> {};

TEST_P(EveryRadius, comes_to_what_a_count_by_hand_comes_to) {
  const std::int32_t radius = GetParam();
  constexpr std::uint32_t shards = 3;
  // From a few seconds to days: the blocks become longer many times.
  for (const std::int64_t step_ms : {5, 700, 90'000}) {
    const Trace trace = random_walks(static_cast<std::uint64_t>(radius) + 7, 3'000, step_ms);
    const auto counted = counted_of(trace, shards, radius);
    ASSERT_TRUE(counted.has_value()) << counted.error().message;
    const Rows rows = no_rows(*counted);
    for (const int level : {0, 1, 2, 27}) {
      const Owner owner = by_region(level, shards);
      const ByHand hand = count_by_hand(trace, radius, shards, owner);
      const Score found = score(*counted, rows, owner);
      EXPECT_EQ(counted->positions, hand.positions);
      EXPECT_EQ(found.load, hand.load[1]) << fmt::format("level {}", level);
      for (std::size_t part = 0; part < part_count; ++part) {
        const double share =
            static_cast<double>(hand.crossing[part]) / static_cast<double>(hand.positions[part]);
        EXPECT_DOUBLE_EQ(found.crossing[part], share) << fmt::format("level {}", level);
        EXPECT_DOUBLE_EQ(found.balance[part], balance_of(hand.load[part]));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Radii, EveryRadius, testing::Values(0, 1, 8, 15, 16, 17, 31, 32));

TEST(Traffic, of_the_key_player_counts_each_query_at_its_players_home) {
  constexpr std::uint32_t shards = 2;
  const Trace trace = random_walks(3, 4'000, 100);
  const auto counted = counted_of(trace, shards, 8);
  ASSERT_TRUE(counted.has_value());
  ByPart<std::uint64_t> crossing{};
  ByPart<std::vector<std::uint64_t>> load{std::vector<std::uint64_t>(shards),
                                          std::vector<std::uint64_t>(shards)};
  for (std::size_t i = 0; i < trace.size(); ++i) {
    const std::uint32_t home = player_hash(trace[i].player, shards);
    bool alone = true;
    for (std::int32_t dy = -8; dy <= 8; ++dy) {
      for (std::int32_t dx = -8; dx <= 8; ++dx) {
        const model::Tile tile{trace[i].tile.x + dx, trace[i].tile.y + dy};
        const auto key = model::chunk_of(trace[i].world, model::tile_id_of(tile));
        alone = alone && region_hash(key, 0, shards) == home;
      }
    }
    ++load[part_of(trace, i)][home];
    crossing[part_of(trace, i)] += alone ? 0 : 1;
  }
  EXPECT_EQ(counted->by_player.crossing, crossing);
  EXPECT_EQ(counted->by_player.load, load);
  EXPECT_GT(crossing[1], 0U);
  EXPECT_LT(crossing[1], counted->positions[1]);
}

TEST(Traffic, knows_the_busiest_minute_that_scores) {
  Trace trace;
  const auto minute = [&trace](std::int64_t number, int count, std::int32_t x) {
    for (int i = 0; i < count; ++i) trace.push_back(step(number * 60'000 + i, x, 0));
  };
  // 16 minutes: eight blocks of 128 s (2 minutes 8 s) from the first position on.
  for (std::int64_t number = 0; number < 16; ++number) minute(number, 10, 0);
  minute(16, 1, 0);
  std::stable_sort(trace.begin(), trace.end(),
                   [](const auto& a, const auto& b) { return a.t_ms < b.t_ms; });
  // Of the second block, minute 3; of the first, which chooses, minute 1 with more.
  Trace busy;
  for (const auto& row : trace) {
    busy.push_back(row);
    if (row.t_ms == 1 * 60'000 + 9) {
      for (int i = 0; i < 90; ++i) busy.push_back(step(row.t_ms, 40, 0));
    }
    if (row.t_ms == 3 * 60'000 + 9) {
      for (int i = 0; i < 50; ++i) busy.push_back(step(row.t_ms, 40, 0));
    }
  }
  const auto counted = counted_of(busy, 2, 0);
  ASSERT_TRUE(counted.has_value());
  EXPECT_EQ(counted->block_ms, 128'000);
  EXPECT_EQ(counted->peak_ms, 3 * 60'000);
  const Score found = score(*counted, no_rows(*counted), west_and_east);
  EXPECT_EQ(found.peak_positions, 50U);
  EXPECT_DOUBLE_EQ(found.peak_balance, 50.0 / 30);
}

TEST(Traffic, refuses_what_no_choice_can_be_judged_by) {
  const auto back = counted_of({step(5'000, 0, 0), step(4'000, 0, 0)}, 2, 8);
  ASSERT_FALSE(back.has_value());
  EXPECT_NE(back.error().message.find("goes back"), std::string::npos) << back.error().message;
  const auto brief = counted_of({step(5'000, 0, 0), step(5'900, 0, 0)}, 2, 8);
  ASSERT_FALSE(brief.has_value());
  EXPECT_NE(brief.error().message.find("longer trace"), std::string::npos);
  const auto none = Traffic(2, 8).finish();
  ASSERT_FALSE(none.has_value());
  EXPECT_NE(none.error().message.find("no positions"), std::string::npos);
}

TEST(Traffic, refuses_more_chunks_than_it_has_room_for) {
  Traffic traffic(2, 0);
  const std::vector<model::WorldId> worlds{1};
  Trace row(1, step(0, 0, 0));
  row[0].world = 0;
  for (std::size_t i = 0; i < Traffic::chunks_max; ++i) {
    row[0].tile = {static_cast<std::int32_t>(i % 1'024) * 32,
                   static_cast<std::int32_t>(i / 1'024) * 32};
    ASSERT_TRUE(traffic.add(row, worlds));
  }
  row[0].tile = {-32, 0};
  const auto full = traffic.add(row, worlds);
  ASSERT_FALSE(full.has_value());
  EXPECT_EQ(full.error().code, Errc::too_large);
}

}  // namespace
}  // namespace hunt::shards
