// What can be wrong with items over all files: tiers that there are not, ids that nobody draws.
//
// Not the words of the language (parse.h). Pure; any thread.
#pragma once
#include <vector>

#include "rules/parse.h"

namespace hunt::rules {

void check_items(const std::vector<SourceEvent>& events, Diagnostics& out);

}  // namespace hunt::rules
