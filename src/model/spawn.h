// What lies where: rows of loot tiles as the store keeps them, and burials as admins ask for them.
//
// Not the remaining stock: that is the store's own and never leaves it.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "model/call_times.h"
#include "model/ids.h"
#include "model/tile.h"

namespace hunt::model {

inline constexpr std::int64_t time_us_min = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t time_us_max = std::numeric_limits<std::int64_t>::max();

// When a spawn or an event is open: its first moment counts, its last does not.
struct TimeWindow {
  std::int64_t opens_us = time_us_min;
  std::int64_t closes_us = time_us_max;

  [[nodiscard]] bool opened(std::int64_t as_of_us) const noexcept { return opens_us <= as_of_us; }
  [[nodiscard]] bool closed(std::int64_t as_of_us) const noexcept { return closes_us <= as_of_us; }
  [[nodiscard]] bool holds(std::int64_t as_of_us) const noexcept {
    return opened(as_of_us) && !closed(as_of_us);
  }
  friend bool operator==(const TimeWindow&, const TimeWindow&) = default;
};

// One published row of loot_tiles. spawn == 0 means the tile is empty (a state, not an absence).
struct TileRow {
  TileId tile;
  Version version = 0;
  SpawnId spawn = 0;
  std::string table;  // the loot table's name
  std::uint32_t budget = 0;
  std::int64_t opens_us = time_us_min;
  std::int64_t closes_us = time_us_max;
  std::int64_t buried_at_us = 0;
  bool sold_out = false;

  // Nothing is open before it was buried.
  [[nodiscard]] TimeWindow window() const noexcept {
    return {std::max(opens_us, buried_at_us), closes_us};
  }
  friend bool operator==(const TileRow&, const TileRow&) = default;
};

// What orders the copies of a row everywhere, V in PROTOCOLS 6: the epoch of the row's range, then
// its version. Epochs go up when a store may have lost commits, so that what was lost never wins.
// Fits the 53 bits that every number can hold. Requires: version < 2^40, epoch < 2^13.
[[nodiscard]] constexpr std::uint64_t order_of(std::uint64_t epoch, Version version) noexcept {
  return epoch << 40 | version;
}

// All rows of one chunk from one snapshot, ordered by tile. An empty vector says: no loot here.
struct ChunkRows {
  ChunkKey key;
  std::vector<TileRow> rows;  // Bound: 1,024
  // Of the chunk's range, from the same snapshot. 0: the range is not this shard's (any more), and
  // the rows say nothing.
  std::uint64_t epoch = 1;
};

struct LoadCall {
  std::vector<ChunkRows> chunks;  // in the order of the keys
  CallTimes times;
};

// A wish to bury. With a key, a repeat of the same (world, key) changes nothing.
struct Burial {
  Tile tile;
  std::string table;
  std::uint32_t budget = 1;  // 1 .. limits::budget_max
  std::int64_t opens_us = time_us_min;
  std::int64_t closes_us = time_us_max;
  std::string key;  // empty: none
};

struct Buried {
  Tile tile;
  SpawnId spawn = 0;       // of this burial, or of the earlier one with the same key
  bool unchanged = false;  // the key was known
};

struct TilePage {
  std::vector<TileRow> rows;   // ordered by tile id
  std::optional<TileId> next;  // where to go on; nothing at the end
};

struct World {
  WorldId id = 0;
  std::string name;
};

// Open spawns of a loot table: neither sold out nor closed for good.
struct TableCount {
  std::string table;
  std::uint64_t spawns = 0;
  friend bool operator==(const TableCount&, const TableCount&) = default;
};

struct WorldStats {
  std::uint64_t tiles = 0;  // with a spawn, open or not
  std::uint64_t open = 0;   // open now and not sold out
  std::uint64_t sold_out = 0;
  std::uint64_t budget = 0;  // of the spawns on the tiles now
  std::uint64_t remaining = 0;
  std::uint64_t grants = 0;  // in the ledger, of any spawn of this world
  TileRect bounds;           // of the tiles; meaningless when tiles == 0
  std::int64_t age_ns = 0;   // of these figures, where they were kept for a while
};

}  // namespace hunt::model
