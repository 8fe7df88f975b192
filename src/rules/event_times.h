// When one event is open: its window and what recurs in it, as moments in UTC.
//
// Not the arithmetic of local days (openings.h): here stand the sentences. Pure; any thread.
#pragma once
#include <vector>

#include "rules/parse.h"

namespace hunt::rules {

struct EventTimes {
  model::Openings open;                // empty: the whole window
  std::vector<model::Openings> times;  // as many as event.times
};

// Reports windows that never open, openings that never come, are too many, or fall into the hour
// that spring skips. `now_us` only serves the warning that the event is over.
[[nodiscard]] EventTimes resolve_times(const SourceEvent& event, std::int64_t now_us,
                                       Diagnostics& out);

}  // namespace hunt::rules
