// The whole advice, on traffic that leaves nothing to choose, and on traffic that does.
#include "shards/advise.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "shards/advice_svg.h"
#include "shards/shards_test_support.h"

namespace hunt::shards {
namespace {

Advice advice_on(const Trace& trace, std::uint32_t shards, bool today = false) {
  auto counted = counted_of(trace, shards, 8);
  HUNT_ASSERT(counted.has_value());
  Rows rows(shards, {});
  rows.finish(counted->chunks);
  return advise(*counted, rows, today);
}

const Candidate& candidate(const Advice& advice, std::string_view key) {
  const auto found = std::find_if(advice.candidates.begin(), advice.candidates.end(),
                                  [key](const Candidate& one) { return one.key == key; });
  HUNT_ASSERT(found != advice.candidates.end());
  return *found;
}

// What stores take: it covers all, is in order, and names only shards that there are.
void expect_good(const model::ShardMap& map, std::uint32_t shards) {
  ASSERT_FALSE(map.ranges.empty());
  EXPECT_EQ(map.shards, shards);
  EXPECT_EQ(map.ranges.front().first, model::ChunkKey{});
  EXPECT_LE(map.ranges.size(), ranges_max);
  for (std::size_t i = 0; i < map.ranges.size(); ++i) {
    EXPECT_LT(map.ranges[i].shard, shards);
    if (i == 0) continue;
    EXPECT_LT(map.ranges[i - 1].first, map.ranges[i].first);
  }
}

TEST(Advise, has_a_map_for_every_number_of_shards) {
  const Trace trace = random_walks(4, 5'000, 100);
  for (const std::uint32_t shards : {1U, 2U, 4U, 7U, 64U}) {
    const Advice advice = advice_on(trace, shards);
    for (const Candidate& one : advice.candidates) {
      if (one.map) expect_good(*one.map, shards);
    }
    ASSERT_TRUE(advice.candidates[advice.recommended].map.has_value());
  }
}

TEST(Advise, of_one_shard_crosses_nothing) {
  const Advice advice = advice_on(random_walks(4, 2'000, 100), 1);
  for (const Candidate& one : advice.candidates) {
    EXPECT_EQ(one.score.crossing[1], 0) << one.key;
    EXPECT_EQ(one.score.balance[1], 1) << one.key;
  }
}

TEST(Advise, where_nothing_can_be_cut_says_so_by_the_balance) {
  Trace trace;  // one player, one world, one chunk
  for (std::int64_t i = 0; i < 100; ++i) {
    model::TraceRow row;
    row.t_ms = i * 100;
    row.tile = {5, 5};
    row.world = 1;
    trace.push_back(row);
  }
  const Advice advice = advice_on(trace, 4);
  const Candidate& best = advice.candidates[advice.recommended];
  EXPECT_EQ(best.score.balance[1], 4);
  expect_good(*best.map, 4);
}

TEST(Advise, knows_what_can_be_known_without_counting) {
  const Advice advice = advice_on(random_walks(6, 20'000, 100), 4);
  EXPECT_EQ(candidate(advice, "tile_hash").score.crossing[1], 1);
  EXPECT_EQ(candidate(advice, "world").score.crossing[1], 0);
  EXPECT_GE(candidate(advice, "world").score.balance[1], 2) << "two worlds on four shards";
  double before = 1;
  for (const char* key : {"chunk_hash", "region_hash_2", "region_hash_4", "region_hash_8"}) {
    const double share = candidate(advice, key).score.crossing[1];
    EXPECT_LT(share, before) << key << ": larger squares cross less";
    before = share;
  }
}

TEST(Advise, recommends_what_crosses_least_of_what_balances) {
  const Advice advice = advice_on(random_walks(6, 20'000, 100), 4);
  const Candidate& best = advice.candidates[advice.recommended];
  ASSERT_LE(best.score.balance[0], balance_max);
  for (const Candidate& one : advice.candidates) {
    if (!one.map || one.score.balance[0] > balance_max) continue;
    EXPECT_LE(best.score.crossing[0], one.score.crossing[0]) << one.key;
  }
}

TEST(Advise, is_the_same_again) {
  const Trace trace = random_walks(6, 5'000, 100);
  const Advice one = advice_on(trace, 4);
  const Advice two = advice_on(trace, 4);
  EXPECT_EQ(one.recommended, two.recommended);
  EXPECT_EQ(one.candidates[one.recommended].map->ranges,
            two.candidates[two.recommended].map->ranges);
}

// The choice may not see the part that scores: what happens there changes no map.
TEST(Advise, chooses_by_the_one_part_and_scores_by_the_other) {
  const Trace trace = random_walks(6, 20'000, 100);
  Trace seen;
  for (std::size_t i = 0; i < trace.size(); ++i) {
    if (part_of(trace, i) == 0) seen.push_back(trace[i]);
  }
  // Twice the same choice, and to score by once many places and once a single one. All of them are
  // places that the choice has seen, since bounds lie at visited chunks.
  Trace spread = trace;
  Trace still = trace;
  for (std::size_t i = 0; i < trace.size(); ++i) {
    if (part_of(trace, i) == 0) continue;
    const model::TraceRow& there = seen[i % seen.size()];
    spread[i].tile = there.tile;
    spread[i].world = there.world;
    still[i].tile = seen.front().tile;
    still[i].world = seen.front().world;
  }
  const Advice one = advice_on(spread, 4);
  const Advice two = advice_on(still, 4);
  for (const char* key : {"z_ranges", "z_ranges_by_load", "balanced", "x_stripes"}) {
    const Candidate& by_one = candidate(one, key);
    const Candidate& by_two = candidate(two, key);
    EXPECT_EQ(by_one.map->ranges, by_two.map->ranges) << key;
    EXPECT_EQ(by_one.score.crossing[0], by_two.score.crossing[0]) << key;
    EXPECT_EQ(by_two.score.balance[1], 4) << key << ": all stand on one tile";
    EXPECT_LT(by_one.score.balance[1], 2) << key;
  }
}

TEST(Advise, judges_the_map_of_today_where_there_is_one) {
  const Trace trace = random_walks(6, 5'000, 100);
  auto counted = counted_of(trace, 2, 8);
  ASSERT_TRUE(counted.has_value());
  model::ShardMap today;
  today.shards = 2;
  today.ranges.push_back({counted->chunks[counted->chunks.size() / 2], 1});
  Rows rows(2, today);
  rows.add(1, model::tile_id_of({5, 5}));
  rows.add(1, model::tile_id_of({6, 5}));
  rows.finish(counted->chunks);
  EXPECT_TRUE(rows.are_loot());
  const Advice advice = advise(*counted, rows, true);
  EXPECT_EQ(advice.candidates.front().key, "today");
  EXPECT_EQ(advice.candidates.front().score.rows_moved, 0U);
  const ByHand hand = count_by_hand(trace, 8, 2, by_map(today));
  EXPECT_DOUBLE_EQ(advice.candidates.front().score.crossing[1],
                   static_cast<double>(hand.crossing[1]) / static_cast<double>(hand.positions[1]));
}

TEST(AdviceSvg, draws_each_world_and_names_the_shards) {
  auto counted = counted_of(random_walks(6, 2'000, 100), 2, 8);
  ASSERT_TRUE(counted.has_value());
  model::ShardMap map;
  map.shards = 2;
  map.ranges.push_back({{1, 0}, 1});
  const std::string picture = advice_svg(*counted, map);
  for (const char* text : {"world 0", "world 1", "shard 0", "shard 1", "#0072b2", "#d55e00"}) {
    EXPECT_NE(picture.find(text), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace hunt::shards
