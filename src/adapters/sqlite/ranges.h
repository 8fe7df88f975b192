// Ranges: whether this shard owns a tile now.
//
// Not the shard map of the orchestrators: the store's own answer, read in the deciding transaction.
#pragma once
#include "adapters/sqlite/connection.h"

namespace hunt::sqlite {

class Ranges {
 public:
  explicit Ranges(Connection& connection)
      : state_(connection,
               "SELECT state = 'owned' FROM ranges"
               " WHERE (first_world, first_tile_id) <= (?1, ?2)"
               " ORDER BY first_world DESC, first_tile_id DESC LIMIT 1") {}

  [[nodiscard]] Result<bool> owned(model::WorldId world, model::TileId tile) {
    Cursor range = state_.bind(world, tile);
    HUNT_TRY(row, range.step());
    return row && range.integer(0) != 0;
  }

 private:
  Statement state_;
};

}  // namespace hunt::sqlite
