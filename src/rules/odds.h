// The odds of a table: the exact probability of every item, through all nested tables.
//
// Not a simulation and not a sample: fractions of whole numbers without rounding, from the same
// compiled table that rolls. Pure; any thread. The work is counted: a table that would take too
// much is refused with a sentence.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "model/rule_set.h"

namespace hunt::rules {

// A probability in lowest terms, as decimal text: it can be longer than any number type.
struct Odds {
  std::string numerator;
  std::string denominator;
  double probability = 0;  // the nearest double, but 1 of what is certain alone
};

// An average number, exactly.
struct Amount {
  std::string numerator;
  std::string denominator;
  double value = 0;  // the nearest double
};

// The probability that a find gives at least one, and how many it gives on average.
struct ItemOdds : Odds {
  std::string item;
  std::int32_t tier = -1;  // into the tiers of the table's event; -1: none
  Amount expected;
};

struct TierOdds : Odds {
  std::uint32_t tier = 0;
  Amount expected;
};

// The named times that are open at once, into RuleSet::times; sorted.
using OpenTimes = std::vector<std::uint32_t>;

struct TableOdds {
  OpenTimes open;                    // of those that the table depends on
  bool stacked = false;              // else each find is one item of count 1: they add up to 1
  std::vector<ItemOdds> items = {};  // likeliest first, then by name
  std::vector<TierOdds> tiers = {};  // from high to low, those of the table's event
  std::optional<Odds> nothing = {};  // where a find can give nothing at all
};

// How much one call of table_odds() may compute, in products of 64-bit words: some seconds.
inline constexpr std::uint64_t odds_work_max = 400'000'000;

// The named times that the odds of `table` depend on. Bound: limits::times_per_table_max.
[[nodiscard]] std::vector<std::uint32_t> times_of(const model::RuleSet& set, std::uint32_t table);

struct TimeCase {
  OpenTimes open;
  std::int64_t as_of_us = 0;  // a moment when just these are open
};

// Which of them are ever open together while the table's event is open, with nothing open first
// where that occurs. One case with nothing for a table that does not depend on the time.
[[nodiscard]] std::vector<TimeCase> time_cases(const model::RuleSet& set, std::uint32_t table);

// The odds of every item that `table` (an index into set.tables) can give while `open` are open.
// Errors: a sentence, when they need more work than `work_max`, or a pool of distinct entries more
// states than limits::odds_states_max.
[[nodiscard]] tl::expected<TableOdds, std::string> table_odds(
    const model::RuleSet& set, std::uint32_t table, const OpenTimes& open = {},
    std::uint64_t work_max = odds_work_max);

// For people: "1 in 50", "1 in 1.67", "2.5 %". Four significant digits; never "0 %", and "100 %"
// and "1 in 1" of what is certain alone: else "over 99.99 %" and "nearly 1 in 1".
[[nodiscard]] std::string one_in_text(double probability);
[[nodiscard]] std::string percent_text(double probability);
// "12.5": four significant digits.
[[nodiscard]] std::string amount_text(const Amount& amount);
// "3/5"; where there are too many digits for a line, how many there are.
[[nodiscard]] std::string exact_text(const Odds& odds);

}  // namespace hunt::rules
