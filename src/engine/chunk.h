// Chunk: what a lane keeps in memory of 32 x 32 tiles: which tiles bear loot, and hint maps.
//
// Not the cache (l1.h) and not the truth. The maps are derived from the spawns of this chunk and
// the eight around it: they make "nothing near" a single bit test and a hint a handful
// (docs/decisions has the why).
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "model/ids.h"
#include "model/spawn.h"
#include "model/tile.h"

namespace hunt::engine {

// Upper edges of the distance bands that a hint tells, in tiles.
inline constexpr std::array<std::int32_t, 6> band_edges_tiles = {1, 2, 4, 8, 16, 32};

struct Spawn {
  model::SpawnId id = 0;      // 0: the tile is empty, the row only keeps its version
  std::uint64_t order = 0;    // model::order_of(epoch, version)
  std::int64_t opens_us = 0;  // max(opens, buried_at)
  std::int64_t closes_us = 0;
  std::uint16_t local = 0;  // y * 32 + x inside the chunk; the sort key
  std::uint16_t table = 0;  // into the L1's table names
  bool sold_out = false;

  [[nodiscard]] bool eligible(std::int64_t as_of_us) const noexcept {
    return opens_us <= as_of_us && as_of_us < closes_us;
  }
  friend bool operator==(const Spawn&, const Spawn&) = default;
};

// One row of tiles with all that is known of it, in half a cache line: bit x is tile x.
struct alignas(32) TileBits {
  std::uint32_t active = 0;  // a row of the store, or within the widest band: else `nothing`
  std::uint32_t rows = 0;    // tiles of this chunk with a spawn
  std::array<std::uint32_t, band_edges_tiles.size()> bands{};  // within so far of open loot
};

struct Chunk {
  // What the hot loop compares, first: the answers below hold while now < good_until_ns and
  // as_of < maps_until_us; else the slow path finds out what has to be done.
  std::int64_t good_until_ns = 0;
  std::int64_t maps_until_us = 0;  // the minimum when the maps have to be derived again
  bool referenced = false;         // for CLOCK
  model::WorldId world = 0;
  model::ChunkAt at;
  // Derived over the 3 x 3 chunks around this one.
  std::int64_t usable_until_ns = 0;           // earliest expiry of the nine; 0 when one is missing
  std::int64_t loaded_since_ns = 0;           // earliest load of the nine
  std::uint32_t shard = 0;                    // of all nine; L1::several_shards when they differ
  std::int64_t refresh_from_ns = 0;           // earliest wish for a refresh of the nine
  std::int64_t derived_until_us = INT64_MIN;  // what the maps were derived for ends then
  std::array<TileBits, model::chunk_side_tiles> tiles{};
  // Own state.
  std::vector<Spawn> spawns;  // sorted by `local`
  std::uint32_t own_shard = 0;
  std::uint64_t own_epoch = 0;
  std::int64_t own_loaded_ns = 0;
  std::int64_t own_expires_ns = 0;
  std::int64_t own_refresh_ns = 0;

  [[nodiscard]] const Spawn* find(std::uint16_t local) const noexcept;
};

[[nodiscard]] constexpr const TileBits& bits_of(const Chunk& chunk, model::Tile tile) noexcept {
  return chunk.tiles[static_cast<std::size_t>(tile.y & 31)];
}

[[nodiscard]] constexpr bool bit_at(std::uint32_t row, model::Tile tile) noexcept {
  return (row >> (tile.x & 31) & 1U) != 0;
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
  // Bit x of row y of the middle ninth.
  [[nodiscard]] std::uint32_t middle_row(std::size_t y) const noexcept {
    return static_cast<std::uint32_t>(rows_[y + 32] >> 32);
  }

 private:
  __extension__ using Row = unsigned __int128;  // the 96 low bits
  std::array<Row, 96> rows_{};
};

}  // namespace hunt::engine
