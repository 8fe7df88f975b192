// Hunt: whose a store is. All shards of one hunt carry the same id, name and key.
//
// Not a world: a hunt has many. The id is random and made with the first store; the name is what
// people call it, and separates hunts that share servers. The key is a secret with which
// orchestrators sign what they say to each other.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/ids.h"

namespace hunt::model {

using HuntId = Id128;
using LedgerId = Id128;  // random, of one store's ledger
using HuntKey = std::array<std::uint8_t, 32>;

struct Hunt {
  HuntId id;
  std::string name;  // empty: nobody has named it yet
  friend bool operator==(const Hunt&, const Hunt&) = default;
};

inline constexpr std::string_view default_hunt_name = "hunt";

// 1 to limits::hunt_name_bytes_max of a-z, 0-9, '_' and '-': a part of subjects and keys.
[[nodiscard]] bool is_hunt_name(std::string_view name) noexcept;

}  // namespace hunt::model
