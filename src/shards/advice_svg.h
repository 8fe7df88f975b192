// advice_svg(): the recommended map as a picture: whose each place is, the more walked on the
// deeper its colour, one world below the other.
//
// Not interactive and without scripts. Pure.
#pragma once
#include <string>

#include "model/shard_map.h"
#include "shards/traffic.h"

namespace hunt::shards {

inline constexpr std::size_t worlds_drawn_max = 4;  // those with the most positions

[[nodiscard]] std::string advice_svg(const Counted& counted, const model::ShardMap& map);

}  // namespace hunt::shards
