// check_up(): whether a store file, its disk and its folder suit a hunt.
//
// Not an audit of what is in it (hunt audit). It reads the file as it is, makes none, and times the
// disk on a file without a name that is gone with the call.
#pragma once
#include <string>
#include <vector>

#include "ports/clock.h"
#include "ports/findings.h"

namespace hunt::sqlite {

// `tables`: those of the rules, to see loot that has none; none: nobody looks.
[[nodiscard]] std::vector<ports::Finding> check_up(const std::string& path,
                                                   const ports::Clock& clock,
                                                   const std::vector<std::string>& tables = {});

}  // namespace hunt::sqlite
