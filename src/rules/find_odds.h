// The exact odds of what one find gives, as fractions: how odds.h computes.
//
// Not for people (odds.h). Two ways that agree: down from the table where a find is always one item
// of count 1, and up from the tables below where it can be more or less. Pure; any thread.
#pragma once
#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "model/rule_set.h"
#include "rules/odds.h"

namespace hunt::rules {

using Fraction = boost::multiprecision::cpp_rational;

// Of one item, of all items of a tier, or of anything.
struct Share {
  Fraction once;      // the probability of at least one
  Fraction expected;  // the average number
};

struct FindOdds {
  std::map<std::uint32_t, Share> items;  // by their index in the set
  std::map<std::uint32_t, Share> tiers;  // of the table's event
  Fraction anything;                     // the probability that it is not nothing
};

// Tables reachable from `root`, each before every table that it refers to.
[[nodiscard]] std::vector<std::uint32_t> reachable_tables(const model::RuleSet& set,
                                                          std::uint32_t root);

// Whether an entry can be drawn while just these are open.
[[nodiscard]] bool is_open(const OpenTimes& open, const model::LootEntry& entry);

// The mean of q to the power of r over the numbers r of a range.
[[nodiscard]] Fraction mean_power(const Fraction& q, model::Range range);

[[nodiscard]] Odds odds_of(const Fraction& fraction);

// The tier that an item has in an event.
[[nodiscard]] std::optional<std::uint32_t> tier_of(const model::EventRules& event,
                                                   std::uint32_t item);

// Errors: a sentence, when they need more than `work_max` products of words, or too many states.
[[nodiscard]] tl::expected<FindOdds, std::string> find_odds(const model::RuleSet& set,
                                                            std::uint32_t table,
                                                            const OpenTimes& open,
                                                            std::uint64_t work_max);

}  // namespace hunt::rules
