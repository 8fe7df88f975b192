// merge_fleet(): the verdicts of many processes as one: which stage hurts where, and whom.
//
// Not a new measurement: what no process says is not said of the fleet. Shards, cache and bus are
// one and the same for all; the lanes and the HTTP thread of a process are its own. Who is not sure
// agrees with who is; those that are sure of different causes at one place contradict each other,
// and the sentence says so. Who did not answer is named. Pure.
#pragma once
#include <vector>

#include "model/fleet_why.h"

namespace hunt::engine {

// More of these than that are counted, not listed.
inline constexpr std::size_t names_told_max = 3;
inline constexpr std::int64_t clock_told_us_min = 2'000'000;

[[nodiscard]] model::FleetWhy merge_fleet(const std::vector<model::Asked>& asked);

// Who is absent and whose clock is off: a line each.
[[nodiscard]] std::vector<std::string> notes_on(const std::vector<model::Asked>& asked);

// "a", "a and b", "a, b, c and 4 more".
[[nodiscard]] std::string names_of(const std::vector<std::string>& names);

}  // namespace hunt::engine
