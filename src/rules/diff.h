// What changes for players when one set of rules replaces another.
//
// Not a diff of texts: odds are compared as exact fractions, so a table whose weights were all
// doubled has not changed. Pure; any thread.
#pragma once
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "model/rule_set.h"
#include "rules/compile.h"
#include "rules/odds.h"

namespace hunt::rules {

struct OddsChange {
  std::string table;
  std::string during;              // "happy_hour + weekend"; empty: at no named time
  std::string item;                // empty: nothing at all
  std::optional<ItemOdds> before;  // nothing: it could not be drawn
  std::optional<ItemOdds> after;
};

struct RulesDiff {
  std::vector<std::string> events;  // a sentence each
  std::vector<std::string> tables_added;
  std::vector<std::string> tables_removed;
  std::vector<OddsChange> odds;  // of tables that both have
  // The odds of the table are equal, but not what each claim yields: entries stand in another
  // order, or two rolls of a pool are two pools now.
  std::vector<std::string> tables_reordered;
};

// Errors: a sentence, where odds need too much work.
[[nodiscard]] tl::expected<RulesDiff, std::string> diff_rules(const model::RuleSet& before,
                                                              const model::RuleSet& after);

// The changes in one line: "table t: 2 odds; event e: ends: … → …; and 3 more". Empty: nothing has
// changed for players.
// A sentence for each placement that is new, gone or another one.
[[nodiscard]] std::vector<std::string> placement_changes(const LoadedRules& before,
                                                         const LoadedRules& after);

[[nodiscard]] std::string summary_of(const RulesDiff& diff);

// "happy_hour + weekend"
[[nodiscard]] std::string names_of(const model::RuleSet& set, const OpenTimes& open);

}  // namespace hunt::rules
