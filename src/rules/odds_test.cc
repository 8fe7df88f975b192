// Exactness: sums, brute force over every outcome, and nesting at the limits.
#include "rules/odds.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <map>
#include <set>

#include "base/prng.h"
#include "base/text.h"
#include "model/limits.h"
#include "rules/diff.h"
#include "rules/disclose.h"
#include "rules/find_odds.h"
#include "rules/load.h"
#include "rules/rules_test_support.h"

namespace hunt::rules {
namespace {

using Integer = boost::multiprecision::cpp_int;

Fraction fraction(const ItemOdds& odds) {
  return {Integer(odds.numerator), Integer(odds.denominator)};
}

std::vector<ItemOdds> items_of(const model::RuleSet& set, std::uint32_t table,
                               const OpenTimes& open = {}) {
  auto odds = table_odds(set, table, open);
  EXPECT_TRUE(odds.has_value()) << odds.error();
  return odds ? std::move(odds->items) : std::vector<ItemOdds>{};
}

Fraction sum(const std::vector<ItemOdds>& odds) {
  Fraction out = 0;
  for (const auto& item : odds) out += fraction(item);
  return out;
}

// Walks every branch of the tree of draws, without sharing anything with the code under test.
void walk(const model::RuleSet& set, std::uint32_t table, const Fraction& share,
          std::map<std::string, Fraction>& out) {
  const auto& flat = set.tables[table];
  for (std::uint32_t i = 0; i < flat.entry_count; ++i) {
    const auto& entry = set.entries[flat.first_entry + i];
    const Fraction part = share * Fraction(entry.weight, flat.total_weight);
    if (entry.is_table) {
      walk(set, entry.index, part, out);
    } else {
      out[set.items[entry.index]] += part;
    }
  }
}

TEST(Odds, are_exact_fractions_through_nesting) {
  const auto set = compiled(
      "  t: [{item: a, weight: 60}, {item: b, weight: 30}, {table: rare, weight: 10}]\n"
      "  rare: [{item: b, weight: 1}, {item: c, weight: 2}]\n");
  const auto odds = items_of(set, *set.find_table("t"));
  ASSERT_EQ(odds.size(), 3U);
  EXPECT_EQ(odds[0].item, "a");
  EXPECT_EQ(odds[0].numerator + "/" + odds[0].denominator, "3/5");
  EXPECT_EQ(odds[1].item, "b");
  EXPECT_EQ(odds[1].numerator + "/" + odds[1].denominator, "1/3");
  EXPECT_EQ(odds[2].numerator + "/" + odds[2].denominator, "1/15");
  EXPECT_DOUBLE_EQ(odds[2].probability, 1.0 / 15);
}

TEST(Odds, equal_odds_are_ordered_by_name) {
  const auto set =
      compiled("  t: [{item: b, weight: 1}, {item: c, weight: 1}, {item: a, weight: 1}]\n");
  const auto odds = items_of(set, 0);
  EXPECT_EQ(odds[0].item + odds[1].item + odds[2].item, "abc");
}

TEST(Odds, add_up_to_one_and_match_brute_force_for_any_seed) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Prng prng(seed);
    std::string tables;
    const std::uint64_t count = 1 + prng.below(6);
    for (std::uint64_t t = 0; t < count; ++t) {
      tables += fmt::format("  t{}:\n", t);
      for (std::uint64_t entries = 1 + prng.below(5); entries > 0; --entries) {
        const std::uint64_t weight = 1 + prng.below(limits::weight_max);
        const bool nested = t + 1 < count && prng.below(2) == 0;
        tables += nested ? fmt::format("    - {{table: t{}, weight: {}}}\n",
                                       t + 1 + prng.below(count - t - 1), weight)
                         : fmt::format("    - {{item: i{}, weight: {}}}\n", prng.below(6), weight);
      }
    }
    const auto set = compiled(tables);
    for (std::uint32_t t = 0; t < set.tables.size(); ++t) {
      const auto odds = items_of(set, t);
      ASSERT_EQ(sum(odds), 1) << "seed " << seed;
      std::map<std::string, Fraction> expected;
      walk(set, t, 1, expected);
      ASSERT_EQ(odds.size(), expected.size()) << "seed " << seed;
      for (std::size_t i = 0; i < odds.size(); ++i) {
        ASSERT_EQ(fraction(odds[i]), expected.at(odds[i].item)) << "seed " << seed;
        ASSERT_LE(fraction(odds[i]), fraction(odds[i == 0 ? 0 : i - 1])) << "seed " << seed;
      }
    }
  }
}

TEST(Odds, stay_exact_at_the_limits_of_weight_and_nesting) {
  std::string tables;
  for (std::size_t t = 0; t < limits::table_nesting_max; ++t) {
    const std::string next = t + 1 < limits::table_nesting_max ? fmt::format("table: t{}", t + 1)
                                                               : std::string("item: grail");
    tables += fmt::format("  t{}: [{{item: dust, weight: {}}}, {{{}, weight: 1}}]\n", t,
                          limits::weight_max, next);
  }
  const auto set = compiled(tables);
  const auto odds = items_of(set, *set.find_table("t0"));
  ASSERT_EQ(odds.size(), 2U);
  EXPECT_EQ(odds[1].item, "grail");
  EXPECT_EQ(odds[1].numerator, "1");
  Integer expected = 1;
  for (std::size_t t = 0; t < limits::table_nesting_max; ++t) expected *= limits::weight_max + 1;
  EXPECT_EQ(odds[1].denominator, expected.str());
  EXPECT_EQ(sum(odds), 1);
  EXPECT_NEAR(odds[1].probability * 1e72, 1, 1e-6);
}

TEST(Odds, shared_tables_do_not_multiply_the_work) {
  // 8 levels of 30 entries that all lead to the same next table: 30^8 paths.
  std::string tables;
  for (std::size_t t = 0; t < limits::table_nesting_max; ++t) {
    tables += fmt::format("  t{}:\n", t);
    for (int e = 0; e < 30; ++e) {
      tables += t + 1 < limits::table_nesting_max
                    ? fmt::format("    - {{table: t{}, weight: {}}}\n", t + 1, 7 + e)
                    : fmt::format("    - {{item: i{}, weight: {}}}\n", e, 7 + e);
    }
  }
  const auto set = compiled(tables);
  const auto odds = items_of(set, *set.find_table("t0"));
  EXPECT_EQ(odds.size(), 30U);
  EXPECT_EQ(sum(odds), 1);
}

// An event with two named times that overlap for an hour, and a table below that has a third.
model::RuleSet timed() {
  const RulesFile file{"f.yaml",
                       "event: e\nstarts: 2027-01-01\nends: 2027-01-03\n"
                       "tiers: [low, high]\nitems: {b: {tier: low}, c: {tier: high}}\n"
                       "times:\n"
                       "  early: [{from: \"06:00\", for: 6h}]\n"
                       "  late: [{from: \"11:00\", for: 6h}]\n"
                       "  never_used: [{from: \"00:00\", for: 1h}]\n"
                       "tables:\n"
                       "  t: [{item: a, weight: 2}, {item: b, weight: 1, during: early},\n"
                       "      {table: u, weight: 1}]\n"
                       "  u: [{item: c, weight: 1}, {item: a, weight: 3, during: late}]\n"
                       "  plain: [{item: a, weight: 1}]\n"};
  auto result = compile_rules({&file, 1}, 0);
  EXPECT_TRUE(result.has_value()) << format(result.error().at(0));
  return std::move(result->set);
}

TEST(OddsInTime, has_a_case_for_all_times_that_are_ever_open_together) {
  const auto set = timed();
  const auto cases = time_cases(set, *set.find_table("t"));
  std::vector<std::string> names;
  for (const auto& [open, as_of_us] : cases) {
    std::string text;
    for (const auto time : open) text += set.times[time].name + " ";
    names.push_back(text);
    for (std::uint32_t i = 0; i < set.times.size(); ++i) {
      if (set.times[i].name == "never_used") continue;
      EXPECT_EQ(model::opening_at(set.times[i].openings, as_of_us) != nullptr,
                std::count(open.begin(), open.end(), i) == 1);
    }
  }
  EXPECT_EQ(names, (std::vector<std::string>{"", "early ", "late ", "early late "}));
  EXPECT_EQ(time_cases(set, *set.find_table("u")).size(), 2U);
  ASSERT_EQ(time_cases(set, *set.find_table("plain")).size(), 1U);
  EXPECT_TRUE(time_cases(set, *set.find_table("plain"))[0].open.empty());
}

// A table may draw from one of another event, whose times may have the same names.
TEST(OddsInTime, times_of_one_name_in_two_events_are_told_apart) {
  const auto compiled_with = [](int weight) {
    const std::string head = "starts: 2027-01-01\nends: 2027-01-03\ntimes:\n  happy: ";
    const std::vector<RulesFile> files{
        {"a.yaml", "event: a\n" + head + "[{from: \"06:00\", for: 2h}]\ntables:\n" +
                       "  t: [{item: x, weight: 1}, {item: y, weight: 1, during: happy},\n"
                       "      {table: u, weight: 1}]\n"},
        {"b.yaml", "event: b\n" + head + "[{from: \"12:00\", for: 2h}]\ntables:\n" +
                       fmt::format("  u: [{{item: x, weight: 1}}, {{item: z, weight: {}, "
                                   "during: happy}}]\n",
                                   weight)}};
    auto result = compile_rules(files, 0);
    EXPECT_TRUE(result.has_value()) << format(result.error().at(0));
    return std::move(result->set);
  };
  const auto before = compiled_with(1);
  std::set<std::string> names;
  for (const auto& [open, as_of_us] : time_cases(before, *before.find_table("t"))) {
    names.insert(names_of(before, open));
  }
  EXPECT_EQ(names, (std::set<std::string>{"", "a.happy", "b.happy"}));
  const auto diff = diff_rules(before, compiled_with(2));
  ASSERT_TRUE(diff.has_value()) << diff.error();
  const bool seen = std::any_of(diff->odds.begin(), diff->odds.end(), [](const auto& change) {
    return change.table == "t" && change.during == "b.happy" && change.item == "z";
  });
  EXPECT_TRUE(seen) << summary_of(*diff);
}

TEST(OddsInTime, are_exact_in_each_case) {
  const auto set = timed();
  const auto t = *set.find_table("t");
  const std::map<std::size_t, std::string> wanted{
      {0, "a 2/3, c 1/3, "},
      {1, "a 1/2, b 1/4, c 1/4, "},
      {2, "a 11/12, c 1/12, "},
      {3, "a 11/16, b 1/4, c 1/16, "},
  };
  const auto cases = time_cases(set, t);
  ASSERT_EQ(cases.size(), 4U);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    std::string text;
    for (const auto& item : items_of(set, t, cases[i].open)) {
      text += fmt::format("{} {}/{}, ", item.item, item.numerator, item.denominator);
    }
    EXPECT_EQ(text, wanted.at(i)) << i;
  }
  const auto odds = table_odds(set, t, cases[1].open);
  ASSERT_EQ(odds->tiers.size(), 2U);
  EXPECT_EQ(odds->tiers[0].tier, 1U) << "the highest first";
  EXPECT_EQ(odds->tiers[0].numerator + "/" + odds->tiers[0].denominator, "1/4");
}

TEST(OddsWork, is_counted_and_refused_with_a_sentence) {
  // Sums of weights without a common divisor at each level: denominators of many words.
  std::string tables;
  Prng prng(5);
  for (int level = 0; level < 8; ++level) {
    for (int t = 0; t < 20; ++t) {
      tables += fmt::format("  t{}_{}:\n", level, t);
      for (int e = 0; e < 20; ++e) {
        const std::uint64_t weight = 1 + prng.below(limits::weight_max);
        tables += level < 7
                      ? fmt::format("    - {{table: t{}_{}, weight: {}}}\n", level + 1, e, weight)
                      : fmt::format("    - {{item: i{}, weight: {}}}\n", e, weight);
      }
    }
  }
  const auto set = compiled(tables);
  const auto table = *set.find_table("t0_0");
  EXPECT_TRUE(table_odds(set, table).has_value());
  const auto refused = table_odds(set, table, {}, 10'000);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().find("the exact odds of \"t0_0\" need too much work"),
            std::string::npos);
}

TEST(OddsText, what_is_not_certain_is_never_100_percent) {
  const Fraction almost = 1 - Fraction(1) / Fraction("1000000000000000000000000000");
  EXPECT_LT(odds_of(almost).probability, 1);
  EXPECT_EQ(percent_text(odds_of(almost).probability), "over 99.99 %");
  EXPECT_EQ(odds_of(Fraction(1)).probability, 1);
  EXPECT_LT(at_least_once(0.8142, 1'000), 1);
  EXPECT_EQ(at_least_once(1, 10), 1);
  EXPECT_EQ(at_least_once(0, 10), 0);
}

TEST(OddsText, a_moment_has_its_date_in_utc_where_that_is_another) {
  model::EventRules event;
  event.zone = "Europe/Berlin";
  EXPECT_EQ(moment_text(event, *parse_time_us("2026-11-30T23:00:00Z")),
            "2026-12-01T00:00:00+01:00 (2026-11-30T23:00 UTC)");
  EXPECT_EQ(moment_text(event, *parse_time_us("2026-12-04T17:00:00Z")),
            "2026-12-04T18:00:00+01:00 (17:00 UTC)");
}

TEST(OddsText, is_short_and_never_zero) {
  EXPECT_EQ(one_in_text(0.02), "1 in 50");
  EXPECT_EQ(one_in_text(0.6), "1 in 1.667");
  EXPECT_EQ(one_in_text(1), "1 in 1");
  EXPECT_EQ(one_in_text(1e-6), "1 in 1,000,000");
  EXPECT_EQ(one_in_text(1e-72), "1 in 1.000e+72");
  EXPECT_EQ(percent_text(0.025), "2.5 %");
  EXPECT_EQ(percent_text(1), "100 %");
  EXPECT_EQ(percent_text(1e-5), "0.001 %");
  EXPECT_EQ(percent_text(1e-9), "1.000e-07 %");
  EXPECT_EQ(percent_text(0.9999), "99.99 %");
  EXPECT_EQ(percent_text(0.99999995), "over 99.99 %");
  EXPECT_EQ(one_in_text(0.99999995), "nearly 1 in 1");
}

}  // namespace
}  // namespace hunt::rules
