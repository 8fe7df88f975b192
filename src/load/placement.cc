#include "load/placement.h"

#include <algorithm>
#include <utility>

#include "base/result.h"

namespace hunt::load {
namespace {

constexpr Ratio anywhere{1, 8};

std::int32_t near(Prng& prng, std::int32_t at, std::int32_t low, std::int32_t high) {
  const std::int64_t moved = at + prng.between(-Placement::scatter_tiles, Placement::scatter_tiles);
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(moved, low, high));
}

}  // namespace

Placement::Placement(model::TileRect rect, std::vector<model::Tile> attractions)
    : rect_(rect), attractions_(std::move(attractions)) {
  HUNT_ASSERT(rect.low.x <= rect.high.x && rect.low.y <= rect.high.y);
  HUNT_ASSERT(attractions_.size() <= attractions_max);
  cumulative_.reserve(attractions_.size());
  std::uint64_t sum = 0;
  for (std::size_t k = 1; k <= attractions_.size(); ++k) {
    sum += (std::uint64_t{1} << 40) / k;
    cumulative_.push_back(sum);
  }
}

model::Tile Placement::draw(Prng& prng) const noexcept {
  if (attractions_.empty() || prng.chance(anywhere)) {
    return {static_cast<std::int32_t>(prng.between(rect_.low.x, rect_.high.x)),
            static_cast<std::int32_t>(prng.between(rect_.low.y, rect_.high.y))};
  }
  const std::uint64_t at = prng.below(cumulative_.back());
  const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), at);
  const model::Tile tile = attractions_[static_cast<std::size_t>(found - cumulative_.begin())];
  return {near(prng, tile.x, rect_.low.x, rect_.high.x),
          near(prng, tile.y, rect_.low.y, rect_.high.y)};
}

}  // namespace hunt::load
