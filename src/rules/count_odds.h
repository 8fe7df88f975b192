// How many of an item one find gives: the exact probability of each number.
//
// Not the probability of at least one (odds.h). The polynomial whose coefficients these are, is
// computed at as many places as it has coefficients, by the recursion of the odds, and then
// interpolated. Pure; any thread. The work is counted.
#pragma once
#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "model/rule_set.h"
#include "rules/odds.h"

namespace hunt::rules {

struct CountOdds : Odds {
  std::uint64_t count = 0;
};

// More of an item in one find than this: the distribution is not computed.
inline constexpr std::uint64_t counts_max = 256;

// Those that can come, from few to many; they add up to 1. `item`: into RuleSet::items. Errors: a
// sentence, when they need too much work or too many states, or go beyond counts_max.
[[nodiscard]] tl::expected<std::vector<CountOdds>, std::string> count_odds(
    const model::RuleSet& set, std::uint32_t table, std::uint32_t item, const OpenTimes& open = {},
    std::uint64_t work_max = odds_work_max);

}  // namespace hunt::rules
