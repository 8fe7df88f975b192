// The version of a compiled set: a hash over its meaning; and whether its invariants hold.
//
// Not of the files: comments, layout and the order of keys are not in it. Pure; any thread.
#pragma once
#include <span>
#include <string>

#include "model/rule_set.h"
#include "rules/placement.h"

namespace hunt::rules {

// 16 hexadecimal digits. A set that uses only what the first language had has the version that it
// had then: old ledgers name it.
[[nodiscard]] std::string version_of(const model::RuleSet& set,
                                     std::span<const Placement> placements);

// Asserts what model/rule_set.h says.
void assert_invariants(const model::RuleSet& set);

}  // namespace hunt::rules
