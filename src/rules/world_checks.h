// What can be wrong with the worlds that files name, and with files for what a store has.
//
// Not their words (parse.h), and no look into a store. Pure; any thread.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "model/spawn.h"
#include "rules/compile.h"
#include "rules/parse.h"

namespace hunt::rules {

// Whether an event may be in a world that a file names: a name and an id may be the same one.
[[nodiscard]] bool may_be_in(const model::EventRules& event, const std::string& world);

// Warns of loot that is placed where its event is not.
void check_worlds(std::span<const SourceEvent> events, Diagnostics& out);

// Every world that is named, in the order of the files.
[[nodiscard]] std::vector<NamedWorld> worlds_named_by(std::span<const SourceEvent> events);

// An error for each of them that is not among those of a store.
[[nodiscard]] std::vector<Diagnostic> unknown_worlds(std::span<const NamedWorld> named,
                                                     std::span<const model::World> known);

// A warning for each table that lies buried and is in no file. `path`: of the files.
[[nodiscard]] std::vector<Diagnostic> buried_without_table(const model::RuleSet& set,
                                                           std::span<const model::TableCount> open,
                                                           const std::string& path);

}  // namespace hunt::rules
