// Ranges: whether this shard owns a tile now, and since which epoch.
//
// Not the shard map of the orchestrators: the store's own answer, read in the transaction or
// snapshot that it is about.
#pragma once
#include <algorithm>
#include <vector>

#include "adapters/sqlite/connection.h"

namespace hunt::sqlite {

class Ranges {
 public:
  explicit Ranges(Connection& connection)
      : state_(connection,
               "SELECT state = 'owned' FROM ranges"
               " WHERE (first_world, first_tile_id) <= (?1, ?2)"
               " ORDER BY first_world DESC, first_tile_id DESC LIMIT 1"),
        all_(connection,
             "SELECT first_world, first_tile_id, iif(state = 'owned', epoch, 0) FROM ranges"
             " ORDER BY first_world, first_tile_id") {}

  [[nodiscard]] Result<bool> owned(model::WorldId world, model::TileId tile) {
    Cursor range = state_.bind(world, tile);
    HUNT_TRY(row, range.step());
    return row && range.integer(0) != 0;
  }

  // The epochs of all ranges in one look, for readers of many chunks: usually there is one range.
  class Epochs {
   public:
    // 0 where the range is not owned.
    [[nodiscard]] std::uint64_t of(model::WorldId world, model::TileId tile) const {
      const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), std::pair(world, tile),
                                          [](const auto& at, const Range& range) {
                                            return at < std::pair(range.world, range.tile);
                                          });
      return after == ranges_.begin() ? 0 : std::prev(after)->epoch;
    }

   private:
    friend class Ranges;
    struct Range {
      model::WorldId world = 0;
      model::TileId tile;
      std::uint64_t epoch = 0;
    };
    std::vector<Range> ranges_;
  };
  [[nodiscard]] Result<Epochs> epochs() {
    Epochs epochs;
    Cursor row = all_.bind();
    for (;;) {
      HUNT_TRY(present, row.step());
      if (!present) return epochs;
      epochs.ranges_.push_back(
          {static_cast<model::WorldId>(row.integer(0)), row.tile(1), row.natural(2)});
    }
  }

 private:
  Statement state_;
  Statement all_;
};

}  // namespace hunt::sqlite
