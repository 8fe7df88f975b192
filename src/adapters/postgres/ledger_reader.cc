#include "adapters/postgres/ledger_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "adapters/postgres/blocking.h"
#include "adapters/postgres/rows.h"
#include "model/limits.h"
#include "ports/grant_finder.h"

namespace hunt::postgres {
namespace {

Result<BlockingConnection> open_for_long(const PostgresUrl& url, Interrupt& interrupt) {
  // A long read is not a hung one.
  return BlockingConnection::open(
      url, {{"application_name", "hunt reads"}, {"options", "-c statement_timeout=0"}}, &interrupt);
}

Result<BlockingConnection> begin_snapshot(const PostgresUrl& url, Interrupt& interrupt) {
  HUNT_TRY(connection, open_for_long(url, interrupt));
  HUNT_CHECK(connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  return connection;
}

void widen(model::TileRect& bounds, model::Tile tile, bool first) {
  if (first) bounds = {tile, tile};
  bounds.low.x = std::min(bounds.low.x, tile.x);
  bounds.low.y = std::min(bounds.low.y, tile.y);
  bounds.high.x = std::max(bounds.high.x, tile.x);
  bounds.high.y = std::max(bounds.high.y, tile.y);
}

}  // namespace

Result<void> read_ledger(const PostgresUrl& url, ports::LedgerVisitor& visitor,
                         Interrupt& interrupt) {
  HUNT_TRY(connection, begin_snapshot(url, interrupt));
  HUNT_CHECK(connection.stream(
      "SELECT t.spawn, t.world, t.tile_id, t.budget, coalesce(s.remaining, -1), t.sold_out"
      " FROM loot_tiles t LEFT JOIN stock s USING (spawn) WHERE t.spawn <> 0",
      [&visitor](const Rows& row) {
        ports::LedgerVisitor::Spawn spawn;
        spawn.spawn = row.natural(0, 0);
        spawn.world = static_cast<model::WorldId>(row.integer(0, 1));
        spawn.tile = row.tile(0, 2);
        spawn.budget = static_cast<std::uint32_t>(row.integer(0, 3));
        spawn.remaining = row.integer(0, 4);
        spawn.sold_out = row.truth(0, 5);
        visitor.on_spawn(spawn);
      }));
  HUNT_CHECK(connection.stream("SELECT spawn, budget, remaining FROM spawns_done",
                               [&visitor](const Rows& row) {
                                 ports::LedgerVisitor::Spawn spawn;
                                 spawn.spawn = row.natural(0, 0);
                                 spawn.budget = static_cast<std::uint32_t>(row.integer(0, 1));
                                 spawn.remaining = row.integer(0, 2);
                                 spawn.done = true;
                                 visitor.on_spawn(spawn);
                               }));
  return connection.stream("SELECT " HUNT_GRANT_COLUMNS " FROM grants g ORDER BY g.cursor",
                           [&visitor](const Rows& row) { visitor.on_grant(grant_row(row, 0)); });
}

Result<model::GrantsFound> find_grants(const PostgresUrl& url, const model::GrantSearch& search,
                                       Interrupt& interrupt) {
  HUNT_TRY(connection, begin_snapshot(url, interrupt));
  // By the index of the cursor, so that no more than the span is read, and on one core.
  HUNT_CHECK(connection.execute(
      "SET LOCAL enable_seqscan = off; SET LOCAL max_parallel_workers_per_gather = 0"));
  HUNT_TRY(ends, connection.query("SELECT coalesce(min(cursor), 1), coalesce(max(cursor), 0)"
                                  " FROM grants"));
  const auto time_at = [&connection](std::uint64_t cursor) -> Result<std::int64_t> {
    HUNT_TRY(rows, connection.query("SELECT at_us FROM grants WHERE cursor >= $1"
                                    " ORDER BY cursor LIMIT 1",
                                    Params().add(cursor)));
    return rows.size() == 0 ? std::numeric_limits<std::int64_t>::max() : rows.integer(0, 0);
  };
  HUNT_TRY(span, ports::span_of(search, ends.natural(0, 0), ends.natural(0, 1), time_at));
  ports::GrantFinder finder(search);
  const std::string whose = search.player
                                ? fmt::format("g.player = '{}'", model::format_uuid(*search.player))
                                : fmt::format("g.spawn = {}", search.spawn.value_or(0));
  HUNT_CHECK(connection.stream(
      fmt::format("SELECT " HUNT_GRANT_COLUMNS " FROM grants g"
                  " WHERE g.cursor BETWEEN {} AND {} AND {} ORDER BY g.cursor DESC",
                  span.first, span.last, whose),
      [&finder](const Rows& row) {
        if (model::Grant grant = grant_row(row, 0); finder.wants(grant)) {
          finder.take(std::move(grant));
        }
      }));
  std::int64_t back_to_us = search.from_us;
  if (span.cut) {
    HUNT_TRY(at_us, time_at(span.first));
    back_to_us = at_us;
  }
  return finder.found(back_to_us);
}

Result<std::vector<model::TableCount>> open_tables(const PostgresUrl& url,
                                                   std::optional<std::int64_t> test_now_us,
                                                   Interrupt& interrupt) {
  HUNT_TRY(connection, begin_snapshot(url, interrupt));
  HUNT_TRY(rows, connection.query(
                     "SELECT loot_table, count(*) FROM loot_tiles WHERE spawn <> 0 AND NOT sold_out"
                     " AND coalesce(closes_us > coalesce($1, now_us()), true)"
                     " GROUP BY loot_table ORDER BY loot_table COLLATE \"C\" LIMIT $2",
                     Params().add(test_now_us).add(std::uint64_t{limits::tables_counted_max})));
  std::vector<model::TableCount> all;
  for (int row = 0; row < rows.size(); ++row) {
    all.push_back({std::string(rows.text(row, 0)), rows.natural(row, 1)});
  }
  return all;
}

Result<model::WorldStats> world_stats(const PostgresUrl& url, model::WorldId world,
                                      std::optional<std::int64_t> test_now_us,
                                      CountedGrants& counted, Interrupt& interrupt) {
  HUNT_TRY(connection, open_for_long(url, interrupt));
  // Before the snapshot: see ledger_settled().
  HUNT_TRY(settled, connection.query("SELECT ledger_settled()"));
  HUNT_CHECK(connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  HUNT_TRY(known,
           connection.query("SELECT coalesce($2, now_us()) FROM worlds WHERE id = $1::bigint",
                            Params().add(world).add(test_now_us)));
  if (known.size() == 0) {
    return fail(Errc::not_found, fmt::format("there is no world {}", world), "world");
  }
  const std::int64_t now_us = known.integer(0, 0);
  HUNT_TRY(more, connection.query(
                     "SELECT world, count(*), count(*) FILTER (WHERE cursor <= $2) FROM grants"
                     " WHERE cursor > $1 AND outcome = 'granted' GROUP BY world",
                     Params().add(counted.to).add(settled.natural(0, 0))));
  model::WorldStats stats;
  stats.grants = counted.by_world[world];
  for (int row = 0; row < more.size(); ++row) {
    const auto of = static_cast<model::WorldId>(more.integer(row, 0));
    if (of == world) stats.grants += more.natural(row, 1);
    counted.by_world[of] += more.natural(row, 2);
  }
  counted.to = std::max(counted.to, settled.natural(0, 0));
  HUNT_CHECK(connection.stream(
      fmt::format("SELECT " HUNT_TILE_COLUMNS ", s.remaining"
                  " FROM loot_tiles t JOIN stock s USING (spawn) WHERE t.world = {}",
                  world),
      [&stats, now_us](const Rows& row) {
        const model::TileRow tile = tile_row(row, 0, 0);
        widen(stats.bounds, model::tile_of(tile.tile), stats.tiles == 0);
        ++stats.tiles;
        stats.sold_out += tile.sold_out ? 1 : 0;
        stats.open += !tile.sold_out && tile.window().holds(now_us) ? 1 : 0;
        stats.budget += tile.budget;
        stats.remaining += row.natural(0, 9);
      }));
  return stats;
}

}  // namespace hunt::postgres
