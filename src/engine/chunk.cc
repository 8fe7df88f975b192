#include "engine/chunk.h"

#include <algorithm>

namespace hunt::engine {

const Spawn* Chunk::find(std::uint16_t local) const noexcept {
  const auto found = std::lower_bound(
      spawns.begin(), spawns.end(), local,
      [](const Spawn& spawn, std::uint16_t wanted) { return spawn.local < wanted; });
  return found != spawns.end() && found->local == local ? &*found : nullptr;
}

void Window::grow(std::int32_t tiles) noexcept {
  // A square grows by its sides: first along x, then along y. Growing by 1 then by 2 is growing by
  // 3, so steps double; bits pushed past column 95 are outside the window and never come back.
  const Row mask = (Row{1} << 96) - 1;
  for (std::int32_t done = 0; done < tiles;) {
    const std::int32_t step = std::min(std::max(done, 1), tiles - done);
    for (Row& row : rows_) row |= ((row << step) | (row >> step)) & mask;
    const auto before = rows_;
    const auto offset = static_cast<std::size_t>(step);
    for (std::size_t y = 0; y < rows_.size(); ++y) {
      if (y >= offset) rows_[y] |= before[y - offset];
      if (y + offset < rows_.size()) rows_[y] |= before[y + offset];
    }
    done += step;
  }
}

}  // namespace hunt::engine
