// Chunk: what a lane keeps in memory of 32 x 32 tiles: which bear loot, and what lies near.
//
// Not the cache (l1.h) and not the truth. The maps are derived from the spawns of this chunk and
// the eight around it: what lies near a tile is one load (docs/decisions has the why).
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "model/ids.h"
#include "model/spawn.h"
#include "model/tile.h"

namespace hunt::engine {

// Upper edges of the distance bands that a hint tells, in tiles.
inline constexpr std::array<std::int32_t, 6> band_edges_tiles = {1, 2, 4, 8, 16, 32};

struct Spawn {
  model::SpawnId id = 0;    // 0: the tile is empty, the row only keeps its version
  std::uint64_t order = 0;  // model::order_of(epoch, version)
  model::TimeWindow window;
  std::uint16_t local = 0;  // y * 32 + x inside the chunk; the sort key
  std::uint16_t table = 0;  // into the L1's table names
  bool sold_out = false;

  friend bool operator==(const Spawn&, const Spawn&) = default;
};

// What a lane knows of one tile, in four bits: the low three are 0 when no open loot is in reach,
// else 1 + the index of the narrowest distance band it is within. spawn_bit: a spawn of its own.
inline constexpr std::uint32_t spawn_bit = 8;

// The codes of 32 x 32 tiles: half a kilobyte, read with one load, so that `nothing` and a hint
// cost the same and no branch tells them apart.
class TileCodes {
 public:
  [[nodiscard]] std::uint32_t at(std::uint32_t local) const noexcept {
    return static_cast<std::uint32_t>(words_[local / 16 % 64] >> (local % 16 * 4)) & 15;
  }
  [[nodiscard]] const void* address_of(std::uint32_t local) const noexcept {
    return &words_[local / 16 % 64];
  }
  // The codes of row y: bit x of `bands[i]` says that loot is within band i of tile x, bit x of
  // `spawns` that it has a spawn of its own.
  using Bands = std::array<std::uint32_t, band_edges_tiles.size()>;
  void set_row(std::size_t y, const Bands& bands, std::uint32_t spawns) noexcept;

 private:
  std::array<std::uint64_t, 64> words_{};  // two a row
};

// Where the rows of a chunk stand in its vector of spawns, sorted by tile: by counting bits instead
// of searching.
class TileRanks {
 public:
  void set(const std::vector<Spawn>& spawns) noexcept;
  // Requires: there is one on that tile.
  [[nodiscard]] std::size_t of(std::uint32_t local) const noexcept {
    const Row& row = rows_[local / 32 % 32];
    const std::uint32_t left_of = (1U << (local % 32)) - 1;
    return row.before + static_cast<std::size_t>(std::popcount(row.bits & left_of));
  }
  [[nodiscard]] const void* address_of(std::uint32_t local) const noexcept {
    return &rows_[local / 32 % 32];
  }

 private:
  struct Row {
    std::uint32_t bits = 0;    // tiles with a spawn or an emptied row
    std::uint32_t before = 0;  // how many there are in the rows of tiles above
  };
  std::array<Row, model::chunk_side_tiles> rows_{};
};

struct alignas(64) Chunk {
  // What the hot loop compares, first: the codes below hold while now < good_until_ns and
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
  TileCodes codes;
  TileRanks ranks;
  // Own state.
  std::vector<Spawn> spawns;  // sorted by `local`
  std::uint32_t own_shard = 0;
  std::uint64_t own_epoch = 0;
  std::int64_t own_loaded_ns = 0;
  std::int64_t own_expires_ns = 0;
  std::int64_t own_refresh_ns = 0;
  std::int64_t own_learnt_ns = INT64_MIN;  // when the newest of it became known
};

[[nodiscard]] constexpr std::uint16_t local_of(model::Tile tile) noexcept {
  return static_cast<std::uint16_t>((tile.y & 31) * 32 + (tile.x & 31));
}

// A window of tiles around a chunk, whose own tiles are the middle, grown tile by tile. Used to
// derive the hint maps. Coordinates are relative to the chunk's first tile.
class Window {
 public:
  // It reaches so far over the chunk's edges. Bound: limits::hint_radius_tiles_max.
  explicit Window(std::int32_t reach_tiles) noexcept : reach_(reach_tiles) {}
  [[nodiscard]] std::int32_t begin() const noexcept { return -reach_; }
  [[nodiscard]] std::int32_t end() const noexcept { return model::chunk_side_tiles + reach_; }
  // Both in [begin(), end()).
  void set(std::int32_t x, std::int32_t y) noexcept {
    rows_[static_cast<std::size_t>(y + 32)] |= Row{1} << (x + 32);
  }
  // Every tile within `tiles` (Chebyshev) of one that was set becomes set. Bound: at most the
  // reach, and 1 + 2 * what it was grown to before.
  void grow_to(std::int32_t tiles) noexcept;
  // Bit x of row y of the middle ninth.
  [[nodiscard]] std::uint32_t middle_row(std::size_t y) const noexcept {
    return static_cast<std::uint32_t>(rows_[y + 32] >> 32);
  }

 private:
  __extension__ using Row = unsigned __int128;  // the 96 low bits; 32 of them are the middle
  std::int32_t reach_;
  std::int32_t grown_ = 0;
  std::array<Row, 96> rows_{};
};

}  // namespace hunt::engine
