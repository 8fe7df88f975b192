// Odds as JSON, the same for every command on rules.
//
// {"table","items":[{"item","tier"?,"probability","numerator","denominator","expected"}],
// "nothing"?,"tiers"?}: "probability" is of at least one, "expected" the average number of a find,
// {"value","numerator","denominator"}, and "nothing" the odds that a find gives nothing. A table
// whose odds depend on the time has "cases" in place of all three:
// [{"during":[names],"items","nothing"?,"tiers"?}]. Exact fractions are text: they do not fit a
// JSON number.
#pragma once
#include <boost/json/object.hpp>
#include <vector>

#include "rules/odds.h"

namespace hunt::apps {

// `cases`: for rules::time_cases() of the table.
[[nodiscard]] boost::json::object json_of_table(const model::RuleSet& set, std::uint32_t table,
                                                const std::vector<rules::TableOdds>& cases);
[[nodiscard]] boost::json::object json_of_odds(const rules::Odds& odds);
[[nodiscard]] boost::json::object json_of_amount(const rules::Amount& amount);

// "worlds": [names and ids], "rollout": percent, "announce": tier; each where the event has it.
void put_reach(const model::EventRules& event, boost::json::object& out);

}  // namespace hunt::apps
