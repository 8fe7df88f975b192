#include "rules/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/prng.h"
#include "rules/diff.h"
#include "rules/placement_checks.h"
#include "rules/rules_test_support.h"

namespace hunt::rules {
namespace {

constexpr std::array<std::uint8_t, 32> seed{1, 2, 3};
constexpr std::int64_t hour_us = 3'600'000'000;

Placement chests() {
  Placement out;
  out.area = {{-2048, -2048}, {2047, 2047}};
  out.spawns = 5'000;
  out.apart_tiles = 8;
  return out;
}

Placed placed(const Placement& placement, std::uint32_t occurrence = 1, TakenTiles taken = {}) {
  return place(seed, "winter", placement, occurrence, taken);
}

std::int64_t distance(model::Tile a, model::Tile b) {
  const std::int64_t x = std::int64_t{a.x} - b.x;
  const std::int64_t y = std::int64_t{a.y} - b.y;
  return std::max(x < 0 ? -x : x, y < 0 ? -y : y);
}

// These were computed in Python by the words of the header.
TEST(Place, follows_the_words_of_the_seed) {
  const Placed all = placed(chests());
  ASSERT_EQ(all.tiles.size(), 5'000U);
  EXPECT_EQ(all.tiles[0], (model::Tile{2017, -1516}));
  EXPECT_EQ(all.tiles[1], (model::Tile{-638, -1000}));
  EXPECT_EQ(all.tiles[4'999], (model::Tile{-700, -1796}));
  EXPECT_EQ(all.tries, 5'171U);
}

TEST(Place, the_same_everywhere_and_other_for_each_event_placement_and_occurrence) {
  const Placement one = chests();
  EXPECT_EQ(placed(one).tiles, placed(one).tiles);
  EXPECT_NE(placed(one).tiles, placed(one, 2).tiles);
  Placement second = one;
  second.number = 2;
  EXPECT_NE(placed(one).tiles, placed(second).tiles);
  TakenTiles none;
  EXPECT_NE(placed(one).tiles, place(seed, "winte", one, 1, none).tiles);
}

TEST(Place, keeps_apart_out_of_exceptions_and_off_what_is_taken_for_any_shape) {
  Prng prng(5);
  for (int round = 0; round < 200; ++round) {
    Placement one;
    const auto x = static_cast<std::int32_t>(prng.between(-100, 100));
    const auto y = static_cast<std::int32_t>(prng.between(-100, 100));
    one.area = {{x, y},
                {x + static_cast<std::int32_t>(prng.below(80)),
                 y + static_cast<std::int32_t>(prng.below(80))}};
    one.apart_tiles = static_cast<std::uint32_t>(prng.between(1, 9));
    one.spawns = static_cast<std::uint32_t>(prng.between(1, 60));
    one.except = {{{x, y}, {x + 9, y + 3}}, {{x + 20, y + 5}, {x + 20, y + 5}}};
    TakenTiles taken;
    for (int i = 0; i < 50; ++i) {
      taken.insert(
          model::tile_id_of({x + static_cast<std::int32_t>(prng.below(80)), y + 40}).value);
    }
    const TakenTiles before = taken;
    const Placed all = place(seed, "e", one, 1, taken);
    EXPECT_LE(all.tries, tries_max(one));
    EXPECT_TRUE(all.tiles.size() == one.spawns || all.tries == tries_max(one));
    for (std::size_t i = 0; i < all.tiles.size(); ++i) {
      const auto tile = all.tiles[i];
      EXPECT_TRUE(one.area.contains(tile));
      for (const auto& except : one.except) EXPECT_FALSE(except.contains(tile));
      EXPECT_FALSE(before.contains(model::tile_id_of(tile).value));
      EXPECT_TRUE(taken.contains(model::tile_id_of(tile).value));
      for (std::size_t k = 0; k < i; ++k) {
        EXPECT_GE(distance(tile, all.tiles[k]), one.apart_tiles);
      }
    }
  }
}

TEST(Place, gives_up_after_so_many_tries_with_what_it_reached) {
  Placement crowded;
  crowded.area = {{0, 0}, {9, 9}};
  crowded.spawns = 4;
  crowded.apart_tiles = 9;  // four fit into the corners alone
  const Placed all = placed(crowded);
  EXPECT_EQ(all.tries, 65'536U);
  EXPECT_GE(all.tiles.size(), 1U);
  EXPECT_LT(all.tiles.size(), 4U);
}

TEST(Place, fills_an_area_to_its_last_tile_at_the_edge_of_the_world) {
  Placement edge;
  edge.area = {{2147483645, -2147483647 - 1}, {2147483647, -2147483646}};
  edge.spawns = 9;
  const Placed all = placed(edge);
  EXPECT_EQ(std::set<model::Tile>(all.tiles.begin(), all.tiles.end()).size(), 9U);
}

TEST(Place, is_uniform_over_the_area) {
  Placement one;
  one.area = {{-8, -8}, {7, 7}};
  std::array<int, 256> counts{};
  for (std::uint32_t i = 1; i <= 25'600; ++i) {
    const auto tile = placed(one, i).tiles.at(0);
    ++counts[static_cast<std::size_t>((tile.y + 8) * 16 + tile.x + 8)];
  }
  double chi_square = 0;
  for (const int count : counts) chi_square += (count - 100) * (count - 100) / 100.0;
  EXPECT_LT(chi_square, 380);  // one in a million, of 255 degrees
}

TEST(Place, finds_the_one_place_in_twenty_of_a_ring_whatever_the_seed) {
  Placement ring;
  ring.area = {{0, 0}, {39, 39}};
  ring.except = {{{0, 0}, {39, 37}}};
  for (std::uint32_t occurrence = 1; occurrence <= 500; ++occurrence) {
    EXPECT_EQ(placed(ring, occurrence).tiles.size(), 1U);
  }
}

TEST(Room, what_is_excepted_has_none) {
  EXPECT_EQ(room_for({{0, 0}, {9, 9}}, {{{1, 1}, {8, 8}}}, 1), 36U);
  EXPECT_EQ(room_for({{0, 0}, {9, 9}}, {{{-5, -5}, {50, 50}}}, 1), 0U);
  EXPECT_EQ(room_for({{0, 0}, {9, 9}}, {{{20, 20}, {30, 30}}}, 3), 16U);
  EXPECT_EQ(room_for({{0, 0}, {9, 9}}, {{{4, 0}, {5, 9}}}, 5), 4U);
}

TEST(Room, is_what_fits_at_most) {
  EXPECT_EQ(room_for({{0, 0}, {9, 9}}, 1), 100U);
  EXPECT_EQ(room_for({{0, 0}, {9, 9}}, 9), 4U);
  EXPECT_EQ(room_for({{0, 0}, {9, 9}}, 10), 1U);
  EXPECT_EQ(room_for({{-2048, -2048}, {2047, 2047}}, 64), 4'096U);
}

model::EventRules event_of(std::int64_t starts_us, std::int64_t ends_us) {
  model::EventRules event;
  event.starts_us = starts_us;
  event.ends_us = ends_us;
  return event;
}

TEST(Occurrences, follow_each_other_from_the_start_and_end_with_the_event) {
  const auto event = event_of(10 * hour_us, 25 * hour_us);
  Placement every = chests();
  every.every_us = 6 * hour_us;
  EXPECT_EQ(occurrences_of(event, every), 3U);
  EXPECT_EQ(occurrence(event, every, 1), (model::TimeWindow{10 * hour_us, 16 * hour_us}));
  EXPECT_EQ(occurrence(event, every, 3), (model::TimeWindow{22 * hour_us, 25 * hour_us}));
  EXPECT_FALSE(occurrence(event, every, 4).has_value());
  const auto due = [&](std::int64_t now_h, std::int64_t until_h) {
    return occurrences_due(event, every, now_h * hour_us, until_h * hour_us);
  };
  using List = std::vector<std::uint32_t>;
  EXPECT_EQ(due(1, 1), List{1});
  EXPECT_EQ(due(10, 10), List{1});
  EXPECT_EQ(due(15, 15), List{1});
  EXPECT_EQ(due(16, 16), List{2});
  EXPECT_EQ(due(11, 22), (List{1, 2, 3}));
  EXPECT_EQ(due(24, 99), List{3});
  EXPECT_EQ(due(25, 99), List{});
  EXPECT_EQ(occurrences_of(event_of(10 * hour_us, 22 * hour_us), every), 2U);
}

TEST(Occurrences, one_without_every_until_the_event_ends) {
  const auto event = event_of(model::time_us_min, 25 * hour_us);
  EXPECT_EQ(occurrences_due(event, chests(), 24 * hour_us, 24 * hour_us).size(), 1U);
  EXPECT_TRUE(occurrences_due(event, chests(), 25 * hour_us, 99 * hour_us).empty());
  EXPECT_EQ(occurrence(event, chests(), 1), event.window());
  const auto forever = event_of(model::time_us_min, model::time_us_max);
  EXPECT_EQ(occurrences_of(forever, chests()), 1U);
}

TEST(PlacementVersion, every_part_of_a_placement_counts) {
  const std::string head =
      "starts: 2026-12-04\ntables:\n  t: [{item: a, weight: 1}]\n  u: [{item: a, weight: 1}]\n";
  const auto version = [&head](const std::string& placement) {
    const RulesFile file{"f", "event: e\n" + head + placement};
    const auto result = compile_rules({&file, 1}, 0);
    EXPECT_TRUE(result.has_value()) << (result ? "" : format(result.error().at(0)));
    return result ? result->set.version : "";
  };
  std::set<std::string> versions{version("")};
  const std::string base = "table: t, world: main, from: [0, 0], to: [99, 99], spawns: 3";
  for (const std::string& line : {
           base,
           base + ", budget: 2",
           base + ", apart: 2",
           base + ", every: 7d",
           base + ", except: [{from: [0, 0], to: [1, 1]}]",
           base + ", except: [{from: [0, 0], to: [1, 2]}]",
           std::string("table: u, world: main, from: [0, 0], to: [99, 99], spawns: 3"),
           std::string("table: t, world: nether, from: [0, 0], to: [99, 99], spawns: 3"),
           std::string("table: t, world: main, from: [0, 1], to: [99, 99], spawns: 3"),
           std::string("table: t, world: main, from: [0, 0], to: [99, 98], spawns: 3"),
           std::string("table: t, world: main, from: [0, 0], to: [99, 99], spawns: 4"),
       }) {
    EXPECT_TRUE(versions.insert(version("placement: [{" + line + "}]\n")).second) << line;
  }
  EXPECT_TRUE(versions.insert(version("placement: [{" + base + "}, {" + base + "}]\n")).second);
}

TEST(PlacementText, says_how_much_and_where) {
  Placement one = chests();
  one.world = "main";
  one.budget = 3;
  one.every_us = 7 * 24 * hour_us;
  one.except = {{{-8, -8}, {7, 7}}};
  EXPECT_EQ(supply_text(one), "5,000 places in main, for 3 players each, anew every 7 days");
  EXPECT_EQ(placement_text(one),
            "5,000 places in main, for 3 players each, anew every 7 days, from [-2048, -2048] to "
            "[2047, 2047] except [-8, -8] to [7, 7], 8 apart");
  one.spawns = one.budget = 1;
  one.every_us = hour_us;
  EXPECT_EQ(supply_text(one), "1 place in main, for 1 player each, anew every 60 minutes");
}

TEST(PlacementChanges, name_what_is_new_gone_and_another) {
  const auto loaded = [](const std::string& rest) {
    const std::string area = ", world: w, from: [0, 0], to: [9, 9], spawns: ";
    std::string text = "event: e\ntables: {t: [{item: a, weight: 1}]}\n";
    if (!rest.empty()) text += "placement:\n";
    for (const char spawns : rest) {
      text += "  - {table: t" + area + std::string(1, spawns) + "}\n";
    }
    const RulesFile file{"f", text};
    return *compile_rules({&file, 1}, 0);
  };
  EXPECT_TRUE(placement_changes(loaded("23"), loaded("23")).empty());
  EXPECT_EQ(summary_of(*diff_rules(loaded("23").set, loaded("24").set)),
            "tables, odds and windows are the same");
  EXPECT_EQ(placement_changes(loaded("23"), loaded("24")),
            std::vector<std::string>{
                "e, placement 2: t, 3 places in w, for 1 player each, from [0, 0] to [9, 9] → t, 4 "
                "places in w, for 1 player each, from [0, 0] to [9, 9]"});
  EXPECT_EQ(placement_changes(loaded("2"), loaded("")),
            std::vector<std::string>{"e, placement 1: removed; what was buried stays"});
  EXPECT_EQ(placement_changes(loaded(""), loaded("2")),
            std::vector<std::string>{
                "e, placement 1: new: t, 2 places in w, for 1 player each, from [0, 0] to [9, 9]"});
}

TEST(ShortSupply, says_what_players_do_not_get) {
  const RulesFile file{"f",
                       "event: e\ntables: {t: [{item: a, weight: 1}]}\nplacement: [{table: t, "
                       "world: main, from: [0, 0], to: [99, 99], spawns: 500, budget: 30}]\n"};
  const auto loaded = compile_rules({&file, 1}, 0);
  ASSERT_TRUE(loaded.has_value());
  const auto said = [&loaded](std::uint64_t players) {
    const auto all = short_supply(loaded->set, loaded->placements, players);
    return all.empty() ? std::string() : all.at(0).message;
  };
  EXPECT_EQ(said(28'000),
            "e: 15,000 finds are placed for 28,000 players: at least 13,000 of them find nothing");
  EXPECT_EQ(said(1'000),
            "e: 15,000 finds are placed for 1,000 players: 15 for each, where one player could "
            "take 500");
  EXPECT_EQ(said(30), "");
}

TEST(RareItems, counts_all_occurrences_and_tables) {
  const auto said = [](const std::string& rest) {
    const RulesFile file{"f", "event: e\nstarts: 2026-12-04T00:00Z\n" + rest};
    const auto loaded = compile_rules({&file, 1}, 0);
    EXPECT_TRUE(loaded.has_value());
    return loaded ? rare_items(loaded->set, loaded->placements).size() : 99;
  };
  const std::string tables =
      "tables: {t: [{item: a, weight: 999}, {item: b, weight: 1}]}\nplacement: [{table: t, world: "
      "main, from: [0, 0], to: [99, 99], spawns: 100, every: 24h}]\n";
  EXPECT_EQ(said("ends: 2026-12-05T00:00Z\n" + tables), 1U);  // 100 of 1,000
  EXPECT_EQ(said("ends: 2026-12-24T00:00Z\n" + tables), 0U);  // 2,000
  EXPECT_EQ(said(tables), 0U);                                // without end
}

}  // namespace
}  // namespace hunt::rules
