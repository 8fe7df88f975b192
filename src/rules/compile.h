// Rules files (as texts) to the compiled, immutable model::RuleSet, or to all that is wrong.
//
// Not the reading of files (load.h) and not their swapping under traffic (apps/rules_watch.h).
// All files together are one set: table names are shared by all events. The result does not depend
// on the names or the order of the files. A pure function of its arguments and, where files name a
// zone, of the machine's time zone data; any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "model/rule_set.h"
#include "model/rules_timeline.h"
#include "rules/diagnostic.h"
#include "rules/lock_file.h"
#include "rules/placement.h"

namespace hunt::rules {

using model::RulesFile;

// A world that a file names, and where.
struct NamedWorld {
  std::string key;   // "worlds", "world"
  std::string name;  // or its id in digits
  std::string file;
  Mark at;
};

struct LoadedRules {
  model::RuleSet set;
  std::vector<Diagnostic> warnings;
  std::vector<Placement> placements = {};  // of all events, in their order
  std::optional<Lock> lock = {};
  std::vector<NamedWorld> worlds = {};  // of all events and placements
};

using RulesResult = tl::expected<LoadedRules, std::vector<Diagnostic>>;

// A file rules.lock among them is no event: the set has to have the version that it names.
// `now_us` (wall clock) only serves the warning that an event is over; it is not in the version.
// Errors: at least one diagnostic of severity error, among warnings.
// Bound: limits::rules_files_max files, tables_max tables over all of them.
[[nodiscard]] RulesResult compile_rules(std::span<const RulesFile> files, std::int64_t now_us);

}  // namespace hunt::rules
