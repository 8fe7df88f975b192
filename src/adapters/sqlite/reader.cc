#include "adapters/sqlite/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "adapters/sqlite/rows.h"
#include "model/limits.h"
#include "model/zorder.h"
#include "ports/grant_finder.h"

namespace hunt::sqlite {
namespace {

// Rows outside of the rectangle in a row before a fresh seek is cheaper than reading on. A guess.
constexpr int misses_before_seek = 32;

void widen(model::TileRect& bounds, model::Tile tile, bool first) {
  if (first) bounds = {tile, tile};
  bounds.low.x = std::min(bounds.low.x, tile.x);
  bounds.low.y = std::min(bounds.low.y, tile.y);
  bounds.high.x = std::max(bounds.high.x, tile.x);
  bounds.high.y = std::max(bounds.high.y, tile.y);
}

}  // namespace

Reader::Reader(Connection& connection, const ports::Clock& clock)
    : connection_(connection),
      clock_(clock),
      world_(connection, "SELECT 1 FROM worlds WHERE id = ?1"),
      grant_(connection, "SELECT " HUNT_GRANT_COLUMNS " FROM grants g WHERE g.claim_id = ?1"),
      grants_(connection,
              "SELECT " HUNT_GRANT_COLUMNS " FROM grants g WHERE g.seq > ?1 ORDER BY g.seq"),
      grant_ends_(connection, "SELECT coalesce(min(seq), 1), coalesce(max(seq), 0) FROM grants"),
      grant_time_(connection, "SELECT at_us FROM grants WHERE seq >= ?1 ORDER BY seq LIMIT 1"),
      grants_of_player_(connection, "SELECT " HUNT_GRANT_COLUMNS
                                    " FROM grants g WHERE g.seq BETWEEN ?1 AND ?2 AND g.player = ?3"
                                    " ORDER BY g.seq DESC"),
      grants_of_spawn_(connection, "SELECT " HUNT_GRANT_COLUMNS
                                   " FROM grants g WHERE g.seq BETWEEN ?1 AND ?2 AND g.spawn = ?3"
                                   " ORDER BY g.seq DESC"),
      tiles_(connection, "SELECT " HUNT_TILE_COLUMNS
                         " FROM loot_tiles t WHERE t.world = ?1 AND t.tile_id BETWEEN ?2 AND ?3"
                         " ORDER BY t.tile_id"),
      worlds_(connection, "SELECT id, name FROM worlds ORDER BY id"),
      stock_of_tiles_(connection,
                      "SELECT " HUNT_TILE_COLUMNS
                      ", s.remaining FROM loot_tiles t JOIN stock s ON s.spawn = t.spawn"
                      " WHERE t.world = ?1"),
      grant_counts_(connection,
                    "SELECT world, sum(outcome = 'granted'), max(seq) FROM grants WHERE seq > ?1"
                    " GROUP BY world"),
      open_tables_(connection,
                   "SELECT loot_table FROM loot_tiles WHERE spawn <> 0 AND sold_out = 0"
                   " AND (closes_us IS NULL OR closes_us > ?1)"),
      open_spawns_(connection,
                   "SELECT t.spawn, t.world, t.tile_id, t.budget, coalesce(s.remaining, -1),"
                   " t.sold_out FROM loot_tiles t LEFT JOIN stock s ON s.spawn = t.spawn"
                   " WHERE t.spawn <> 0"),
      done_spawns_(connection, "SELECT spawn, world, tile_id, budget, remaining FROM spawns_done"),
      lone_stock_(connection,
                  "SELECT spawn, remaining FROM stock s WHERE NOT EXISTS"
                  " (SELECT 1 FROM loot_tiles t WHERE t.spawn = s.spawn AND t.spawn <> 0)"),
      ledger_(connection, "SELECT " HUNT_GRANT_COLUMNS " FROM grants g ORDER BY g.seq"),
      info_(connection,
            "SELECT shard, epoch, seed_id, (SELECT coalesce(max(seq), 0) FROM grants), hunt_id,"
            " coalesce(hunt_name, ''), ledger_id, told_grant FROM meta"),
      secrets_(connection, "SELECT s.seed, m.hunt_key FROM meta m JOIN seeds s USING (seed_id)") {}

Result<void> Reader::require_world(model::WorldId world) {
  Cursor row = world_.bind(world);
  HUNT_TRY(present, row.step());
  if (present) return {};
  return fail(Errc::not_found, fmt::format("there is no world {}", world), "world");
}

Result<std::optional<model::Grant>> Reader::find_grant(model::ClaimId claim) {
  Cursor row = grant_.bind(claim);
  HUNT_TRY(present, row.step());
  if (!present) return std::optional<model::Grant>{};
  return std::optional<model::Grant>{grant_row(row)};
}

Result<model::GrantPage> Reader::grants_after(std::uint64_t cursor, std::uint32_t limit) {
  const std::size_t count_max = std::min<std::size_t>(limit, limits::grants_per_page_max);
  model::GrantPage page;
  page.next = cursor;
  Cursor row = grants_.bind(cursor);
  while (page.grants.size() < count_max) {
    HUNT_TRY(present, row.step());
    if (!present) break;
    model::Grant grant = grant_row(row);
    page.next = grant.cursor;  // past aborted rows too
    if (!grant.aborted) page.grants.push_back(std::move(grant));
  }
  return page;
}

Result<std::int64_t> Reader::grant_time(std::uint64_t cursor) {
  Cursor row = grant_time_.bind(cursor);
  HUNT_TRY(present, row.step());
  return present ? row.integer(0) : std::numeric_limits<std::int64_t>::max();
}

Result<model::GrantsFound> Reader::find_grants(const model::GrantSearch& search) {
  HUNT_TRY(snapshot, Snapshot::begin(connection_));
  std::uint64_t low = 1;
  std::uint64_t high = 0;
  {
    Cursor ends = grant_ends_.bind();
    HUNT_TRY(present, ends.step());
    HUNT_ASSERT(present);
    low = ends.natural(0);
    high = ends.natural(1);
  }
  const auto time_at = [this](std::uint64_t cursor) { return grant_time(cursor); };
  HUNT_TRY(span, ports::span_of(search, low, high, time_at));
  ports::GrantFinder finder(search);
  const auto& player = search.player;
  Cursor row = player ? grants_of_player_.bind(span.first, span.last, *player)
                      : grants_of_spawn_.bind(span.first, span.last, search.spawn.value_or(0));
  for (;;) {
    HUNT_TRY(present, row.step());
    if (!present) break;
    if (model::Grant grant = grant_row(row); finder.wants(grant)) finder.take(std::move(grant));
  }
  std::int64_t back_to_us = search.from_us;
  if (span.cut) {
    HUNT_TRY(at_us, grant_time(span.first));
    back_to_us = at_us;
  }
  return finder.found(back_to_us);
}

Result<model::TilePage> Reader::list_tiles(model::WorldId world, const model::TileRect& rect,
                                           model::TileId from, std::uint32_t limit) {
  HUNT_TRY(snapshot, Snapshot::begin(connection_));
  HUNT_CHECK(require_world(world));
  const std::size_t count_max = std::clamp<std::size_t>(limit, 1, limits::tiles_per_page_max);
  const model::TileId last = model::tile_id_of(rect.high);
  model::TilePage page;
  std::optional<model::TileId> seek = model::next_in_rect(from, rect);
  while (seek) {
    Cursor row = tiles_.bind(world, *seek, last);
    int misses = 0;
    seek.reset();
    while (!seek) {
      HUNT_TRY(present, row.step());
      if (!present) return page;
      const model::TileId tile = row.tile(0);
      if (!rect.contains(model::tile_of(tile))) {
        if (++misses < misses_before_seek) continue;
        seek = model::next_in_rect(tile, rect);
        if (!seek) return page;
      } else if (row.natural(2) != 0) {
        misses = 0;
        if (page.rows.size() == count_max) {
          page.next = tile;
          return page;
        }
        page.rows.push_back(tile_row(row));
      }
    }
  }
  return page;
}

Result<std::vector<model::World>> Reader::worlds() {
  std::vector<model::World> all;
  Cursor row = worlds_.bind();
  for (;;) {
    HUNT_TRY(present, row.step());
    if (!present) return all;
    all.push_back({static_cast<model::WorldId>(row.integer(0)), row.text(1)});
  }
}

Result<model::WorldStats> Reader::world_stats(model::WorldId world) {
  HUNT_TRY(snapshot, Snapshot::begin(connection_));
  HUNT_CHECK(require_world(world));
  const std::int64_t now_us = clock_.wall_us();
  model::WorldStats stats;
  {
    Cursor row = stock_of_tiles_.bind(world);
    for (;;) {
      HUNT_TRY(present, row.step());
      if (!present) break;
      const model::TileRow tile = tile_row(row);
      widen(stats.bounds, model::tile_of(tile.tile), stats.tiles == 0);
      ++stats.tiles;
      stats.sold_out += tile.sold_out ? 1 : 0;
      stats.open += !tile.sold_out && tile.window().holds(now_us) ? 1 : 0;
      stats.budget += tile.budget;
      stats.remaining += row.natural(9);
    }
  }
  HUNT_CHECK(count_grants());
  stats.grants = granted_[world];
  return stats;
}

Result<void> Reader::count_grants() {
  std::uint64_t end = counted_to_;
  std::vector<std::pair<model::WorldId, std::uint64_t>> more;
  Cursor row = grant_counts_.bind(counted_to_);
  for (;;) {
    HUNT_TRY(present, row.step());
    if (!present) break;
    more.emplace_back(static_cast<model::WorldId>(row.integer(0)), row.natural(1));
    end = std::max(end, row.natural(2));
  }
  for (const auto& [world, count] : more) granted_[world] += count;
  counted_to_ = end;
  return {};
}

Result<std::vector<model::TableCount>> Reader::open_tables() {
  std::map<std::string, std::uint64_t> counts;
  Cursor row = open_tables_.bind(clock_.wall_us());
  for (;;) {
    HUNT_TRY(present, row.step());
    if (!present) break;
    std::string table = row.text(0);
    if (counts.size() < limits::tables_counted_max || counts.contains(table)) {
      ++counts[std::move(table)];
    }
  }
  std::vector<model::TableCount> all;
  for (auto& [table, spawns] : counts) all.push_back({table, spawns});
  return all;
}

Result<void> Reader::read_spawns(ports::LedgerVisitor& visitor) {
  using Spawn = ports::LedgerVisitor::Spawn;
  const auto each = [&visitor](Cursor row, auto spawn_of) -> Result<void> {
    for (;;) {
      HUNT_TRY(present, row.step());
      if (!present) return {};
      visitor.on_spawn(spawn_of(row));
    }
  };
  HUNT_CHECK(each(open_spawns_.bind(), [](Cursor& row) {
    Spawn spawn;
    spawn.spawn = row.natural(0);
    spawn.world = static_cast<model::WorldId>(row.integer(1));
    spawn.tile = row.tile(2);
    spawn.budget = static_cast<std::uint32_t>(row.integer(3));
    spawn.remaining = row.integer(4);
    spawn.sold_out = row.integer(5) != 0;
    return spawn;
  }));
  HUNT_CHECK(each(done_spawns_.bind(), [](Cursor& row) {
    Spawn spawn;
    spawn.spawn = row.natural(0);
    spawn.world = static_cast<model::WorldId>(row.integer(1));
    spawn.tile = row.tile(2);
    spawn.budget = static_cast<std::uint32_t>(row.integer(3));
    spawn.remaining = row.integer(4);
    spawn.done = true;
    return spawn;
  }));
  return each(lone_stock_.bind(), [](Cursor& row) {
    Spawn spawn;
    spawn.spawn = row.natural(0);
    spawn.remaining = row.integer(1);
    spawn.budget = static_cast<std::uint32_t>(spawn.remaining);
    return spawn;
  });
}

Result<void> Reader::read_ledger(ports::LedgerVisitor& visitor) {
  HUNT_TRY(snapshot, Snapshot::begin(connection_));
  HUNT_CHECK(read_spawns(visitor));
  Cursor row = ledger_.bind();
  for (;;) {
    HUNT_TRY(present, row.step());
    if (!present) return {};
    visitor.on_grant(grant_row(row));
  }
}

Result<ports::StoreInfo> Reader::info() {
  Cursor row = info_.bind();
  HUNT_TRY(present, row.step());
  if (!present) return tl::unexpected<Error>(lost_identity());
  ports::StoreInfo info;
  info.shard = static_cast<std::uint32_t>(row.integer(0));
  info.epoch = row.natural(1);
  info.seed = row.natural(2);
  info.ledger_end = row.natural(3);
  info.hunt = {row.id(4), row.text(5)};
  info.ledger = row.id(6);
  if (!row.is_null(7)) info.told = row.natural(7);
  return info;
}

Result<ports::StoreSecrets> Reader::secrets() {
  Cursor row = secrets_.bind();
  HUNT_TRY(present, row.step());
  ports::StoreSecrets secrets;
  if (!present || row.bytes(1).size() != secrets.hunt_key.size()) {
    return tl::unexpected<Error>(lost_identity());
  }
  const Bytes seed = row.bytes(0);
  const Bytes key = row.bytes(1);
  secrets.seed_bytes.assign(seed.begin(), seed.end());
  std::copy(key.begin(), key.end(), secrets.hunt_key.begin());
  return secrets;
}

Error Reader::lost_identity() const {
  return {Errc::corrupt,
          fmt::format("{} has lost its identity (table meta); restore it from a backup",
                      connection_.path()),
          {}};
}

}  // namespace hunt::sqlite
