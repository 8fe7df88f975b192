// The tiles of a rectangle in Z-order: where to go on after a code outside of it.
//
// Not about storage. A walk down the quadtree of the codes; at most 32 levels of 4 children.
#pragma once
#include <optional>

#include "model/tile.h"

namespace hunt::model {

// The smallest tile id >= `from` inside `rect`; nothing when there is none.
[[nodiscard]] std::optional<TileId> next_in_rect(TileId from, const TileRect& rect) noexcept;

}  // namespace hunt::model
