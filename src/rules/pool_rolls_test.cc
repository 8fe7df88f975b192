// Pools: whether what is rolled has the odds that are published, for all that a
// table can say: every sequence of words, joint tables, and the bounds of a find.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/multiprecision/cpp_int.hpp>
#include <map>
#include <numeric>
#include <set>

#include "base/prng.h"
#include "engine/roll.h"
#include "model/limits.h"
#include "model/reward.h"
#include "rules/chi_square.h"
#include "rules/odds.h"
#include "rules/rules_test_support.h"

namespace hunt::rules {
namespace {

using Fraction = boost::multiprecision::cpp_rational;
using Integer = boost::multiprecision::cpp_int;

template <typename Number>
Fraction exact(const Number& number) {
  return {Integer(number.numerator), Integer(number.denominator)};
}

// Every sequence of words below `radix`, which all the picks of the table divide: each outcome has
// to come exactly as often as its odds say. `word_of` stands between, to plant a bias.
template <typename WordOf>
::testing::AssertionResult holds_exactly(const model::RuleSet& set, const std::string& table,
                                         std::uint64_t radix, std::size_t words,
                                         const WordOf& word_of, std::int64_t as_of_us = 0,
                                         const OpenTimes& open = {}) {
  std::vector<std::uint64_t> digits(words, 0);
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> seen;  // finds, count
  std::uint64_t nothing = 0;
  std::uint64_t all = 0;
  for (bool more = true; more;) {
    std::size_t next = 0;
    const auto stacks = engine::draw(set, *set.find_table(table), as_of_us, [&] {
      const std::size_t at = next++;
      return at < words ? word_of(at, digits[at]) : 0;
    });
    if (next > words) return ::testing::AssertionFailure() << "more words than expected";
    ++all;
    for (const auto& stack : stacks.all()) {
      ++seen[set.items[stack.item]].first;
      seen[set.items[stack.item]].second += stack.count;
    }
    nothing += stacks.all().empty() ? 1 : 0;
    more = false;
    for (auto& digit : digits) {
      if (++digit < radix) {
        more = true;
        break;
      }
      digit = 0;
    }
  }
  const auto odds = table_odds(set, *set.find_table(table), open);
  if (!odds) return ::testing::AssertionFailure() << odds.error();
  if (odds->items.size() != seen.size()) return ::testing::AssertionFailure() << "other items";
  for (const auto& item : odds->items) {
    const auto [finds, count] = seen[item.item];
    if (Fraction(finds, all) != exact(item) || Fraction(count, all) != exact(item.expected)) {
      return ::testing::AssertionFailure()
             << item.item << ": " << finds << " and " << count << " of " << all;
    }
  }
  const Fraction none = odds->nothing ? exact(*odds->nothing) : Fraction(0);
  if (Fraction(nothing, all) != none)
    return ::testing::AssertionFailure() << "nothing: " << nothing;
  return ::testing::AssertionSuccess();
}

std::uint64_t plain(std::size_t /*at*/, std::uint64_t digit) {
  return digit;
}

const char* const gate_tables =
    "  pools: {may_be_empty: true, pools: [{chance: 2/3, rolls: 1..2, draw: [\n"
    "    {item: a, weight: 3, count: 1..2}, {item: b, weight: 2}, {nothing: true, weight: 1}]}]}\n"
    "  nested: {always: [{item: a, count: 0..2}], pools: [{draw: [{table: inner, weight: 1},\n"
    "    {item: c, weight: 2}]}, {chance: 50 %, draw: [{item: a, weight: 1}]}]}\n"
    "  inner: {pools: [{rolls: 2, draw: [{item: b, weight: 1}, {item: d, weight: 1}]}]}\n"
    "  distinct: {may_be_empty: true, pools: [{rolls: 0..2, distinct: true, draw: [\n"
    "    {item: a, weight: 3}, {item: b, weight: 2, count: 4}, {item: a, weight: 1}]}]}\n";

TEST(PoolGate, every_sequence_of_words_gives_exactly_the_odds) {
  const auto set = compiled(gate_tables);
  EXPECT_TRUE(holds_exactly(set, "pools", 6, 6, plain));
  EXPECT_TRUE(holds_exactly(set, "nested", 6, 6, plain));
  EXPECT_TRUE(holds_exactly(set, "distinct", 60, 3, plain));
  // The words of the last whole turn that is still below the rejection.
  const auto high = [](std::size_t, std::uint64_t digit) {
    return (UINT64_MAX / 60 - 1) * 60 + digit;
  };
  EXPECT_TRUE(holds_exactly(set, "distinct", 60, 3, high));
}

TEST(PoolGate, sees_one_word_of_any_pick_that_goes_elsewhere) {
  const auto set = compiled(gate_tables);
  for (std::size_t wrong = 0; wrong < 4; ++wrong) {
    const auto biased = [wrong](std::size_t at, std::uint64_t digit) {
      return at == wrong && digit == 5 ? 0 : digit;
    };
    EXPECT_FALSE(holds_exactly(set, "pools", 6, 6, biased)) << wrong;
  }
  const auto biased = [](std::size_t at, std::uint64_t digit) {
    return at == 2 && digit == 59 ? 0 : digit;
  };
  EXPECT_FALSE(holds_exactly(set, "distinct", 60, 3, biased));
  // A word that is used twice.
  std::uint64_t before = 0;
  const auto reused = [&before](std::size_t at, std::uint64_t digit) {
    if (at == 0) before = digit;
    return at == 3 ? before : digit;
  };
  EXPECT_FALSE(holds_exactly(set, "pools", 6, 6, reused));
}

TEST(PoolGate, holds_for_pools_that_depend_on_the_time) {
  const RulesFile file{
      "f.yaml",
      "event: e\nstarts: 2027-01-01\nends: 2027-01-02\n"
      "times: {x: [{from: \"06:00\", for: 6h}]}\ntables:\n"
      "  t: {pools: [{rolls: 2, draw: [{item: a, weight: 1},\n"
      "    {item: b, weight: 2, during: x}]}, {rolls: 1..2, distinct: true, draw: [\n"
      "    {item: c, weight: 1}, {item: a, weight: 1}, {item: d, weight: 2, "
      "during: x}]}]}\n"};
  auto result = compile_rules({&file, 1}, 0);
  ASSERT_TRUE(result.has_value()) << format(result.error().at(0));
  const auto cases = time_cases(result->set, 0);
  ASSERT_EQ(cases.size(), 2U);
  for (const auto& [open, as_of_us] : cases) {
    EXPECT_TRUE(holds_exactly(result->set, "t", 12, 5, plain, as_of_us, open)) << open.size();
  }
}

// What a claim of its own yields in two pools, in two rolls of one pool, and as item and count: a
// word that is used twice shows only in joint tables. The seed is fixed: it cannot fail by chance.
TEST(PoolJoint, picks_of_one_find_are_independent) {
  const auto set = compiled(
      "  t: {pools: [{draw: [{item: a0, weight: 4, count: 1..3}, {item: a1, weight: 3, count: "
      "1..3},"
      " {item: a2, weight: 2, count: 1..3}]}, {draw: [{item: b0, weight: 1}, {item: b1, weight: 2},"
      " {item: b2, weight: 3}]}, {rolls: 2, distinct: true, draw: [{item: c0, weight: 1},"
      " {item: c1, weight: 1}, {item: c2, weight: 1}]}]}\n");
  // Stacks come in the order of the picks, so all four can be read from one find.
  const auto cell_of = [&set](const engine::Stacks& stacks) {
    const auto all = stacks.all();
    EXPECT_EQ(all.size(), 4U);
    const auto digit = [&](std::size_t i) {
      return static_cast<std::size_t>(set.items[all[i].item].back() - '0');
    };
    return (((digit(0) * 3 + all[0].count - 1) * 3 + digit(1)) * 3 + digit(2)) * 3 + digit(3);
  };
  std::vector<double> joint(3 * 3 * 3 * 3 * 3, 0);
  for (std::size_t cell = 0; cell < joint.size(); ++cell) {
    const std::size_t second = cell % 3;
    const std::size_t first = cell / 3 % 3;
    if (first == second) continue;
    const double item = (4.0 - static_cast<double>(cell / 81)) / 9;
    const double other = (1.0 + static_cast<double>(cell / 9 % 3)) / 6;
    joint[cell] = item / 3 * other / 6;
  }
  ASSERT_NEAR(std::accumulate(joint.begin(), joint.end(), 0.0), 1, 1e-12);
  const std::vector<std::uint8_t> seed(32, 5);
  engine::Roller roller(seed);
  std::vector<std::uint64_t> counts(joint.size());
  constexpr std::uint64_t rolls = 1'000'000;
  for (std::uint64_t i = 0; i < rolls; ++i) ++counts[cell_of(roller.roll(set, 0, {7, i}, 0))];
  std::uint64_t impossible = 0;
  std::vector<double> likely;
  std::vector<std::uint64_t> seen;
  for (std::size_t cell = 0; cell < joint.size(); ++cell) {
    if (joint[cell] == 0) impossible += counts[cell];
    if (joint[cell] == 0) continue;
    likely.push_back(joint[cell]);
    seen.push_back(counts[cell]);
  }
  EXPECT_EQ(impossible, 0U);
  EXPECT_GT(chi_square(seen, likely).p, 1e-6);
  // Planted: the count is picked with the word of the item.
  std::fill(counts.begin(), counts.end(), 0);
  Prng prng(3);
  for (std::uint64_t i = 0; i < rolls / 10; ++i) {
    std::uint64_t word = 0;
    std::size_t asked = 0;
    ++counts[cell_of(engine::draw(set, 0, 0, [&] {
      if (asked++ != 1) word = prng.next();
      return word;
    }))];
  }
  seen.clear();
  for (std::size_t cell = 0; cell < joint.size(); ++cell) {
    if (joint[cell] != 0) seen.push_back(counts[cell]);
  }
  EXPECT_LT(chi_square(seen, likely).p, 1e-6);
}

TEST(PoolRolls, take_words_only_where_there_is_a_choice) {
  const auto set = compiled(
      "  sure: {always: [{item: a, count: 5}], pools: [{rolls: 2, draw: [{item: b, weight: 9}]}]}\n"
      "  short: [{item: a, weight: 1}]\n");
  std::size_t words = 0;
  const auto next = [&words] {
    ++words;
    return std::uint64_t{0};
  };
  static_cast<void>(engine::draw(set, *set.find_table("sure"), 0, next));
  EXPECT_EQ(words, 2U) << "an entry takes a word though it is alone";
  words = 0;
  static_cast<void>(engine::draw(set, *set.find_table("short"), 0, next));
  EXPECT_EQ(words, 1U);
}

TEST(PoolRolls, merge_equal_items_in_the_order_of_the_first) {
  const auto set = compiled(
      "  t: {always: [{item: b, count: 2}, {table: u}, {item: b}, {item: c}]}\n"
      "  u: {always: [{item: a, count: 7}, {item: c}]}\n");
  const std::vector<std::uint8_t> seed(32, 5);
  engine::Roller roller(seed);
  EXPECT_EQ(roller.reward(set, *set.find_table("t"), {1, 1}, 0), "b*3,a*7,c*2");
}

// What check_finds() allows is all that a find can be.
TEST(PoolRolls, stay_within_what_the_compiler_allows) {
  std::size_t taken = 0;
  std::size_t longest = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    Prng prng(seed);
    std::string tables;
    const std::uint64_t count = 1 + prng.below(4);
    for (std::uint64_t t = 0; t < count; ++t) {
      std::string pools;
      for (std::uint64_t p = 1 + prng.below(3); p > 0; --p) {
        std::string entries;
        const std::uint64_t size = 1 + prng.below(12);
        for (std::uint64_t e = 0; e < size; ++e) {
          const std::string name(1 + prng.below(62), static_cast<char>('a' + prng.below(4)));
          entries += t + 1 < count && prng.below(3) == 0
                         ? fmt::format("{{table: t{}, weight: 1}}, ", t + 1)
                         : fmt::format("{{item: {}{}, weight: 1, count: 0..{}}}, ", name,
                                       prng.below(9), 1 + prng.below(limits::count_max));
        }
        const bool distinct = prng.below(2) == 0;
        const std::uint64_t rolls = 1 + prng.below(distinct ? std::min<std::uint64_t>(size, 6) : 6);
        pools += fmt::format("{{rolls: {}, distinct: {}, draw: [{}]}}, ", rolls, distinct, entries);
      }
      tables += fmt::format("  t{}: {{may_be_empty: true, pools: [{}]}}\n", t, pools);
    }
    const RulesFile file{"f.yaml", "event: e\ntables:\n" + tables};
    const auto result = compile_rules({&file, 1}, 0);
    if (!result) {
      for (const auto& one : result.error()) {
        if (one.severity == Severity::warning) continue;
        EXPECT_NE(one.message.find("one find"), std::string::npos) << one.message;
      }
      continue;
    }
    ++taken;
    const std::vector<std::uint8_t> bytes(32, 5);
    engine::Roller roller(bytes);
    for (std::uint64_t i = 0; i < 300; ++i) {
      // Asserts the number of stacks.
      const auto text = roller.reward(result->set, 0, {seed, i}, 0);
      ASSERT_LE(text.size(), limits::reward_bytes_max) << seed;
      longest = std::max(longest, text.size());
    }
  }
  EXPECT_GT(taken, 50U);
  EXPECT_GT(longest, limits::reward_bytes_max / 2);
}

// Support is shown each pick of a find.
TEST(PoolPicks, are_put_into_words) {
  const auto set = compiled(
      "  t: {may_be_empty: true, pools: [{chance: 1/3, rolls: 1..2, draw: [\n"
      "    {item: a, weight: 3, count: 1..2}, {item: b, weight: 2, count: 4}, {table: u, weight: "
      "1}]},"
      " {draw: [{nothing: true, weight: 1}, {table: u, weight: 1}]}]}\n"
      "  u: [{item: c, weight: 1}]\n");
  const std::vector<std::uint8_t> seed(32, 5);
  engine::Roller roller(seed);
  std::set<std::string> words;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const auto picks = roller.picks(set, *set.find_table("t"), {1, i}, 0);
    ASSERT_FALSE(picks.empty());
    for (const auto& pick : picks) {
      ASSERT_LT(pick.number, pick.of);
      words.insert(fmt::format("{}: {} ({} of {})", pick.table, pick.picked, pick.weight, pick.of));
    }
  }
  EXPECT_EQ(words, (std::set<std::string>{
                       "t: pool 1 (1 of 3)", "t: not pool 1 (2 of 3)",
                       "t: 1 roll of pool 1 (1 of 2)", "t: 2 rolls of pool 1 (1 of 2)",
                       "t: a (3 of 6)", "t: a (1 of 2)", "t: a*2 (1 of 2)", "t: b*4 (2 of 6)",
                       "t: u (1 of 6)", "u: c (1 of 1)", "t: nothing (1 of 2)", "t: u (1 of 2)"}));
}

}  // namespace
}  // namespace hunt::rules
