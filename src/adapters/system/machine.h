// check_machine(): whether this machine, and the limits of this process on it, suit a hunt.
//
// Not a benchmark. It looks at what the kernel says and changes nothing.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "ports/findings.h"

namespace hunt::system {

[[nodiscard]] std::vector<ports::Finding> check_machine();

// How many cores a control group may use, from its cpu.max ("150000 100000" is 1.5); nothing where
// it is not limited ("max 100000") or says something else.
[[nodiscard]] std::optional<double> cores_of_cpu_max(const std::string& text);

}  // namespace hunt::system
