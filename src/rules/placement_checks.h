// What can be wrong with placements: tables that are not there, loot that does not fit, and what
// nobody would ever find.
//
// Not their words (parse_placement.h), nor where anything lies (placement.h). Pure; any thread.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "rules/parse.h"
#include "rules/placement.h"

namespace hunt::rules {

// A table of the set, as placements ask for it; in the order of the set.
struct KnownTable {
  std::string_view name;
  std::uint32_t event = 0;  // into the events
  Mark at;
  bool drawn = false;  // another table draws from it
  std::string_view drawn_by;
};

// Reports what is wrong with those of all events, and what looks like a slip.
void check_placements(std::span<const SourceEvent> events, std::span<const KnownTable> tables,
                      Diagnostics& out);

// Those of events that were found right.
[[nodiscard]] std::vector<Placement> placements_of(std::span<const SourceEvent> events,
                                                   std::span<const KnownTable> tables);

// Items that probably nobody gets, however much of the placed loot is found. It computes odds, so
// that it is for whoever looks at a file and not for each compilation.
[[nodiscard]] std::vector<Diagnostic> rare_items(const model::RuleSet& set,
                                                 std::span<const Placement> placements);

// Where less is placed than so many players could take; one line for each event.
[[nodiscard]] std::vector<Diagnostic> short_supply(const model::RuleSet& set,
                                                   std::span<const Placement> placements,
                                                   std::uint64_t players);

}  // namespace hunt::rules
