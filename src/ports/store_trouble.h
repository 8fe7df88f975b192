// StoreTrouble: what an error of a store is about, for whoever has to find what is wrong.
//
// Not what to do next: that goes by the code (base/result.h).
#pragma once
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace hunt::ports {

// The field of errors that say that somebody else holds a lock.
inline constexpr std::string_view lock_field = "lock";

// The worst last. `late`: we gave up waiting, which says nothing of why.
enum class StoreTrouble : std::uint8_t { none, late, refuses, locked, unreachable };

[[nodiscard]] inline StoreTrouble trouble_of(const Error& error) noexcept {
  if (error.code == Errc::deadline_exceeded) return StoreTrouble::late;
  if (error.code != Errc::unavailable) return StoreTrouble::refuses;
  return error.field == lock_field ? StoreTrouble::locked : StoreTrouble::unreachable;
}

}  // namespace hunt::ports
