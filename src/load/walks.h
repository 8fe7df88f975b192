// Walks: a library of recorded walks, and followers that make any number of players of them.
//
// A walk is what one player did in one world of a trace. A follower walks it from some point on,
// moved by a whole number of chunks, turned by quarters and maybe mirrored; at either end it walks
// back, and at the world's edge its way is folded back, so neighbouring steps stay neighbours.
// Not a reader of trace files (codec/trace_file.h). 12 bytes a step; immutable once built.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/prng.h"
#include "load/placement.h"
#include "model/tile.h"
#include "model/trace.h"

namespace hunt::load {

struct Follower {
  std::uint32_t walk = 0;
  std::uint32_t step = 0;    // index within the walk
  std::int64_t shift_x = 0;  // after turning; whole chunks
  std::int64_t shift_y = 0;
  std::uint16_t wait = 0;  // steps still to stand here
  std::uint8_t turn = 0;   // 0 to 7: the symmetries of a square
  bool back = false;       // walks towards the beginning
};

class Walks {
 public:
  // One step is a second; a longer stay is so many steps on the same tile, but at most this many:
  // longer gaps are players who were away.
  static constexpr std::uint16_t wait_steps_max = 30;

  Walks() = default;
  // `rows` in time order. Bound: fewer than 2^32 rows.
  explicit Walks(std::span<const model::TraceRow> rows);

  // A follower of a walk drawn by length, from a random moment of it, placed by `placement`.
  [[nodiscard]] Follower begin(const Placement& placement, Prng& prng) const noexcept;
  // One step. True when the walk itself jumps there: farther than to a neighbouring tile.
  bool advance(Follower& follower) const noexcept;
  [[nodiscard]] model::Tile at(const Follower& follower,
                               const model::TileRect& rect) const noexcept;

  [[nodiscard]] bool empty() const noexcept { return steps_.empty(); }
  [[nodiscard]] std::size_t count() const noexcept { return walks_.size(); }
  [[nodiscard]] std::size_t steps() const noexcept { return steps_.size(); }

 private:
  struct Step {
    model::Tile tile;
    std::uint16_t wait = 0;
    bool jump = false;  // to the next step of the walk
  };
  struct Walk {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };
  std::vector<Step> steps_;
  std::vector<Walk> walks_;
};

// `value` folded into [low, high] as by mirrors at both ends; values that differ by one stay within
// one of each other. Bound: low <= high.
[[nodiscard]] std::int32_t folded(std::int64_t value, std::int32_t low, std::int32_t high) noexcept;

}  // namespace hunt::load
