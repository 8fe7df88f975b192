#include "rules/count_odds.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/prng.h"
#include "rules/compile.h"
#include "rules/distinct_odds.h"
#include "rules/find_odds.h"
#include "rules/rules_test_support.h"

namespace hunt::rules {
namespace {

using Counts = std::map<std::uint64_t, std::string>;

Counts counts(const model::RuleSet& set, const std::string& table, const std::string& item) {
  const auto at = std::find(set.items.begin(), set.items.end(), item) - set.items.begin();
  const auto odds = count_odds(set, *set.find_table(table), static_cast<std::uint32_t>(at));
  EXPECT_TRUE(odds.has_value()) << (odds ? "" : odds.error());
  Counts out;
  if (!odds) return out;
  for (const auto& one : *odds) out[one.count] = one.numerator + "/" + one.denominator;
  return out;
}

TEST(CountOdds, of_a_range_are_equal) {
  const auto set = compiled("  t: {always: [{item: a, count: 5..8}]}\n");
  EXPECT_EQ(counts(set, "t", "a"), (Counts{{5, "1/4"}, {6, "1/4"}, {7, "1/4"}, {8, "1/4"}}));
}

TEST(CountOdds, of_rolls_are_binomial) {
  const auto set = compiled(
      "  t: {may_be_empty: true, pools: [{rolls: 3, draw: [{item: a, weight: 1}, {nothing: true, "
      "weight: 2}]}]}\n");
  EXPECT_EQ(counts(set, "t", "a"), (Counts{{0, "8/27"}, {1, "4/9"}, {2, "2/9"}, {3, "1/27"}}));
}

TEST(CountOdds, of_two_dice_in_two_tables) {
  const auto set = compiled(
      "  t: {always: [{table: die}, {table: die}]}\n  die: {always: [{item: a, count: 1..6}]}\n");
  const Counts sums = counts(set, "t", "a");
  EXPECT_EQ(sums.size(), 11U);
  EXPECT_EQ(sums.at(2), "1/36");
  EXPECT_EQ(sums.at(7), "1/6");
  EXPECT_EQ(sums.at(12), "1/36");
}

TEST(CountOdds, a_chance_and_an_empty_range_count_as_none) {
  const auto set = compiled(
      "  t: {always: [{item: b}], pools: [{chance: 1/4, draw: [{item: a, weight: 1, count: "
      "0..1}]}]}\n");
  EXPECT_EQ(counts(set, "t", "a"), (Counts{{0, "7/8"}, {1, "1/8"}}));
}

TEST(CountOdds, of_distinct_entries_come_once_each) {
  const auto set = compiled(
      "  t: {pools: [{rolls: 2, distinct: true, draw: [{item: a, weight: 1}, {item: a, weight: 1, "
      "count: 2}, {item: b, weight: 2}]}]}\n");
  // a and 2 a: 1/4 x 1/3 twice; a and b, 2 a and b share the rest.
  EXPECT_EQ(counts(set, "t", "a"), (Counts{{1, "5/12"}, {2, "5/12"}, {3, "1/6"}}));
}

TEST(CountOdds, agree_with_the_average_and_the_chance_of_one_for_any_table) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Prng prng(seed);
    const auto entry = [&prng](const char* more) {
      const std::uint64_t low = prng.below(3);
      return fmt::format("{{item: {}, weight: {}, count: {}..{}}}{}", prng.below(2) ? "a" : "b",
                         1 + prng.below(9), low, low + 1 + prng.below(3), more);
    };
    std::string text = "  t:\n    may_be_empty: true\n    always: [{table: u}]\n    pools:\n";
    for (std::uint64_t pools = 1 + prng.below(3); pools > 0; --pools) {
      const bool distinct = prng.below(2) == 1;
      text += fmt::format("      - {{rolls: {}..3, distinct: {}, {}draw: [{}{}{}", prng.below(3),
                          distinct, prng.below(2) ? "chance: 2/7, " : "", entry(", "), entry(", "),
                          entry("]}\n"));
    }
    text += "  u: {may_be_empty: true, pools: [{draw: [" + entry(", ") + entry("]}]}\n");
    const auto set = compiled(text);
    const auto table = *set.find_table("t");
    const auto odds = find_odds(set, table, {}, odds_work_max);
    ASSERT_TRUE(odds.has_value());
    for (const auto& [item, share] : odds->items) {
      const auto all = count_odds(set, table, item);
      ASSERT_TRUE(all.has_value()) << all.error();
      Fraction sum = 0;
      Fraction average = 0;
      Fraction none = 0;
      for (const auto& one : *all) {
        const Fraction part(boost::multiprecision::cpp_int(one.numerator),
                            boost::multiprecision::cpp_int(one.denominator));
        EXPECT_GT(part, 0);
        sum += part;
        average += part * one.count;
        if (one.count == 0) none = part;
      }
      EXPECT_EQ(sum, 1) << seed;
      EXPECT_EQ(average, share.expected) << seed;
      EXPECT_EQ(1 - none, share.once) << seed;
    }
  }
}

// Within a moment: what cannot be drawn is not computed, and what is computed is counted.
TEST(CountOdds, of_a_large_count_at_other_times_are_those_without_it) {
  const rules::RulesFile file{
      "f.yaml",
      "event: e\nstarts: 2027-01-01\nends: 2027-01-08\ntimes: {happy: [{from: \"12:00\", for: 1h}]}"
      "\ntables:\n  t: [{item: a, weight: 1, count: 1..256}, {table: u, weight: 1, during: "
      "happy}]\n"
      "  u: [{item: a, weight: 1, count: 1..1000000}]\n"};
  const auto loaded = compile_rules({&file, 1}, 0);
  ASSERT_TRUE(loaded.has_value());
  const auto& set = loaded->set;
  const auto item = static_cast<std::uint32_t>(std::find(set.items.begin(), set.items.end(), "a") -
                                               set.items.begin());
  const auto without = count_odds(set, *set.find_table("t"), item);
  ASSERT_TRUE(without.has_value()) << without.error();
  EXPECT_EQ(without->size(), 256U);
  EXPECT_EQ(without->back().denominator, "256");
  EXPECT_FALSE(count_odds(set, *set.find_table("t"), item, {0}).has_value());
}

TEST(Work, counts_the_longer_part_of_a_fraction) {
  Work work(1'000);
  work.add(Fraction(pow(boost::multiprecision::cpp_int(2), 64 * 40)));
  EXPECT_TRUE(work.over());
  Work other(1'000);
  other.add(Fraction(0));
  EXPECT_FALSE(other.over());
}

TEST(CountOdds, refuse_what_is_too_much) {
  const auto many = compiled("  t: {always: [{item: a, count: 1..257}]}\n");
  EXPECT_EQ(count_odds(many, 0, 0).error(),
            "how many a come in one find of \"t\" goes up to 257, more than 256; its average "
            "stands beside it");
  const auto hard = compiled(
      "  t: {pools: [{rolls: 64, draw: [{item: a, weight: 999999937, count: 1..4}, {item: b, "
      "weight: 1000000000}]}]}\n");
  EXPECT_EQ(count_odds(hard, 0, 0, {}, 10'000).error(),
            "how many a come in one find of \"t\" takes too long to compute exactly");
  EXPECT_TRUE(count_odds(hard, 0, 0).has_value());
}

}  // namespace
}  // namespace hunt::rules
