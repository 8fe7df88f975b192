// Traffic: what the positions of a trace ask of shards, counted by chunk, for whoever chooses a
// shard map.
//
// Not a reader of traces and not the choice (advise.h). A position is one query: it needs the
// chunks that its hint square touches, its own among them, and its claim is its tile's. Which those
// are depends on its chunk and on the sides of it that are within the radius, so that pair is what
// is counted, and never the positions. The time of the trace is cut into up to eight blocks as long
// as each other: the first, third, … choose, the others score. Memory: 32 bytes a chunk and each of
// its 9 ways (16 where the radius is above half a chunk). One thread.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/shard_map.h"
#include "model/tile.h"
#include "model/trace.h"

namespace hunt::shards {

enum class Part : std::uint8_t { choice, score };
inline constexpr std::size_t part_count = 2;
template <class T>
using ByPart = std::array<T, part_count>;

// The chunks beside its own that a query needs: those across these sides, and the corner between
// two of them.
enum Side : std::uint8_t { west = 1, east = 2, north = 4, south = 8 };

struct Cell {
  std::uint32_t chunk = 0;  // its index in Counted::chunks
  std::uint8_t sides = 0;
  ByPart<std::uint64_t> queries{};
};

// Queries that are not a matter of their chunk alone: by player, or by tile.
struct Tally {
  ByPart<std::vector<std::uint64_t>> load;  // by shard
  ByPart<std::uint64_t> crossing{};
  std::vector<std::uint64_t> peak;  // by shard, of the busiest minute
};

struct Counted {
  std::uint32_t shards = 1;
  std::int32_t hint_radius_tiles = 0;
  std::vector<model::ChunkKey> chunks;  // that were visited, sorted
  std::vector<Cell> cells;              // by chunk
  ByPart<std::uint64_t> positions{};
  std::uint64_t players = 0;
  std::int64_t from_ms = 0;
  std::int64_t to_ms = 0;
  std::int64_t block_ms = 0;
  // The busiest minute that scores (of a block, where those are shorter): positions by chunk.
  std::int64_t peak_ms = 0;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> peak;
  Tally by_player;  // a claim by its player, the loot by its chunk
  Tally by_tile;    // each tile by itself
};

// Calls `visit` with each chunk beside its own that a query with these sides needs.
template <class Visit>
void for_each_beside(model::ChunkKey key, std::uint8_t sides, Visit visit) {
  const model::ChunkAt at = model::chunk_at(key.chunk);
  const std::int32_t x0 = (sides & west) != 0 ? -1 : 0;
  const std::int32_t x1 = (sides & east) != 0 ? 1 : 0;
  const std::int32_t y0 = (sides & north) != 0 ? -1 : 0;
  const std::int32_t y1 = (sides & south) != 0 ? 1 : 0;
  for (std::int32_t dy = y0; dy <= y1; ++dy) {
    for (std::int32_t dx = x0; dx <= x1; ++dx) {
      if (dx != 0 || dy != 0) visit(model::chunk_key(key.world, model::neighbour(at, dx, dy)));
    }
  }
}

class Traffic {
 public:
  static constexpr std::size_t chunks_max = 1'000'000;
  static constexpr std::uint64_t positions_max = 4'000'000'000;
  static constexpr std::size_t blocks_max = 8;

  // Bounds: shards from 1 to limits::shards_max, the radius to limits::hint_radius_tiles_max.
  Traffic(std::uint32_t shards, std::int32_t hint_radius_tiles);

  // In the order of time. `worlds`: the ids, by TraceRow::world. Errors: invalid_argument (a time
  // goes back), too_large (chunks_max, positions_max).
  [[nodiscard]] Result<void> add(std::span<const model::TraceRow> rows,
                                 std::span<const model::WorldId> worlds);
  // Errors: invalid_argument (nothing was added, or all within a block: no part is left to score).
  [[nodiscard]] Result<Counted> finish() &&;

 private:
  struct Chunk {
    model::ChunkKey key;
    std::uint16_t alone = 0;  // by sides: all that is needed has the hash of this chunk
    std::uint8_t by_hash = 0;
    std::uint32_t in_minute = 0;
  };
  struct Minute {
    std::int64_t at_ms = 0;
    std::uint64_t positions = 0;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> by_chunk;
    std::vector<std::uint64_t> by_home;
    std::vector<std::uint64_t> by_tile;
  };
  struct Block {
    std::uint64_t positions = 0;
    std::uint64_t crossing_by_player = 0;
    std::vector<std::uint64_t> by_home;  // by shard
    std::vector<std::uint64_t> by_tile;
    Minute busiest;
  };

  [[nodiscard]] std::uint32_t chunk_of(model::ChunkKey key);
  void grow();
  std::uint32_t add_chunk(model::ChunkKey key);
  [[nodiscard]] std::uint32_t* counts_of(std::uint32_t chunk) noexcept;
  [[nodiscard]] std::uint8_t home_of(std::uint32_t player);
  void turn(std::int64_t t_ms);  // on to the minute and the block of this moment
  void close_minute();
  void halve();
  [[nodiscard]] Counted flattened() const;
  void tally(Counted& out) const;

  static constexpr std::uint32_t none = UINT32_MAX;
  static constexpr std::size_t page_chunks = 1'024;

  const std::uint32_t shards_;
  const std::int32_t radius_;
  std::array<std::uint8_t, model::chunk_side_tiles> side_x_{};
  std::array<std::uint8_t, model::chunk_side_tiles> side_y_{};
  std::array<std::uint8_t, 16> way_of_{};  // sides -> the index of its counts
  std::vector<std::uint8_t> sides_of_;     // and back
  std::vector<Chunk> chunks_;
  std::vector<std::uint32_t> table_;               // open addressing: an index + 1, or 0
  std::vector<std::vector<std::uint32_t>> pages_;  // [chunk][way][block]
  std::vector<std::uint8_t> homes_;                // by player: the shard + 1, or 0
  std::vector<std::uint32_t> touched_;             // chunks of this minute
  std::vector<Block> blocks_;
  Minute minute_;
  std::uint64_t players_ = 0;
  std::uint64_t positions_ = 0;
  std::int64_t from_ms_ = 0;
  std::int64_t last_ms_ = 0;
  std::int64_t block_ms_ = 1'000;
  std::size_t block_ = 0;
  std::int64_t turn_ms_ = 0;  // when the minute or the block ends
};

}  // namespace hunt::shards
