// Regions, and how they are given to shards: against every way there is, where those are few.
#include "shards/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "shards/score.h"
#include "shards/shards_test_support.h"

namespace hunt::shards {
namespace {

Rows visited_rows(const Counted& counted) {
  Rows rows(counted.shards, {});
  rows.finish(counted.chunks);
  return rows;
}

Counted walked(std::uint64_t seed, std::int32_t radius = 8) {
  auto counted = counted_of(random_walks(seed, 4'000, 100), 3, radius);
  HUNT_ASSERT(counted.has_value());
  return std::move(*counted);
}

std::uint64_t crossing(const Counted& counted, const model::ShardMap& map) {
  const Score found = score(counted, visited_rows(counted), by_map(map));
  return static_cast<std::uint64_t>(found.crossing[0] * static_cast<double>(counted.positions[0]) +
                                    0.5);
}

TEST(Regions, are_no_more_than_asked_for_and_hold_all_the_load) {
  const Counted counted = walked(1);
  for (const std::size_t most : {1'000'000U, 64U, 8U, 2U}) {
    const Regions regions = make_regions(counted, visited_rows(counted), most);
    EXPECT_LE(regions.size(), most);
    EXPECT_EQ(std::accumulate(regions.load.begin(), regions.load.end(), std::uint64_t{0}),
              counted.positions[0]);
    EXPECT_EQ(std::accumulate(regions.rows.begin(), regions.rows.end(), std::uint64_t{0}),
              counted.chunks.size());
    EXPECT_TRUE(std::is_sorted(regions.first.begin(), regions.first.end()));
  }
}

TEST(Regions, know_what_a_bound_before_each_of_them_would_cross) {
  for (const std::int32_t radius : {8, 32}) {
    const Counted counted = walked(2, radius);
    for (const std::size_t most : {1'000'000U, 40U}) {
      const Regions regions = make_regions(counted, visited_rows(counted), most);
      for (std::size_t bound = 1; bound < regions.size(); ++bound) {
        model::ShardMap map;
        map.shards = 2;
        map.ranges.push_back({regions.first[bound], 1});
        ASSERT_EQ(regions.cut[bound], crossing(counted, map)) << bound << " of " << regions.size();
      }
    }
  }
}

// A line of regions with random loads and cuts.
Regions random_line(std::uint64_t seed, std::size_t count) {
  Prng prng(seed);
  Regions line;
  for (std::size_t i = 0; i < count; ++i) {
    line.first.push_back({1, i});
    line.load.push_back(1 + prng.below(30));
    line.rows.push_back(1);
    line.chunks.push_back(1);
    line.cut.push_back(i == 0 ? 0 : prng.below(50));
    line.beside.emplace_back();
  }
  return line;
}

// The least that is cut with no shard above so much; -1: there is no such way.
std::int64_t least_cut(const Regions& line, std::size_t shards, std::uint64_t load_max,
                       std::size_t from = 0) {
  if (shards == 1) {
    return std::accumulate(line.load.begin() + static_cast<std::ptrdiff_t>(from), line.load.end(),
                           std::uint64_t{0}) <= load_max
               ? 0
               : -1;
  }
  std::int64_t least = -1;
  std::uint64_t load = 0;
  for (std::size_t bound = from + 1; bound < line.size(); ++bound) {
    load += line.load[bound - 1];
    if (load > load_max) break;
    const std::int64_t rest = least_cut(line, shards - 1, load_max, bound);
    if (rest < 0) continue;
    const std::int64_t all = rest + static_cast<std::int64_t>(line.cut[bound]);
    if (least < 0 || all < least) least = all;
  }
  return least;
}

TEST(Split, cuts_the_least_of_all_ways_that_balance) {
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Regions line = random_line(seed, 14);
    const auto all = std::accumulate(line.load.begin(), line.load.end(), std::uint64_t{0});
    const auto load_max = static_cast<std::uint64_t>(load_aim * static_cast<double>(all) / 3) + 1;
    const std::int64_t least = least_cut(line, 3, load_max);
    if (least < 0) continue;
    ++found;
    const auto owners = split_at_bounds(line, line.load, 3);
    std::int64_t cut = 0;
    std::vector<std::uint64_t> load(3);
    for (std::size_t i = 0; i < owners.size(); ++i) {
      load[owners[i]] += line.load[i];
      if (i > 0 && owners[i] != owners[i - 1]) cut += static_cast<std::int64_t>(line.cut[i]);
    }
    EXPECT_EQ(cut, least) << seed;
    EXPECT_LE(*std::max_element(load.begin(), load.end()), load_max) << seed;
  }
  EXPECT_GT(found, 100);
}

TEST(Split, of_one_heavy_region_balances_as_well_as_it_goes) {
  Regions line = random_line(1, 6);
  line.load = {1, 1, 1, 1'000, 1, 1};
  const auto owners = split_at_bounds(line, line.load, 3);
  EXPECT_EQ(owners.size(), 6U);
  EXPECT_TRUE(std::is_sorted(owners.begin(), owners.end()));
  EXPECT_EQ(owners.back(), 2U);
}

TEST(Split, with_fewer_regions_than_shards_leaves_some_without) {
  const Regions line = random_line(1, 2);
  EXPECT_EQ(split_at_bounds(line, line.load, 4), (std::vector<model::ShardId>{0, 1}));
  EXPECT_EQ(split_at_bounds(random_line(1, 1), {5}, 4), (std::vector<model::ShardId>{0}));
}

TEST(Split, evenly_gives_each_as_many) {
  EXPECT_EQ(split_evenly({1, 1, 1, 1, 1, 1}, 3), (std::vector<model::ShardId>{0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(split_evenly({4, 1, 1, 1, 1}, 2), (std::vector<model::ShardId>{0, 1, 1, 1, 1}));
  EXPECT_EQ(split_evenly({7}, 2), (std::vector<model::ShardId>{1}));
}

// Two crowds with a path between them, on a grid of squares: the best cut is across the path.
Trace two_crowds() {
  Trace trace;
  Prng prng(5);
  for (std::int64_t i = 0; i < 20'000; ++i) {
    model::TraceRow row;
    row.t_ms = i * 10;
    row.world = 1;
    const bool path = prng.chance({1, 20});
    const std::int32_t centre = prng.chance({1, 2}) ? -400 : 400;
    row.tile = path ? model::Tile{static_cast<std::int32_t>(prng.between(-400, 400)), 5}
                    : model::Tile{centre + static_cast<std::int32_t>(prng.between(-150, 150)),
                                  static_cast<std::int32_t>(prng.between(-150, 150))};
    trace.push_back(row);
  }
  return trace;
}

TEST(Improve, finds_the_narrow_place_and_keeps_the_balance) {
  auto counted = counted_of(two_crowds(), 2, 8);
  ASSERT_TRUE(counted.has_value());
  const Rows rows = visited_rows(*counted);
  const Regions regions = make_regions(*counted, rows, 1'024);
  // From a bad beginning: every other region.
  std::vector<model::ShardId> owners(regions.size());
  for (std::size_t i = 0; i < owners.size(); ++i) owners[i] = static_cast<model::ShardId>(i % 2);
  const Score before = score(*counted, rows, by_map(map_of(regions, owners, 2)));
  const model::ShardMap map = map_of(regions, improve(regions, owners, 2, to_rearrange), 2);
  const Score after = score(*counted, rows, by_map(map));
  EXPECT_GT(before.crossing[0], 0.2);
  EXPECT_LT(after.crossing[0], 0.003) << "16 of 800 tiles of a twentieth";
  EXPECT_LE(after.balance[0], load_aim + 0.01);
}

}  // namespace
}  // namespace hunt::shards
