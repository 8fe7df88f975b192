#include "model/zorder.h"

#include <algorithm>

namespace hunt::model {
namespace {

// The square of side 2^level whose lowest code is `base`.
std::optional<TileId> next_in_square(std::uint64_t base, int level, std::uint64_t from,
                                     const TileRect& rect) noexcept {
  const std::uint64_t last =
      level == 32 ? ~std::uint64_t{0} : base + ((std::uint64_t{1} << (2 * level)) - 1);
  if (last < from) return {};
  const Tile low = tile_of({base});
  const std::int64_t reach = (std::int64_t{1} << level) - 1;
  const std::int64_t high_x = low.x + reach;
  const std::int64_t high_y = low.y + reach;
  if (rect.high.x < low.x || rect.low.x > high_x || rect.high.y < low.y || rect.low.y > high_y) {
    return {};
  }
  if (rect.low.x <= low.x && rect.high.x >= high_x && rect.low.y <= low.y &&
      rect.high.y >= high_y) {
    return TileId{std::max(base, from)};
  }
  // A square of one tile is either inside or outside, so there are children here.
  const int child = level - 1;
  for (std::uint64_t quarter = 0; quarter < 4; ++quarter) {
    const auto found = next_in_square(base + (quarter << (2 * child)), child, from, rect);
    if (found) return found;
  }
  return {};
}

}  // namespace

std::optional<TileId> next_in_rect(TileId from, const TileRect& rect) noexcept {
  if (rect.low.x > rect.high.x || rect.low.y > rect.high.y) return {};
  return next_in_square(0, 32, from.value, rect);
}

}  // namespace hunt::model
