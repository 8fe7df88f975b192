// How rows of loot_tiles and grants become values.
//
// Not statements: the column lists that statements share with the functions that read them.
#pragma once
#include "adapters/sqlite/connection.h"
#include "model/claim.h"
#include "model/spawn.h"

// Macros, so that statements stay literals. `t` is loot_tiles, `g` is grants.
#define HUNT_TILE_COLUMNS                                                            \
  "t.tile_id, t.version, t.spawn, t.loot_table, t.budget, t.opens_us, t.closes_us, " \
  "t.buried_at_us, t.sold_out"
#define HUNT_GRANT_COLUMNS                                                                    \
  "g.seq, g.claim_id, g.outcome = 'aborted', g.world, g.tile_id, g.spawn, g.player, g.item, " \
  "g.rules, g.seed_id, g.as_of_us, g.at_us"

namespace hunt::sqlite {

[[nodiscard]] inline model::TileRow tile_row(const Cursor& row) {
  model::TileRow tile;
  tile.tile = row.tile(0);
  tile.version = row.natural(1);
  tile.spawn = row.natural(2);
  tile.table = row.text(3);
  tile.budget = static_cast<std::uint32_t>(row.integer(4));
  tile.opens_us = row.is_null(5) ? model::time_us_min : row.integer(5);
  tile.closes_us = row.is_null(6) ? model::time_us_max : row.integer(6);
  tile.buried_at_us = row.integer(7);
  tile.sold_out = row.integer(8) != 0;
  return tile;
}

[[nodiscard]] inline model::Grant grant_row(const Cursor& row) {
  model::Grant grant;
  grant.cursor = row.natural(0);
  grant.claim = row.id(1);
  grant.aborted = row.integer(2) != 0;
  grant.world = static_cast<model::WorldId>(row.integer(3));
  grant.tile = row.tile(4);
  grant.spawn = row.natural(5);
  grant.player = row.id(6);
  grant.reward = row.text(7);
  grant.rules = row.text(8);
  grant.seed = row.natural(9);
  grant.as_of_us = row.integer(10);
  grant.at_us = row.integer(11);
  return grant;
}

}  // namespace hunt::sqlite
