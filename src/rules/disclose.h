// The page that tells players the odds: made from the compiled set that rolls, never typed.
//
// Not legal advice and not a history of versions. Pure; any thread.
#pragma once
#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "model/rule_set.h"
#include "rules/odds.h"
#include "rules/placement.h"

namespace hunt::rules {

// What a page says of one table.
struct DisclosedTable {
  std::string name;
  std::string event;
  std::vector<TableOdds> cases;  // for each set of named times that are ever open together
};

struct Disclosure {
  std::vector<DisclosedTable> tables;
  std::vector<Placement> placements = {};  // how much there is
};

// `only`: this table; else all that no other table draws from, since those are what is buried.
// Errors: a sentence, where the odds need too much work, or no table has the name.
[[nodiscard]] tl::expected<Disclosure, std::string> disclose(const model::RuleSet& set,
                                                             std::string_view only);

[[nodiscard]] std::string markdown_of(const model::RuleSet& set, const Disclosure& disclosure);
// A page of its own, without anything to load.
[[nodiscard]] std::string html_of(const model::RuleSet& set, const Disclosure& disclosure);

// The chance to get it at least once in `finds` finds, each of its own.
[[nodiscard]] double at_least_once(double probability, std::uint32_t finds);

// "2026-12-04T18:00:00+01:00 (17:00 UTC)": a moment by the clocks of the event's zone, and in UTC
// with its date where that is another: "… (2026-11-30T23:00 UTC)".
[[nodiscard]] std::string moment_text(const model::EventRules& event, std::int64_t time_us);

}  // namespace hunt::rules
