// Random bytes straight from the kernel: for seeds, keys and identities.
//
// Not for rolls or simulated runs, which must be repeatable (prng.h).
#pragma once
#include <sys/random.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace hunt {

template <std::size_t Count>
[[nodiscard]] std::array<std::uint8_t, Count> random_bytes() {
  static_assert(Count <= 256, "more may be cut short by a signal");
  std::array<std::uint8_t, Count> bytes{};
  HUNT_ASSERT(getrandom(bytes.data(), Count, 0) == static_cast<ssize_t>(Count));
  return bytes;
}

}  // namespace hunt
