#include "rush/rehearsal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "rush/rehearsal_report.h"

namespace hunt::rush {
namespace {

rules::LoadedRules rules_of(const std::string& text) {
  const rules::RulesFile file{"f.yaml", text};
  auto loaded = rules::compile_rules({&file, 1}, 0);
  EXPECT_TRUE(loaded.has_value()) << (loaded ? "" : rules::format(loaded.error().at(0)));
  return std::move(*loaded);
}

Rehearsal played(const std::string& text, std::uint32_t players, std::uint32_t hours,
                 std::uint64_t seed = 1) {
  RehearsalOptions options;
  options.players = players;
  options.hours = hours;
  options.seed = seed;
  auto result = rehearse(rules_of(text), options);
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message);
  return result ? std::move(*result) : Rehearsal{};
}

const std::string meadow =
    "event: meadow\ntables: {chest: [{item: bell, weight: 3}, {item: crown, weight: 1}]}\n"
    "placement: [{table: chest, world: main, from: [0, 0], to: [63, 63], spawns: 40, budget: 3}]\n";

std::uint64_t sum(const std::vector<std::uint32_t>& all) {
  return std::accumulate(all.begin(), all.end(), std::uint64_t{0});
}

TEST(Rehearse, the_same_seed_plays_the_same_and_another_one_not) {
  const std::string once = rehearsal_json(played(meadow, 50, 2));
  EXPECT_EQ(once, rehearsal_json(played(meadow, 50, 2)));
  EXPECT_NE(once, rehearsal_json(played(meadow, 50, 2, 2)));
}

TEST(Rehearse, the_books_of_loot_finds_and_players_agree) {
  const Rehearsal r = played(meadow, 200, 1);
  EXPECT_EQ(r.positions, 200U * 3'600U);
  ASSERT_EQ(r.kinds.size(), 1U);
  EXPECT_EQ(r.kinds[0].placed, 120U);
  EXPECT_EQ(r.kinds[0].found, sum(r.finds_of_players));
  EXPECT_EQ(r.finds(), r.kinds[0].found);
  std::uint64_t items = 0;
  for (const auto& item : r.items) items += item.count;
  EXPECT_EQ(items, r.finds());  // each find is one item here
  std::uint64_t by_bucket = 0;
  for (const auto& bucket : r.buckets) {
    by_bucket += std::accumulate(bucket.finds.begin(), bucket.finds.end(), std::uint64_t{0});
  }
  EXPECT_EQ(by_bucket, r.finds());
  EXPECT_EQ(r.buckets.size(), 60U);
  EXPECT_EQ(r.buckets.back().left[0], r.kinds[0].left());
  EXPECT_EQ(static_cast<double>(r.buckets.back().with_none) / 200, share_with_none(r));
}

TEST(Rehearse, only_players_in_the_rollout_find_and_only_in_the_worlds_of_the_event) {
  const std::string plenty =
      "event: meadow\nhint_radius: 0\nROLLOUTtables: {chest: [{item: bell, weight: 1}]}\n"
      "placement: [{table: chest, world: main, from: [0, 0], to: [63, 63], spawns: 900, budget: "
      "1000}]\n";
  const auto with = [&plenty](const std::string& keys) {
    std::string text = plenty;
    return played(text.replace(text.find("ROLLOUT"), 7, keys), 1'000, 1);
  };
  const Rehearsal all = with("");
  ASSERT_LT(share_with_none(all), 0.02);
  const Rehearsal some = with("rollout: 30\n");
  EXPECT_NEAR(share_with_none(some), 0.7, 0.06);
  EXPECT_EQ(some.finds_of_players.back(), all.finds_of_players.back()) << "they find as much";
  const auto says = [](const Rehearsal& r, const std::string& what) {
    const auto lines = rehearsal_text(r);
    return std::any_of(lines.begin(), lines.end(),
                       [&](const auto& line) { return line.find(what) != std::string::npos; });
  };
  EXPECT_TRUE(says(some, "meadow: for 30 % of the players"));
  EXPECT_EQ(with("worlds: [main, 7]\n").finds(), all.finds());
  const Rehearsal none = with("worlds: [north]\n");
  EXPECT_EQ(none.finds(), 0U);
  EXPECT_TRUE(says(none, "meadow: not in main, where it has loot"));
}

TEST(Rehearse, sells_out_when_many_look_and_says_when) {
  const Rehearsal r = played(meadow, 2'000, 1);
  EXPECT_EQ(r.kinds[0].left(), 0U);
  ASSERT_TRUE(r.kinds[0].sold_out_s.has_value());
  const std::size_t bucket = (*r.kinds[0].sold_out_s - 1) / r.bucket_s;
  EXPECT_EQ(r.buckets[bucket].left[0], 0U);
  if (bucket > 0) {
    EXPECT_GT(r.buckets[bucket - 1].left[0], 0U);
  }
  EXPECT_GE(share_with_none(r), 1 - 120.0 / 2'000);
}

TEST(Rehearse, one_player_takes_each_spawn_once_however_large_its_budget) {
  std::string text = meadow;
  text.replace(text.find("budget: 3"), 9, "budget: 1000");
  const Rehearsal r = played(text, 3, 24);
  EXPECT_LE(r.finds_of_players.back(), 40U);
  EXPECT_GT(r.finds_of_players.front(), 20U);
}

TEST(Rehearse, finds_follow_the_odds_of_the_table) {
  std::string text = meadow;
  text.replace(text.find("budget: 3"), 9, "budget: 1000");
  const Rehearsal r = played(text, 500, 4);
  ASSERT_EQ(r.items.size(), 2U);
  EXPECT_EQ(r.items[0].item, "bell");
  const double share = static_cast<double>(r.items[1].finds) / static_cast<double>(r.finds());
  EXPECT_GT(r.finds(), 10'000U);
  EXPECT_NEAR(share, 0.25, 0.03);
}

// Open from 12:00 on for an hour, and played from 00:00 on.
TEST(Rehearse, only_open_hours_count_and_during_has_its_own_odds) {
  const Rehearsal r = played(
      "event: noon\nstarts: 2026-12-04\nends: 2026-12-05\nopen: [{from: \"12:00\", for: 1h}]\n"
      "times: {late: [{from: \"12:30\", for: 30m}]}\n"
      "tables: {chest: [{item: bell, weight: 1}, {item: owl, weight: 9, during: late}]}\n"
      "placement: [{table: chest, world: main, from: [0, 0], to: [63, 63], spawns: 200, budget: "
      "100}]\n",
      100, 24);
  EXPECT_GT(r.finds(), 500U);
  for (std::size_t i = 0; i < r.buckets.size(); ++i) {
    const bool open = i >= 48 && i < 52;  // buckets of 15 minutes
    std::uint64_t finds = 0;
    for (std::size_t k = 0; k < r.classes.size(); ++k) {
      finds += r.buckets[i].finds[k];
      if (r.classes[k] == "owl" && i < 50) {
        EXPECT_EQ(r.buckets[i].finds[k], 0U);
      }
    }
    EXPECT_EQ(finds > 0, open) << i;
  }
}

TEST(Rehearse, every_puts_new_loot_out_and_what_nobody_found_is_over) {
  const Rehearsal r = played(
      "event: daily\nstarts: 2026-12-04\ntables: {chest: [{item: bell, weight: 1}]}\n"
      "placement: [{table: chest, world: main, from: [0, 0], to: [255, 255], spawns: 100, every: "
      "6h}]\n",
      2, 24);
  EXPECT_EQ(r.kinds[0].placed, 400U);
  EXPECT_GT(r.kinds[0].expired, 0U);
  EXPECT_EQ(r.kinds[0].placed, r.kinds[0].found + r.kinds[0].expired + r.kinds[0].left());
  EXPECT_LE(r.kinds[0].left(), 100U);
}

TEST(Rehearse, sold_out_is_told_of_each_turn_since_it_began) {
  const Rehearsal r = played(
      "event: daily\nstarts: 2026-12-04\ntables: {chest: [{item: bell, weight: 1}]}\n"
      "placement: [{table: chest, world: main, from: [0, 0], to: [31, 31], spawns: 5, every: "
      "6h}]\n",
      500, 24);
  EXPECT_EQ(r.kinds[0].turns, 4U);
  EXPECT_EQ(r.kinds[0].sold_out, 4U);
  ASSERT_TRUE(r.kinds[0].sold_out_s.has_value());
  EXPECT_LT(*r.kinds[0].sold_out_s, 6U * 3'600U);
  EXPECT_EQ(sold_out_text(r.kinds[0]).substr(0, 20), "4 of 4 turns, after ");
}

TEST(Rehearse, says_what_is_not_played_and_for_how_long_the_rest_is_open) {
  const std::string place = ", world: main, from: [0, 0], to: [63, 63], spawns: 5}]\n";
  const std::array<rules::RulesFile, 2> files{
      {{"a.yaml",
        "event: noon\nstarts: 2026-12-04\nends: 2026-12-05\nopen: [{from: \"12:00\", for: 1h}]\n"
        "tables: {chest: [{item: bell, weight: 1}]}\nplacement: [{table: chest" +
            place},
       {"b.yaml",
        "event: later\nstarts: 2027-02-01\ntables: {box: [{item: bell, weight: 1}]}\n"
        "placement: [{table: box" +
            place}}};
  const auto loaded = rules::compile_rules(files, 0);
  ASSERT_TRUE(loaded.has_value());
  RehearsalOptions options;
  options.players = 10;
  const auto r = rehearse(*loaded, options);
  ASSERT_TRUE(r.has_value());
  EXPECT_EQ(notes(*r), (std::vector<std::string>{
                           "main: 10 players walk 64 x 64 tiles around all that is placed there",
                           "later: not played, it starts at 2027-02-01T00:00 UTC, after the 24 "
                           "hours",
                           "noon: open for 1 h of the 24 hours"}));
  ASSERT_EQ(r->kinds.size(), 2U);
  for (const auto& kind : r->kinds) {
    if (kind.table == "box") {
      EXPECT_EQ(sold_out_text(kind), "not put out");
    }
  }
}

TEST(Rehearse, refuses_more_spawns_than_it_can_hold) {
  RehearsalOptions options;
  options.hours = 744;
  const auto much = rehearse(
      rules_of("event: e\nstarts: 2026-12-04\ntables: {t: [{item: a, weight: 1}]}\nplacement: "
               "[{table: t, world: w, from: [0, 0], to: [999, 999], spawns: 100000, every: 1h}]\n"),
      options);
  ASSERT_FALSE(much.has_value());
  EXPECT_EQ(much.error().code, Errc::too_large);
  EXPECT_NE(much.error().message.find("74,400,000 spawns"), std::string::npos);
}

TEST(Rehearse, loot_that_wants_a_dig_is_found_by_hints_or_seldom) {
  std::string rest = meadow.substr(13);
  rest.replace(rest.find("budget: 3"), 9, "budget: 1000");
  const auto finds = [&rest](const std::string& radius) {
    return played("event: dig\ntrigger: dig\nhint_radius: " + radius + rest, 50, 1).finds();
  };
  EXPECT_GT(finds("4"), 3 * finds("0"));
  EXPECT_GT(finds("0"), 0U);
}

TEST(Rehearse, players_share_the_worlds) {
  const Rehearsal r = played(
      "event: two\ntables: {a: [{item: x, weight: 1}], b: [{item: y, weight: 1}]}\nplacement:\n"
      "  - {table: a, world: main, from: [0, 0], to: [31, 31], spawns: 50, budget: 1000}\n"
      "  - {table: b, world: nether, from: [0, 0], to: [31, 31], spawns: 50, budget: 1000}\n",
      11, 2);
  ASSERT_EQ(r.kinds.size(), 2U);
  EXPECT_GT(r.kinds[0].found, 0U);
  EXPECT_GT(r.kinds[1].found, 0U);
  EXPECT_LE(r.kinds[0].found, 6U * 50U);
  EXPECT_LE(r.kinds[1].found, 5U * 50U);
}

TEST(Rehearse, refuses_what_cannot_be_played) {
  RehearsalOptions options;
  EXPECT_EQ(
      rehearse(rules_of("event: e\ntables: {t: [{item: a, weight: 1}]}\n"), options).error().code,
      Errc::invalid_argument);
  const auto full = rehearse(rules_of("event: e\ntables: {t: [{item: a, weight: 1}]}\nplacement: "
                                      "[{table: t, world: w, from: [0, 0], to: [9, 9], spawns: 4, "
                                      "apart: 9}]\n"),
                             options);
  ASSERT_FALSE(full.has_value());
  EXPECT_NE(full.error().message.find("of 4 spawns found a place in 65,536 tries"),
            std::string::npos);
}

TEST(RehearsalReport, groups_tiers_and_hours) {
  const Rehearsal r = played(
      "event: t\ntiers: [low, high]\nitems: {bell: {tier: low}, crown: "
      "{tier: high}}\n" +
          meadow.substr(14),
      50, 48);
  EXPECT_TRUE(r.by_tier);
  EXPECT_EQ(r.classes, (std::vector<std::string>{"low", "high", "no tier"}));
  const auto lines = rehearsal_text(r);
  EXPECT_NE(std::find(lines.begin(), lines.end(), "finds by tier"), lines.end());
  EXPECT_LE(lines.size(), 41U);
  EXPECT_NE(lines.back().find("47 to 48"), std::string::npos) << lines.back();
  const std::string page = rehearsal_html(r);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("<svg"), std::string::npos);
}

TEST(SpanText, is_short) {
  EXPECT_EQ(span_text(59), "59 s");
  EXPECT_EQ(span_text(60), "1 min");
  EXPECT_EQ(span_text(7'200), "2 h");
  EXPECT_EQ(span_text(12'000), "3 h 20 min");
}

}  // namespace
}  // namespace hunt::rush
