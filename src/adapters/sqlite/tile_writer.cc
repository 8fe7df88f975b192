#include "adapters/sqlite/tile_writer.h"

#include <fmt/format.h>

#include <limits>
#include <optional>

#include "ports/store_checks.h"

namespace hunt::sqlite {
namespace {

std::optional<std::int64_t> unless(std::int64_t time_us, std::int64_t unbounded) {
  if (time_us == unbounded) return {};
  return time_us;
}

}  // namespace

TileWriter::TileWriter(Connection& connection, const ports::Clock& clock)
    : connection_(connection),
      clock_(clock),
      ranges_(connection),
      world_(connection, "SELECT 1 FROM worlds WHERE id = ?1"),
      known_key_(connection, "SELECT tile_id, spawn FROM burials WHERE world = ?1 AND key = ?2"),
      new_stock_(connection, "INSERT INTO stock (remaining) VALUES (?1)"),
      update_tile_(connection,
                   "UPDATE loot_tiles SET spawn = ?3, loot_table = ?4, budget = ?5, opens_us = ?6,"
                   " closes_us = ?7, buried_at_us = ?8, sold_out = 0"
                   " WHERE world = ?1 AND tile_id = ?2"),
      insert_tile_(connection,
                   "INSERT INTO loot_tiles (world, tile_id, spawn, loot_table, budget, opens_us,"
                   " closes_us, buried_at_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
      remember_key_(connection,
                    "INSERT INTO burials (world, key, tile_id, spawn) VALUES (?1, ?2, ?3, ?4)"),
      close_tile_(connection,
                  "UPDATE loot_tiles SET closes_us = ?3 WHERE world = ?1 AND tile_id = ?2"
                  " AND spawn <> 0 AND (closes_us IS NULL OR closes_us > ?3)"),
      conflicting_worlds_(connection,
                          "SELECT id, name FROM worlds WHERE id = ?1 OR name = ?2 ORDER BY id"),
      last_world_(connection, "SELECT coalesce(max(id), 0) FROM worlds"),
      insert_world_(connection, "INSERT INTO worlds (id, name, created_us) VALUES (?1, ?2, ?3)") {}

Result<void> TileWriter::require_world(model::WorldId world) {
  Cursor row = world_.bind(world);
  HUNT_TRY(present, row.step());
  if (present) return {};
  return fail(Errc::not_found,
              fmt::format("there is no world {}; create it first (PUT /v1/worlds/<name>)", world),
              "world");
}

Result<std::vector<model::Buried>> TileWriter::bury(model::WorldId world,
                                                    const std::vector<model::Burial>& burials) {
  HUNT_CHECK(require_world(world));
  for (const auto& burial : burials) HUNT_CHECK(ports::check(burial));
  const std::int64_t now_us = clock_.wall_us();
  std::vector<model::Buried> results;
  results.reserve(burials.size());
  for (const auto& burial : burials) {
    HUNT_TRY(buried, bury_one(world, burial, now_us));
    results.push_back(buried);
  }
  return results;
}

Result<model::Buried> TileWriter::bury_one(model::WorldId world, const model::Burial& burial,
                                           std::int64_t now_us) {
  if (!burial.key.empty()) {
    Cursor known = known_key_.bind(world, burial.key);
    HUNT_TRY(present, known.step());
    if (present) {
      return model::Buried{model::tile_of(known.tile(0)), known.natural(1), true};
    }
  }
  const model::TileId tile = model::tile_id_of(burial.tile);
  HUNT_TRY(owned, ranges_.owned(world, tile));
  if (!owned) {
    return fail(Errc::moved, fmt::format("tile ({}, {}) belongs to another shard now; ask for the "
                                         "shard map and bury there",
                                         burial.tile.x, burial.tile.y));
  }
  HUNT_TRY(spawn, bury_spawn(world, tile, burial, now_us));
  if (!burial.key.empty()) {
    HUNT_CHECK(remember_key_.bind(world, burial.key, tile, spawn).run());
  }
  return model::Buried{burial.tile, spawn, false};
}

Result<model::SpawnId> TileWriter::bury_spawn(model::WorldId world, model::TileId tile,
                                              const model::Burial& burial, std::int64_t now_us) {
  HUNT_CHECK(new_stock_.bind(burial.budget).run());
  const auto spawn = static_cast<model::SpawnId>(connection_.inserted_id());
  const auto opens_us = unless(burial.opens_us, model::time_us_min);
  const auto closes_us = unless(burial.closes_us, model::time_us_max);
  HUNT_CHECK(update_tile_
                 .bind(world, tile, spawn, burial.table, burial.budget, opens_us, closes_us, now_us)
                 .run());
  if (connection_.rows_changed() > 0) return spawn;
  HUNT_CHECK(insert_tile_
                 .bind(world, tile, spawn, burial.table, burial.budget, opens_us, closes_us, now_us)
                 .run());
  return spawn;
}

Result<std::uint64_t> TileWriter::close(model::WorldId world,
                                        const std::vector<model::Tile>& tiles) {
  HUNT_CHECK(require_world(world));
  const std::int64_t now_us = clock_.wall_us();
  std::uint64_t closed = 0;
  for (const auto& tile : tiles) {
    HUNT_CHECK(close_tile_.bind(world, model::tile_id_of(tile), now_us).run());
    closed += static_cast<std::uint64_t>(connection_.rows_changed());
  }
  return closed;
}

Result<model::World> TileWriter::create_world(model::WorldId id, const std::string& name) {
  HUNT_CHECK(ports::check_world_name(name));
  {
    Cursor row = conflicting_worlds_.bind(id, name);
    HUNT_TRY(present, row.step());
    if (present) {
      const model::World found{static_cast<model::WorldId>(row.integer(0)), row.text(1)};
      if (found.name == name && (id == 0 || found.id == id)) return found;
      return fail(Errc::already_exists,
                  fmt::format("world {} is called \"{}\" already; choose another {}", found.id,
                              found.name, found.name == name ? "name" : "id"));
    }
  }
  if (id == 0) {
    Cursor last = last_world_.bind();
    HUNT_TRY(present, last.step());
    const std::int64_t next = (present ? last.integer(0) : 0) + 1;
    if (next > std::numeric_limits<model::WorldId>::max()) {
      return fail(Errc::too_large, "the highest world id is taken; give the new world an id");
    }
    id = static_cast<model::WorldId>(next);
  }
  HUNT_CHECK(insert_world_.bind(id, name, clock_.wall_us()).run());
  return model::World{id, name};
}

}  // namespace hunt::sqlite
