// Moments as people type them: "14:03", "20m".
//
// Not durations of configuration. All in UTC, as everything that is shown.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace hunt::apps {

// "14:03" or "14:03:20" is the last such moment by `now_us`; else a time as in RFC 3339.
// Units: microseconds since 1970. Errors: invalid_argument.
[[nodiscard]] Result<std::int64_t> read_moment(std::string_view text, std::int64_t now_us);
// "30s", "20m", "2h" and "3d" are so long ago; else as read_moment().
[[nodiscard]] Result<std::int64_t> read_since(std::string_view text, std::int64_t now_us);

}  // namespace hunt::apps
