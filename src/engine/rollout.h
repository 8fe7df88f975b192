// Rollout: whether a player is among those for whom an event is, while it is rolled out to some.
//
// A pure function of the event's name and the player: the same in every process and for as long as
// the event has its name, and a higher percent only adds players. Owns a SHA-256 context, so: one
// object per thread; a call does not allocate.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/sha256.h"
#include "model/ids.h"
#include "model/rule_set.h"

namespace hunt::engine {

class Rollout {
 public:
  // The first 32 bits of SHA-256("hunt-rollout" | event's name | player 16 bytes), big-endian. Test
  // vectors (event, player: number), also checked by rollout_test.cc:
  //   lantern_night, 00000000-0000-0000-0000-000000000000: 2092967182
  //   lantern_night, 01234567-89ab-cdef-0123-456789abcdef: 891100375
  //   a, ffffffff-ffff-4fff-bfff-ffffffffffff: 1566462796
  [[nodiscard]] std::uint32_t number_of(std::string_view event, model::PlayerId player);

  // Those whose number is below rollout_percent / 100 x 2^32. Of 100: all, and nothing is hashed.
  [[nodiscard]] bool has(const model::EventRules& event, model::PlayerId player) {
    if (event.rollout_percent >= 100) return true;
    const std::uint64_t bound = std::uint64_t{event.rollout_percent} << 32;
    return number_of(event.name, player) * std::uint64_t{100} < bound;
  }

 private:
  Sha256 sha_;
};

}  // namespace hunt::engine
