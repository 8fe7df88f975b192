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
// Of those that say that the connection ended under a call, so that its outcome is not known.
inline constexpr std::string_view connection_field = "connection";

// The worst last. `late`: we gave up waiting, which says nothing of why.
enum class StoreTrouble : std::uint8_t { none, late, refuses, locked, unreachable };

[[nodiscard]] inline StoreTrouble trouble_of(const Error& error) noexcept {
  if (error.code == Errc::deadline_exceeded) return StoreTrouble::late;
  if (error.field == lock_field) return StoreTrouble::locked;
  const bool broke = error.code == Errc::unavailable || error.field == connection_field;
  return broke ? StoreTrouble::unreachable : StoreTrouble::refuses;
}

}  // namespace hunt::ports
