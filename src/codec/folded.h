// Folded stacks: a profile as text, one stack a line: "root;caller;leaf 42".
//
// What flame graph tools read. Not all of a profile: files and addresses are not in it (pprof.h).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/profile.h"

namespace hunt::codec {

inline constexpr std::size_t folded_stacks_max = 200'000;
inline constexpr std::size_t folded_depth_max = 1'024;  // frames of a stack
// Of all stacks together: of bytes and microseconds, or of the samples of a CPU profile.
inline constexpr std::int64_t folded_samples_max = 1'000'000'000'000'000;
inline constexpr std::int64_t folded_cpu_samples_max = 1'000'000'000;

// Begins with a line "# ..." of what was sampled, for how long, and what is missing.
[[nodiscard]] std::string write_folded(const model::Profile& profile);

// The first line tells what it is of; other comments and empty lines are skipped. Error
// invalid_argument names the line. too_large: more than the bounds above.
[[nodiscard]] Result<model::Profile> read_folded(std::string_view text);

// Adds what `from` saw to `to`, as if both were one.
void add_profile(const model::Profile& from, model::Profile& to);

}  // namespace hunt::codec
