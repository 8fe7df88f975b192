// Chunk: what a lane keeps in memory of 32 x 32 tiles: which tiles bear loot, and hint maps.
//
// Not the cache (l1.h) and not the truth. Rows are 32 words of 32 bits: bit x of word y is the tile
// (x, y) of the chunk. The maps are derived from the spawns of this chunk and the eight around it:
// they make "nothing near" a single bit test and a hint a handful (docs/decisions has the why).
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "model/ids.h"
#include "model/spawn.h"
#include "model/tile.h"

namespace hunt::engine {

using Bitmap = std::array<std::uint32_t, model::chunk_side_tiles>;

// Upper edges of the distance bands that a hint tells, in tiles.
inline constexpr std::array<std::int32_t, 6> band_edges_tiles = {1, 2, 4, 8, 16, 32};

struct Spawn {
  model::SpawnId id = 0;  // 0: the tile is empty, the row only keeps its version
  model::Version version = 0;
  std::int64_t opens_us = 0;  // max(opens, buried_at)
  std::int64_t closes_us = 0;
  std::uint16_t local = 0;  // y * 32 + x inside the chunk; the sort key
  std::uint16_t table = 0;  // into the L1's table names
  bool sold_out = false;

  [[nodiscard]] bool eligible(std::int64_t as_of_us) const noexcept {
    return opens_us <= as_of_us && as_of_us < closes_us;
  }
};

struct Chunk {
  // What the hot loop reads, first. Derived over the 3 x 3 chunks around this one.
  std::int64_t usable_until_ns = 0;  // earliest expiry of the nine; 0 when one is missing
  std::int64_t loaded_since_ns = 0;  // earliest load of the nine
  std::int64_t refresh_from_ns = 0;  // earliest wish for a refresh of the nine
  std::int64_t maps_until_us = 0;    // the maps hold for as_of before this; minimum when dirty
  Bitmap active{};                   // own rows, or within the widest band: else `nothing`
  // Own state.
  model::WorldId world = 0;
  model::ChunkAt at;
  Bitmap rows{};                                        // tiles of this chunk with a row
  std::array<Bitmap, band_edges_tiles.size()> bands{};  // within band_edges_tiles[i] of open loot
  std::vector<Spawn> spawns;                            // sorted by `local`
  std::int64_t own_loaded_ns = 0;
  std::int64_t own_expires_ns = 0;
  std::int64_t own_refresh_ns = 0;
  bool referenced = false;  // for CLOCK

  [[nodiscard]] const Spawn* find(std::uint16_t local) const noexcept;
};

[[nodiscard]] constexpr bool bit_at(const Bitmap& map, model::Tile tile) noexcept {
  return (map[static_cast<std::size_t>(tile.y & 31)] >> (tile.x & 31) & 1U) != 0;
}

[[nodiscard]] constexpr std::uint16_t local_of(model::Tile tile) noexcept {
  return static_cast<std::uint16_t>((tile.y & 31) * 32 + (tile.x & 31));
}

// A window of 96 x 96 tiles around a chunk (the chunk's own tiles are the middle ninth), grown
// tile by tile. Used to derive the hint maps.
class Window {
 public:
  void clear() noexcept { rows_ = {}; }
  // `x`, `y` relative to the middle chunk's first tile, in [-32, 64).
  void set(std::int32_t x, std::int32_t y) noexcept {
    rows_[static_cast<std::size_t>(y + 32)] |= Row{1} << (x + 32);
  }
  // Every tile within `tiles` (Chebyshev) of a set one becomes set.
  void grow(std::int32_t tiles) noexcept;
  void or_middle_into(Bitmap& map) const noexcept;

 private:
  __extension__ using Row = unsigned __int128;  // the 96 low bits
  std::array<Row, 96> rows_{};
};

}  // namespace hunt::engine
