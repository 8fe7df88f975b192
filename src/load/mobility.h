// The mobility model of generated players: a correlated random walk with heavy-tailed legs.
//
// docs/LOAD.md describes it. Not a path finder: the world has no walls but its edge, where walkers
// turn back. Pure: a walker is a value of 12 bytes, and all randomness comes from the Prng given.
#pragma once
#include <cstdint>

#include "base/prng.h"
#include "load/placement.h"
#include "model/tile.h"

namespace hunt::load {

struct Walker {
  model::Tile at;
  std::uint16_t left = 0;    // steps of this leg still to go
  std::uint8_t heading = 0;  // 0 to 7, counter-clockwise from +x
  bool standing = false;     // this leg is a pause
};

// A walker that stands at the beginning of its first leg.
[[nodiscard]] Walker begin_walk(const Placement& placement, Prng& prng) noexcept;

// One step: to one of the eight neighbouring tiles, or none, or (rarely) a journey to another
// place, which is told by `true`.
bool advance(Walker& walker, const Placement& placement, Prng& prng) noexcept;

}  // namespace hunt::load
