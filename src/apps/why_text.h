// What `hunt why` prints of a fleet: the sentence, what to do, then a handful of lines.
//
// Not of one process alone (cmd_why.cc). Times are UTC.
#pragma once
#include <string>

#include "model/fleet_why.h"

namespace hunt::apps {

[[nodiscard]] std::string text_of(const model::FleetWhy& fleet);
[[nodiscard]] std::string text_of(const model::FleetPast& past);

}  // namespace hunt::apps
