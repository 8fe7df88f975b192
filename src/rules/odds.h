// The odds of a table: the exact probability of every item, through all nested tables.
//
// Not a simulation and not a sample: fractions of whole numbers without rounding, from the same
// compiled table that rolls. Pure; any thread. Cost: grows with tables x items reachable.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/rule_set.h"

namespace hunt::rules {

struct ItemOdds {
  std::string item;
  std::string numerator;  // decimal; numerator / denominator is the probability in lowest terms
  std::string denominator;
  double probability = 0;  // the nearest double
};

// Every item that `table` (an index into set.tables) can give, likeliest first, then by name.
// The probabilities add up to exactly 1.
[[nodiscard]] std::vector<ItemOdds> table_odds(const model::RuleSet& set, std::uint32_t table);

// For people: "1 in 50", "1 in 1.67", "2.5 %". Four significant digits; never "0 %".
[[nodiscard]] std::string one_in_text(double probability);
[[nodiscard]] std::string percent_text(double probability);

}  // namespace hunt::rules
