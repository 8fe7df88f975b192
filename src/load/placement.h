// Placement: where players begin, and where they travel to: near what attracts them.
//
// The attractions are popular by Zipf's law (the k-th gets a share proportional to 1 / k), so that
// crowds meet; every eighth player goes anywhere. Not movement: mobility.h and walks.h. Immutable.
#pragma once
#include <cstdint>
#include <vector>

#include "base/prng.h"
#include "model/tile.h"

namespace hunt::load {

class Placement {
 public:
  static constexpr std::size_t attractions_max = 1'000'000;
  static constexpr std::int32_t scatter_tiles = 20;  // within a cluster of loot

  // `attractions`: the most popular first; without any, everybody goes anywhere. Those outside
  // `rect` count as its nearest tile.
  Placement(model::TileRect rect, std::vector<model::Tile> attractions);

  [[nodiscard]] model::Tile draw(Prng& prng) const noexcept;
  [[nodiscard]] const model::TileRect& rect() const noexcept { return rect_; }

 private:
  model::TileRect rect_;
  std::vector<model::Tile> attractions_;
  std::vector<std::uint64_t> cumulative_;
};

}  // namespace hunt::load
