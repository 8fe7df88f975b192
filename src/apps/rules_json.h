// Odds as JSON, the same for every command on rules.
//
// {"table","items":[{"item","tier"?,"probability","numerator","denominator"}],"tiers"?}; a table
// whose odds depend on the time has "cases" in place of both:
// [{"during":[names],"items","tiers"?}]. Exact fractions are text: they do not fit a JSON number.
#pragma once
#include <boost/json/object.hpp>
#include <vector>

#include "rules/odds.h"

namespace hunt::apps {

// `cases`: for rules::time_cases() of the table.
[[nodiscard]] boost::json::object json_of_table(const model::RuleSet& set, std::uint32_t table,
                                                const std::vector<rules::TableOdds>& cases);
[[nodiscard]] boost::json::object json_of_odds(const rules::Odds& odds);

}  // namespace hunt::apps
