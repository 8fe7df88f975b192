// The odds of tables that can give several things, what they are checked for, and their version.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/multiprecision/cpp_int.hpp>

#include "rules/chi_square.h"
#include "rules/compile.h"
#include "rules/diff.h"
#include "rules/odds.h"
#include "rules/rules_test_support.h"

namespace hunt::rules {
namespace {

using Fraction = boost::multiprecision::cpp_rational;
using Integer = boost::multiprecision::cpp_int;

std::string refusal(const std::string& tables) {
  const RulesFile file{"f.yaml", "event: e\ntables:\n" + tables};
  const auto result = compile_rules({&file, 1}, 0);
  return result ? "accepted" : result.error().at(0).message;
}

template <typename Number>
Fraction exact(const Number& number) {
  return {Integer(number.numerator), Integer(number.denominator)};
}

// "a 1/2 x 3/4, …": the probability and, where it is another number, the average.
std::string text_of(const model::RuleSet& set, const std::string& table,
                    const OpenTimes& open = {}) {
  const auto odds = table_odds(set, *set.find_table(table), open);
  EXPECT_TRUE(odds.has_value()) << odds.error();
  std::string out;
  for (const auto& item : odds->items) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", item.item, exact(item).str());
    if (exact(item) != exact(item.expected)) {
      out += fmt::format(" x {}", exact(item.expected).str());
    }
  }
  if (odds->nothing) out += fmt::format(", nothing {}", exact(*odds->nothing).str());
  return out;
}

TEST(PoolOdds, are_those_that_are_computed_by_hand) {
  const auto set = compiled(
      "  always: {always: [{item: a, count: 2..4}, {item: b}]}\n"
      "  chance: {may_be_empty: true, pools: [{chance: 5 %, draw: [{item: a, weight: 1}]}]}\n"
      "  rolls: {pools: [{rolls: 2, draw: [{item: a, weight: 1}, {item: b, weight: 2}]}]}\n"
      "  range: {may_be_empty: true, pools: [{rolls: 0..1, draw: [{item: a, weight: 1}]}]}\n"
      "  nothing: {may_be_empty: true, pools: [{draw: [{item: a, weight: 1},\n"
      "    {nothing: true, weight: 3}]}]}\n"
      "  zero: {may_be_empty: true, pools: [{draw: [{item: a, weight: 1, count: 0..3}]}]}\n"
      "  distinct: {pools: [{rolls: 2, distinct: true, draw: [{item: bell, weight: 4},\n"
      "    {item: candle, weight: 3}, {item: ribbon, weight: 2}, {item: whistle, weight: 1}]}]}\n"
      "  both: {pools: [{draw: [{table: rolls, weight: 1}, {item: c, weight: 1}]},\n"
      "    {draw: [{item: a, weight: 1}, {item: c, weight: 1}]}]}\n");
  EXPECT_EQ(text_of(set, "always"), "a 1 x 3, b 1");
  EXPECT_EQ(text_of(set, "chance"), "a 1/20, nothing 19/20");
  EXPECT_EQ(text_of(set, "rolls"), "b 8/9 x 4/3, a 5/9 x 2/3");
  EXPECT_EQ(text_of(set, "range"), "a 1/2, nothing 1/2");
  EXPECT_EQ(text_of(set, "nothing"), "a 1/4, nothing 3/4");
  EXPECT_EQ(text_of(set, "zero"), "a 3/4 x 3/2, nothing 1/4");
  // bell: 4/10, and second behind each of the others: 3/10 * 4/7 + 2/10 * 4/8 + 1/10 * 4/9.
  EXPECT_EQ(text_of(set, "distinct"),
            "bell 451/630, candle 73/120, ribbon 139/315, whistle 197/840");
  // a: 1 - (1 - 5/18) * 1/2; c: 1 - 1/2 * 1/2.
  EXPECT_EQ(text_of(set, "both"), "c 3/4 x 1, a 23/36 x 5/6, b 4/9 x 2/3");
}

TEST(PoolOdds, of_thousand_entries_of_one_weight_are_few_states) {
  std::string entries;
  for (int i = 0; i < 1'000; ++i) entries += fmt::format("{{item: i{}, weight: 5}}, ", i);
  const auto set =
      compiled("  t: {pools: [{rolls: 16, distinct: true, draw: [" + entries + "]}]}\n");
  const auto odds = table_odds(set, 0);
  ASSERT_TRUE(odds.has_value()) << odds.error();
  EXPECT_EQ(exact(odds->items.front()), Fraction(16, 1'000));
  EXPECT_EQ(exact(odds->items.back().expected), Fraction(16, 1'000));
}

std::string powers(int count, int rolls) {
  std::string entries;
  for (int i = 0; i < count; ++i) entries += fmt::format("{{nothing: true, weight: {}}}, ", 1 << i);
  return fmt::format(
      "  t: {{may_be_empty: true, pools: [{{draw: [{{item: a, weight: 1}}]}},\n"
      "    {{rolls: {}, distinct: true, draw: [{{item: b, weight: 999999}}, {}]}}]}}\n",
      rolls, entries);
}

TEST(PoolOdds, of_too_many_states_are_refused_with_a_sentence) {
  EXPECT_TRUE(table_odds(compiled(powers(10, 11)), 0).has_value());
  // Of 17 weights any number can be drawn: 2^17. Of two rolls there are few states.
  EXPECT_TRUE(table_odds(compiled(powers(16, 2)), 0).has_value());
  const auto refused = table_odds(compiled(powers(16, 17)), 0);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error(),
            "the exact odds of pool 2 of \"t\" need 131,072 states, more than 100,000; give more "
            "entries the same weight, or split the pool");
  const auto long_work = table_odds(compiled(powers(10, 11)), 0, {}, 1'000);
  ASSERT_FALSE(long_work.has_value());
  EXPECT_NE(long_work.error().find("need too much work"), std::string::npos);
}

TEST(PoolVersion, changes_with_every_part_of_the_meaning_and_with_no_other) {
  const std::string plain_table = "  t: [{item: a, weight: 1}, {item: b, weight: 2}]\n";
  const std::string draw = "draw: [{item: a, weight: 1}, {item: b, weight: 2}]";
  EXPECT_EQ(compiled(plain_table).version, compiled("  t: {pools: [{" + draw + "}]}\n").version);
  EXPECT_EQ(compiled(plain_table).version,
            compiled("  t: {pools: [{rolls: 1, distinct: true, " + draw + "}]}\n").version);
  EXPECT_EQ(compiled("  t: {may_be_empty: true, pools: [{chance: 25 %, " + draw + "}]}\n").version,
            compiled("  t: {may_be_empty: true, pools: [{chance: 1/4, " + draw + "}]}\n").version);
  std::vector<std::string> versions{compiled(plain_table).version};
  for (const std::string table :
       {"pools: [{rolls: 2, @}]", "pools: [{rolls: 1..2, @}]",
        "pools: [{rolls: 2, distinct: true, @}]", "pools: [{chance: 1/2, @}]",
        "pools: [{chance: 1/3, @}]", "pools: [{@}, {@}]", "always: [{item: a}], pools: [{@}]",
        "always: [{item: a}, {item: b}]", "always: [{item: a, count: 2}, {item: b}]",
        "always: [{item: a, count: 0..2}, {item: b}]",
        "pools: [{draw: [{item: a, weight: 1}, {nothing: true, weight: 2}]}]",
        "pools: [{draw: [{item: a, weight: 1}, {item: b, weight: 2, count: 2}]}]"}) {
    std::string text = table;
    for (std::size_t at = 0; (at = text.find('@')) != std::string::npos;) text.replace(at, 1, draw);
    versions.push_back(compiled("  t: {may_be_empty: true, " + text + "}\n").version);
  }
  std::sort(versions.begin(), versions.end());
  EXPECT_EQ(std::adjacent_find(versions.begin(), versions.end()), versions.end());
}

TEST(PoolChecks, find_the_lowest_table_that_is_too_large) {
  const std::string trinkets = "  trinkets: {pools: [{rolls: 9, draw: [{item: a, weight: 1}]}]}\n";
  EXPECT_EQ(refusal("  top: [{table: chest, weight: 1}]\n"
                    "  chest: {pools: [{rolls: 8, draw: [{table: trinkets, weight: 1}]}]}\n" +
                    trinkets),
            "one find could make 72 draws, more than 64: chest → 8 x trinkets → 9");
  // Distinct entries are drawn once each: nine for the table, one for the item.
  EXPECT_EQ(refusal("  t: {pools: [{rolls: 2, distinct: true, draw: [{table: u, weight: 1},\n"
                    "    {item: a, weight: 1}]}]}\n"
                    "  u: {pools: [{rolls: 63, draw: [{item: a, weight: 1}]}]}\n"),
            "accepted");
  std::string chain;
  for (int i = 0; i < 7; ++i) {
    chain += fmt::format("  t{0}: {{pools: [{{rolls: 64, draw: [{{table: t{1}, weight: 1}}]}}]}}\n",
                         i, i + 1);
  }
  EXPECT_EQ(refusal(chain + "  t7: {pools: [{rolls: 64, draw: [{item: a, weight: 1}]}]}\n"),
            "one find could make 4,096 draws, more than 64: t6 → 64 x t7 → 64");
}

const OddsChange* change_of(const RulesDiff& diff, const std::string& item) {
  for (const auto& change : diff.odds) {
    if (change.item == item) return &change;
  }
  return nullptr;
}

TEST(PoolDiff, tells_averages_and_nothing_as_well) {
  const auto table = [](const std::string& text) { return compiled("  t: " + text + "\n"); };
  const auto before = table(
      "{always: [{item: coin, count: 5..20}], pools: [{draw: ["
      "{item: a, weight: 1}, {item: b, weight: 1}]}]}");
  const auto more = table(
      "{always: [{item: coin, count: 5..10}], pools: [{draw: ["
      "{item: a, weight: 1}, {item: b, weight: 1}]}]}");
  const auto diff = diff_rules(before, more);
  ASSERT_TRUE(diff.has_value()) << diff.error();
  ASSERT_EQ(diff->odds.size(), 1U);
  const OddsChange* coin = change_of(*diff, "coin");
  ASSERT_NE(coin, nullptr);
  EXPECT_EQ(exact(*coin->before), 1);
  EXPECT_EQ(exact(*coin->after), 1);
  EXPECT_EQ(amount_text(coin->before->expected) + " " + amount_text(coin->after->expected),
            "12.5 7.5");
  const auto rare = diff_rules(
      table("{may_be_empty: true, pools: [{chance: 1/2, draw: [{item: a, weight: 1}]}]}"),
      table("{may_be_empty: true, pools: [{chance: 1/4, draw: [{item: a, weight: 1}]}]}"));
  const OddsChange* nothing = change_of(*rare, "");
  ASSERT_NE(nothing, nullptr);
  EXPECT_EQ(exact(*nothing->after), Fraction(3, 4));
  // The same odds by other picks.
  const auto other = diff_rules(
      table("{may_be_empty: true, pools: [{chance: 1/2, draw: [{item: a, weight: 1}]}]}"),
      table("{may_be_empty: true, pools: [{rolls: 0..1, draw: [{item: a, weight: 1}]}]}"));
  EXPECT_TRUE(other->odds.empty());
  EXPECT_EQ(other->tables_reordered, std::vector<std::string>{"t"});
}

TEST(EachAlone, sees_a_kind_that_does_not_fit) {
  const std::vector<double> probabilities{1, 0.5, 0.001, 0};
  EXPECT_GT(
      each_alone(std::vector<std::uint64_t>{100'000, 50'100, 110, 0}, probabilities, 100'000).p,
      1e-3);
  for (const auto& wrong : {std::vector<std::uint64_t>{99'999, 50'000, 100, 0},
                            std::vector<std::uint64_t>{100'000, 51'000, 100, 0},
                            std::vector<std::uint64_t>{100'000, 50'000, 170, 0},
                            std::vector<std::uint64_t>{100'000, 50'000, 50, 0},
                            std::vector<std::uint64_t>{100'000, 50'000, 100, 1}}) {
    EXPECT_LT(each_alone(wrong, probabilities, 100'000).p, 1e-5);
  }
}

}  // namespace
}  // namespace hunt::rules
