// What numbers that come from outside may be at most: in messages, copies of the cache, answers.
//
// Not the bounds of our own queues and sizes (limits.h). What is above was made by nobody of ours
// and is corrupt: a decoder refuses it, so that nothing is computed with it.
#pragma once
#include <cstdint>

namespace hunt::limits {

// The two make one number below 2^53 (model::order_of), which every number can hold.
inline constexpr std::uint64_t epoch_max = (std::uint64_t{1} << 13) - 1;
inline constexpr std::uint64_t version_max = (std::uint64_t{1} << 40) - 1;

inline constexpr std::int64_t cache_ms_max = std::int64_t{1} << 45;  // of a clock: the year 3084
inline constexpr std::int64_t cache_lease_ns_max = 5'000'000'000;    // PROTOCOLS 6
inline constexpr std::int64_t cache_kept_ns_max = 45'000'000'000;    // a fill that ended, at most

}  // namespace hunt::limits
