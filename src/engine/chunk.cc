#include "engine/chunk.h"

#include "base/result.h"

namespace hunt::engine {

namespace {

// Bit i to bit 4 * i.
std::uint64_t spread_to_codes(std::uint64_t bits) noexcept {
  bits = (bits | bits << 24) & 0x000000ff000000ffULL;
  bits = (bits | bits << 12) & 0x000f000f000f000fULL;
  bits = (bits | bits << 6) & 0x0303030303030303ULL;
  return (bits | bits << 3) & 0x1111111111111111ULL;
}

}  // namespace

void TileCodes::set_row(std::size_t y, const Bands& bands, std::uint32_t spawns) noexcept {
  for (std::size_t half = 0; half < 2; ++half) {
    const auto bits = [half](std::uint32_t row) {
      return std::uint64_t{row >> (16 * half) & 0xffff};
    };
    std::uint64_t codes = spread_to_codes(bits(spawns)) * spawn_bit;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < bands.size(); ++i) {
      codes |= spread_to_codes(bits(bands[i]) & ~seen) * (i + 1);
      seen |= bits(bands[i]);
    }
    words_[2 * y + half] = codes;
  }
}

void TileRanks::set(const std::vector<Spawn>& spawns) noexcept {
  rows_ = {};
  for (const Spawn& spawn : spawns) rows_[spawn.local / 32U].bits |= 1U << (spawn.local % 32U);
  std::uint32_t before = 0;
  for (Row& row : rows_) {
    row.before = before;
    before += static_cast<std::uint32_t>(std::popcount(row.bits));
  }
}

void Window::grow_to(std::int32_t tiles) noexcept {
  // A square grows by its sides, first along x, then along y; moved by no more than its own width
  // it leaves no gap. Bits pushed past column 95 never come back, and rows beyond the reach are
  // empty: neither concerns a tile of the middle.
  const std::int32_t step = tiles - grown_;
  HUNT_ASSERT(step >= 0 && step <= 2 * grown_ + 1 && tiles <= reach_);
  grown_ = tiles;
  const Row mask = (Row{1} << 96) - 1;
  const auto first = static_cast<std::size_t>(32 - reach_);
  const auto last = static_cast<std::size_t>(64 + reach_);
  const auto offset = static_cast<std::size_t>(step);
  for (std::size_t y = first; y < last; ++y) {
    rows_[y] |= ((rows_[y] << step) | (rows_[y] >> step)) & mask;
  }
  const auto wide = rows_;
  for (std::size_t y = first + offset; y < last; ++y) rows_[y] |= wide[y - offset];
  for (std::size_t y = first; y + offset < last; ++y) rows_[y] |= wide[y + offset];
}

}  // namespace hunt::engine
