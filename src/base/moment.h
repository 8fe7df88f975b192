// A moment of the past as people type it: "14:03", "20m", "2026-11-29T14:03Z".
//
// Not a parser of times in files (text.h) and never of the future. Units: microseconds since 1970,
// UTC.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hunt {

// "90s", "20m", "2h", "1h30m": so long ago. "14:03" and "14:03:20": the last such time of day, in
// UTC. Else what parse_time_us() takes. Errors: invalid_argument with `field`, also for the future.
[[nodiscard]] Result<std::int64_t> parse_moment(std::string_view text, std::int64_t now_us,
                                                const std::string& field);

// "2026-11-29T14:03:20Z", whole seconds.
[[nodiscard]] std::string shown_time(std::int64_t time_us);
// "14:03:20".
[[nodiscard]] std::string shown_time_of_day(std::int64_t time_us);
// "12 s", "3 min 20 s", "1 h 5 min".
[[nodiscard]] std::string shown_span(std::int64_t span_us);

}  // namespace hunt
