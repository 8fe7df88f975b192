#include "adapters/postgres/ledger_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "adapters/postgres/rows.h"
#include "model/limits.h"
#include "ports/grant_finder.h"

namespace hunt::postgres {
namespace {

void widen(model::TileRect& bounds, model::Tile tile, bool first) {
  if (first) bounds = {tile, tile};
  bounds.low.x = std::min(bounds.low.x, tile.x);
  bounds.low.y = std::min(bounds.low.y, tile.y);
  bounds.high.x = std::max(bounds.high.x, tile.x);
  bounds.high.y = std::max(bounds.high.y, tile.y);
}

}  // namespace

Result<void> read_ledger(Conversation& talk, ports::LedgerVisitor& visitor) {
  HUNT_CHECK(talk.begin_snapshot());
  HUNT_CHECK(talk.stream(
      "SELECT t.spawn, t.world, t.tile_id, t.budget, coalesce(s.remaining, -1), t.sold_out"
      " FROM loot_tiles t LEFT JOIN stock s USING (spawn) WHERE t.spawn <> 0",
      [&visitor](const Rows& rows, int row) {
        ports::LedgerVisitor::Spawn spawn;
        spawn.spawn = rows.natural(row, 0);
        spawn.world = static_cast<model::WorldId>(rows.integer(row, 1));
        spawn.tile = rows.tile(row, 2);
        spawn.budget = static_cast<std::uint32_t>(rows.integer(row, 3));
        spawn.remaining = rows.integer(row, 4);
        spawn.sold_out = rows.truth(row, 5);
        visitor.on_spawn(spawn);
      }));
  HUNT_CHECK(talk.stream("SELECT spawn, world, tile_id, budget, remaining FROM spawns_done",
                         [&visitor](const Rows& rows, int row) {
                           ports::LedgerVisitor::Spawn spawn;
                           spawn.spawn = rows.natural(row, 0);
                           spawn.world = static_cast<model::WorldId>(rows.integer(row, 1));
                           spawn.tile = rows.tile(row, 2);
                           spawn.budget = static_cast<std::uint32_t>(rows.integer(row, 3));
                           spawn.remaining = rows.integer(row, 4);
                           spawn.done = true;
                           visitor.on_spawn(spawn);
                         }));
  HUNT_CHECK(
      talk.stream("SELECT s.spawn, s.remaining FROM stock s WHERE NOT EXISTS"
                  " (SELECT FROM loot_tiles t WHERE t.spawn = s.spawn AND t.spawn <> 0)",
                  [&visitor](const Rows& rows, int row) {
                    ports::LedgerVisitor::Spawn spawn;
                    spawn.spawn = rows.natural(row, 0);
                    spawn.remaining = rows.integer(row, 1);
                    spawn.budget = static_cast<std::uint32_t>(spawn.remaining);
                    visitor.on_spawn(spawn);
                  }));
  return talk.stream(
      "SELECT " HUNT_GRANT_COLUMNS " FROM grants g ORDER BY g.cursor",
      [&visitor](const Rows& rows, int row) { visitor.on_grant(grant_row(rows, row)); });
}

Result<model::GrantsFound> find_grants(Conversation& talk, const model::GrantSearch& search) {
  HUNT_CHECK(talk.begin_snapshot());
  // By the index of the cursor, so that no more than the span is read, and on one core.
  HUNT_CHECK(talk.query("SET LOCAL enable_seqscan = off"));
  HUNT_CHECK(talk.query("SET LOCAL max_parallel_workers_per_gather = 0"));
  HUNT_TRY(ends, talk.query("SELECT coalesce(min(cursor), 1), coalesce(max(cursor), 0)"
                            " FROM grants"));
  const auto time_at = [&talk](std::uint64_t cursor) -> Result<std::int64_t> {
    HUNT_TRY(rows, talk.query("SELECT at_us FROM grants WHERE cursor >= $1"
                              " ORDER BY cursor LIMIT 1",
                              Params().add(cursor)));
    return rows.size() == 0 ? std::numeric_limits<std::int64_t>::max() : rows.integer(0, 0);
  };
  HUNT_TRY(span, ports::span_of(search, ends.natural(0, 0), ends.natural(0, 1), time_at));
  ports::GrantFinder finder(search);
  const std::string whose = search.player
                                ? fmt::format("g.player = '{}'", model::format_uuid(*search.player))
                                : fmt::format("g.spawn = {}", search.spawn.value_or(0));
  HUNT_CHECK(
      talk.stream(fmt::format("SELECT " HUNT_GRANT_COLUMNS " FROM grants g"
                              " WHERE g.cursor BETWEEN {} AND {} AND {} ORDER BY g.cursor DESC",
                              span.first, span.last, whose),
                  [&finder](const Rows& rows, int row) {
                    if (model::Grant grant = grant_row(rows, row); finder.wants(grant)) {
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

Result<std::vector<model::TableCount>> open_tables(Conversation& talk,
                                                   std::optional<std::int64_t> test_now_us) {
  HUNT_TRY(rows, talk.query(
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

Result<model::WorldStats> world_stats(Conversation& talk, model::WorldId world,
                                      std::optional<std::int64_t> test_now_us,
                                      CountedGrants& counted) {
  // Before the snapshot: see ledger_settled().
  HUNT_TRY(settled, talk.query("SELECT ledger_settled()"));
  HUNT_CHECK(talk.begin_snapshot());
  HUNT_TRY(known, talk.query("SELECT coalesce($2, now_us()) FROM worlds WHERE id = $1::bigint",
                             Params().add(world).add(test_now_us)));
  if (known.size() == 0) {
    return fail(Errc::not_found, fmt::format("there is no world {}", world), "world");
  }
  const std::int64_t now_us = known.integer(0, 0);
  HUNT_TRY(more,
           talk.query("SELECT world, count(*), count(*) FILTER (WHERE cursor <= $2) FROM grants"
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
  HUNT_CHECK(
      talk.stream(fmt::format("SELECT " HUNT_TILE_COLUMNS ", s.remaining"
                              " FROM loot_tiles t JOIN stock s USING (spawn) WHERE t.world = {}",
                              world),
                  [&stats, now_us](const Rows& rows, int row) {
                    const model::TileRow tile = tile_row(rows, row, 0);
                    widen(stats.bounds, model::tile_of(tile.tile), stats.tiles == 0);
                    ++stats.tiles;
                    stats.sold_out += tile.sold_out ? 1 : 0;
                    stats.open += !tile.sold_out && tile.window().holds(now_us) ? 1 : 0;
                    stats.budget += tile.budget;
                    stats.remaining += rows.natural(row, 9);
                  }));
  return stats;
}

}  // namespace hunt::postgres
