// The worlds of PostgresStore, their loot, and the map.
#include <fmt/format.h>

#include <algorithm>

#include "adapters/postgres/postgres_parts.h"
#include "adapters/postgres/rows.h"
#include "model/limits.h"
#include "model/zorder.h"
#include "ports/store_checks.h"

namespace hunt::postgres {
namespace {

using boost::asio::awaitable;

constexpr std::uint32_t rows_per_look_max = 1'000;
// Rows outside of the rectangle in a row before a fresh seek is cheaper than reading on. A guess.
constexpr int misses_before_seek = 256;

constexpr Statement bury_sql{"bury",
                             "SELECT place, tile, spawn, unchanged"
                             " FROM bury($1, $2, $3, $4, $5, $6, $7, $8) ORDER BY place"};
constexpr Statement close_sql{"close_tiles", "SELECT close_tiles($1, $2, $3)"};
constexpr Statement list_sql{"list_tiles", "SELECT " HUNT_TILE_COLUMNS
                                           " FROM loot_tiles t WHERE t.world = $1"
                                           " AND t.tile_id BETWEEN $2 AND $3"
                                           " ORDER BY t.tile_id LIMIT $4"};
constexpr Statement find_grant_sql{
    "find_grant", "SELECT " HUNT_GRANT_COLUMNS " FROM grants g WHERE g.claim_id = $1"};
// Of every process of this user: a lock that one of them waits for is in the others' way, too.
constexpr Statement doing_sql{
    "doing",
    // Sessions that are idle now may hold a row a moment later, when it is asked who does.
    "WITH ours AS MATERIALIZED (SELECT pid, state = 'active' AS active, wait_event_type, wait_event"
    "  FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user"
    "  AND application_name IN ('hunt grants', 'hunt chunks'))"
    " SELECT count(*) FILTER (WHERE active AND wait_event_type = 'Lock'),"
    " count(*) FILTER (WHERE active AND wait_event IN ('SyncRep', 'WALSync', 'WALWrite')),"
    " count(*) FILTER (WHERE active AND wait_event_type = 'Lock' AND EXISTS"
    "  (SELECT FROM unnest(pg_blocking_pids(pid)) holder"
    "   WHERE holder NOT IN (SELECT o.pid FROM ours o)))"
    " FROM ours"};
constexpr Statement world_sql{"world", "SELECT id FROM worlds WHERE id = $1"};
constexpr Statement worlds_sql{"worlds", "SELECT id, name FROM worlds ORDER BY id"};
constexpr Statement create_world_sql{"create_world", "SELECT create_world($1, $2, $3)"};
constexpr Statement map_sql{
    "shard_map",
    "SELECT map_version, map_shards, first_world, first_tile_id, m.shard FROM shard_map m, meta"
    " ORDER BY first_world, first_tile_id"};
constexpr Statement set_map_sql{"set_map", "SELECT 1 FROM set_map($1, $2, $3, $4, $5)"};

std::optional<std::int64_t> unless(std::int64_t time_us, std::int64_t unbounded) {
  if (time_us == unbounded) return {};
  return time_us;
}

}  // namespace

awaitable<Result<std::vector<model::Buried>>> PostgresStore::bury(
    model::WorldId world, std::vector<model::Burial> burials) {
  return parts_->io.run(parts_->bury(world, std::move(burials)));
}

awaitable<Result<std::vector<model::Buried>>> PostgresStore::Parts::bury(
    model::WorldId world, std::vector<model::Burial> burials) {
  const std::size_t count = burials.size();
  HUNT_CO_CHECK(ports::check_count("burials", count, limits::tiles_per_request_max));
  for (const auto& burial : burials) HUNT_CO_CHECK(ports::check(burial));
  if (burials.empty()) co_return std::vector<model::Buried>{};
  Params params;
  params.add(world);
  const auto array = [&](auto member) {
    params.array(count, [&](std::size_t i) { return member(burials[i]); });
  };
  array([](const model::Burial& burial) { return model::tile_id_of(burial.tile); });
  array([](const model::Burial& burial) { return std::string_view(burial.table); });
  array([](const model::Burial& burial) { return std::int64_t{burial.budget}; });
  array([](const model::Burial& burial) { return unless(burial.opens_us, model::time_us_min); });
  array([](const model::Burial& burial) { return unless(burial.closes_us, model::time_us_max); });
  array([](const model::Burial& burial) {
    return burial.key.empty() ? std::nullopt : std::optional<std::string_view>(burial.key);
  });
  params.add(test_now_us());
  HUNT_CO_TRY(rows, co_await admin->call(bury_sql, std::move(params)));
  std::vector<model::Buried> buried;
  for (int row = 0; row < rows.size(); ++row) {
    buried.push_back({model::tile_of(rows.tile(row, 1)), rows.natural(row, 2), rows.truth(row, 3)});
  }
  co_return buried;
}

awaitable<Result<std::uint64_t>> PostgresStore::close_tiles(model::WorldId world,
                                                            std::vector<model::Tile> tiles) {
  return parts_->io.run(parts_->close(world, std::move(tiles)));
}

awaitable<Result<std::uint64_t>> PostgresStore::Parts::close(model::WorldId world,
                                                             std::vector<model::Tile> tiles) {
  HUNT_CO_CHECK(ports::check_count("tiles", tiles.size(), limits::tiles_per_request_max));
  Params params;
  params.add(world);
  params.array(tiles.size(), [&tiles](std::size_t i) { return model::tile_id_of(tiles[i]); });
  params.add(test_now_us());
  HUNT_CO_TRY(rows, co_await admin->call(close_sql, std::move(params)));
  co_return rows.natural(0, 0);
}

awaitable<Result<model::TilePage>> PostgresStore::list_tiles(model::WorldId world,
                                                             model::TileRect rect,
                                                             model::TileId from,
                                                             std::uint32_t limit) {
  return parts_->io.run(parts_->list(world, rect, from, limit));
}

awaitable<Result<model::TilePage>> PostgresStore::Parts::list(model::WorldId world,
                                                              model::TileRect rect,
                                                              model::TileId from,
                                                              std::uint32_t limit) {
  HUNT_CO_TRY(known, co_await reads->call(world_sql, Params().add(world)));
  if (known.size() == 0) {
    co_return fail(Errc::not_found, fmt::format("there is no world {}", world), "world");
  }
  const std::size_t count_max = std::clamp<std::size_t>(limit, 1, limits::tiles_per_page_max);
  const model::TileId last = model::tile_id_of(rect.high);
  model::TilePage page;
  std::optional<model::TileId> seek = model::next_in_rect(from, rect);
  while (seek) {
    HUNT_CO_TRY(rows, co_await reads->call(list_sql, Params().add(world).add(*seek).add(last).add(
                                                         rows_per_look_max)));
    const bool full = rows.size() == static_cast<int>(rows_per_look_max);
    seek.reset();
    int misses = 0;
    for (int row = 0; row < rows.size() && !seek; ++row) {
      const model::TileId tile = rows.tile(row, 0);
      const bool at_end = full && row + 1 == rows.size();
      if (!rect.contains(model::tile_of(tile))) {
        if (++misses < misses_before_seek && !at_end) continue;
        seek = model::next_in_rect(tile, rect);
        if (!seek) co_return page;
        continue;
      }
      misses = 0;
      if (rows.natural(row, 2) != 0) {
        if (page.rows.size() == count_max) {
          page.next = tile;
          co_return page;
        }
        page.rows.push_back(tile_row(rows, row, 0));
      }
      if (at_end && tile < last) seek = model::next_in_rect({tile.value + 1}, rect);
    }
  }
  co_return page;
}

awaitable<Result<std::optional<model::Grant>>> PostgresStore::find_grant(model::ClaimId claim) {
  return parts_->io.run(parts_->find(claim));
}

awaitable<Result<std::optional<model::Grant>>> PostgresStore::Parts::find(model::ClaimId claim) {
  HUNT_CO_TRY(rows, co_await reads->call(find_grant_sql, Params().add(claim)));
  if (rows.size() == 0) co_return std::optional<model::Grant>{};
  co_return std::optional<model::Grant>{grant_row(rows, 0)};
}

awaitable<Result<model::StoreDoing>> PostgresStore::doing() {
  return parts_->io.run(parts_->look_around());
}

awaitable<Result<model::StoreDoing>> PostgresStore::Parts::look_around() {
  if (!database->names_its_sessions()) {
    constexpr std::int64_t any_world = 1;
    HUNT_CO_CHECK(co_await reads->call(world_sql, Params().add(any_world)));
    const model::StoreDoing unknown;
    co_return unknown;
  }
  HUNT_CO_TRY(rows, co_await reads->call(doing_sql));
  model::StoreDoing doing;
  doing.locked = static_cast<std::uint32_t>(rows.integer(0, 0));
  doing.committing = static_cast<std::uint32_t>(rows.integer(0, 1));
  doing.tells_holders = true;
  doing.locked_by_others = static_cast<std::uint32_t>(rows.integer(0, 2));
  co_return doing;
}

awaitable<Result<std::vector<model::World>>> PostgresStore::worlds() {
  return parts_->io.run(parts_->worlds());
}

awaitable<Result<std::vector<model::World>>> PostgresStore::Parts::worlds() {
  HUNT_CO_TRY(rows, co_await reads->call(worlds_sql));
  std::vector<model::World> all;
  for (int row = 0; row < rows.size(); ++row) {
    all.push_back(
        {static_cast<model::WorldId>(rows.integer(row, 0)), std::string(rows.text(row, 1))});
  }
  co_return all;
}

awaitable<Result<model::World>> PostgresStore::create_world(model::WorldId id, std::string name) {
  return parts_->io.run(parts_->create_world(id, std::move(name)));
}

awaitable<Result<model::World>> PostgresStore::Parts::create_world(model::WorldId id,
                                                                   std::string name) {
  HUNT_CO_CHECK(ports::check_world_name(name));
  HUNT_CO_TRY(
      rows, co_await admin->call(create_world_sql,
                                 Params().add(id).add(std::string_view(name)).add(test_now_us())));
  co_return model::World{static_cast<model::WorldId>(rows.integer(0, 0)), name};
}

awaitable<Result<model::WorldStats>> PostgresStore::world_stats(model::WorldId world) {
  auto read = [parts = parts_.get(), world](Conversation& talk) {
    return postgres::world_stats(talk, world, parts->test_now_us(), parts->counted);
  };
  return parts_->read_aside<model::WorldStats>(std::move(read));
}

awaitable<Result<model::ShardMap>> PostgresStore::shard_map() {
  return parts_->io.run(parts_->shard_map());
}

awaitable<Result<model::ShardMap>> PostgresStore::Parts::shard_map() {
  HUNT_CO_TRY(rows, co_await reads->call(map_sql));
  model::ShardMap map;
  map.ranges.clear();
  for (int row = 0; row < rows.size(); ++row) {
    map.version = static_cast<std::uint32_t>(rows.integer(row, 0));
    map.shards = static_cast<std::uint32_t>(rows.integer(row, 1));
    const auto world = static_cast<model::WorldId>(rows.integer(row, 2));
    map.ranges.push_back({model::chunk_of(world, rows.tile(row, 3)),
                          static_cast<model::ShardId>(rows.integer(row, 4))});
  }
  co_return map;
}

awaitable<Result<void>> PostgresStore::set_shard_map(model::ShardMap map) {
  return parts_->io.run(parts_->set_shard_map(std::move(map)));
}

awaitable<Result<void>> PostgresStore::Parts::set_shard_map(model::ShardMap map) {
  Params params;
  params.add(map.version).add(map.shards);
  const auto& ranges = map.ranges;
  params.array(ranges.size(),
               [&ranges](std::size_t i) { return std::int64_t{ranges[i].first.world}; });
  params.array(ranges.size(), [&ranges](std::size_t i) {
    return model::TileId{ranges[i].first.chunk << model::chunk_id_shift};
  });
  params.array(ranges.size(), [&ranges](std::size_t i) { return std::int64_t{ranges[i].shard}; });
  HUNT_CO_CHECK(co_await admin->call(set_map_sql, std::move(params)));
  co_return Result<void>{};
}

}  // namespace hunt::postgres
