// What a process is asked for over the bus: {"kind","seconds","asked_at_us"}.
//
// Not the answer, which is folded stacks (folded.h), gzipped.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/profile.h"

namespace hunt::codec {

struct ProfileQuestion {
  model::ProfileKind kind = model::ProfileKind::cpu;
  std::int64_t seconds = 0;
  std::int64_t asked_us = 0;  // wall clock of who asks
};

inline constexpr std::size_t profile_question_bytes_max = 256;
// All three have to be there. Errors: invalid_argument, too_large.
[[nodiscard]] Result<ProfileQuestion> read_profile_question(std::string_view body);
[[nodiscard]] std::string write_profile_question(const ProfileQuestion& question);

}  // namespace hunt::codec
