// merge_past(): what many processes remember, as one list of spells: from when to when which cause
// held up whom.
//
// Each slot of ten seconds is merged as the verdicts of now are (fleet_why.h). Times come by the
// clock of each process and leave by ours. Pure.
#pragma once
#include <cstdint>
#include <vector>

#include "model/fleet_why.h"

namespace hunt::engine {

inline constexpr std::int64_t slot_us = 10'000'000;
// A pause of at most so many slots within the same trouble is told as a part of it.
inline constexpr std::int64_t pause_us_max = 3 * slot_us;

// `from_us` and `now_us` are by our clock. Bound: an hour of slots.
[[nodiscard]] model::FleetPast merge_past(const std::vector<model::Asked>& asked,
                                          std::int64_t from_us, std::int64_t now_us);

}  // namespace hunt::engine
