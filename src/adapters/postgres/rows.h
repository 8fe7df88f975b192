// How rows of loot_tiles and grants become values.
//
// Not statements: the column lists that statements share with the functions that read them.
#pragma once
#include "adapters/postgres/params.h"
#include "model/claim.h"
#include "model/spawn.h"

// Macros, so that statements stay literals. `t` is loot_tiles, `g` is grants.
#define HUNT_TILE_COLUMNS                                                            \
  "t.tile_id, t.version, t.spawn, t.loot_table, t.budget, t.opens_us, t.closes_us, " \
  "t.buried_at_us, t.sold_out"
#define HUNT_GRANT_COLUMNS                                                                       \
  "g.cursor, g.claim_id, g.outcome = 'aborted', g.world, g.tile_id, g.spawn, g.player, g.item, " \
  "g.rules, g.seed_id, g.as_of_us, g.at_us"

namespace hunt::postgres {

// `at`: the first of the columns.
[[nodiscard]] inline model::TileRow tile_row(const Rows& rows, int row, int at) {
  model::TileRow tile;
  tile.tile = rows.tile(row, at);
  tile.version = rows.natural(row, at + 1);
  tile.spawn = rows.natural(row, at + 2);
  tile.table = rows.text(row, at + 3);
  tile.budget = static_cast<std::uint32_t>(rows.integer(row, at + 4));
  if (!rows.is_null(row, at + 5)) tile.opens_us = rows.integer(row, at + 5);
  if (!rows.is_null(row, at + 6)) tile.closes_us = rows.integer(row, at + 6);
  tile.buried_at_us = rows.integer(row, at + 7);
  tile.sold_out = rows.truth(row, at + 8);
  return tile;
}

[[nodiscard]] inline model::Grant grant_row(const Rows& rows, int row) {
  model::Grant grant;
  grant.cursor = rows.natural(row, 0);
  grant.claim = rows.id(row, 1);
  grant.aborted = rows.truth(row, 2);
  grant.world = static_cast<model::WorldId>(rows.integer(row, 3));
  grant.tile = rows.tile(row, 4);
  grant.spawn = rows.natural(row, 5);
  grant.player = rows.id(row, 6);
  grant.reward = rows.text(row, 7);
  grant.rules = rows.text(row, 8);
  grant.seed = rows.natural(row, 9);
  grant.as_of_us = rows.integer(row, 10);
  grant.at_us = rows.integer(row, 11);
  return grant;
}

}  // namespace hunt::postgres
