#include "adapters/sqlite/grant_ledger.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace hunt::sqlite {

GrantLedger::GrantLedger(Connection& connection, const ports::Clock& clock)
    : clock_(clock),
      ranges_(connection),
      finder_(connection),
      rules_(connection),
      tile_(connection,
            "SELECT t.spawn, t.opens_us, t.closes_us, t.buried_at_us, s.remaining"
            " FROM loot_tiles t LEFT JOIN stock s ON s.spawn = t.spawn"
            " WHERE t.world = ?1 AND t.tile_id = ?2"),
      insert_(connection,
              "INSERT INTO grants (claim_id, outcome, world, tile_id, spawn, player, item, rules,"
              " seed_id, as_of_us, at_us)"
              " VALUES (?1, 'granted', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
      take_(connection, "UPDATE stock SET remaining = remaining - ?2 WHERE spawn = ?1"),
      sell_out_(connection,
                "UPDATE loot_tiles SET sold_out = 1"
                " WHERE world = ?1 AND tile_id = ?2 AND sold_out = 0") {}

Result<model::GrantCall> GrantLedger::grant(const std::vector<model::Claim>& claims,
                                            std::int64_t asked_ns) {
  const std::int64_t begun_ns = clock_.now_ns();
  const std::int64_t now_us = clock_.wall_us();
  model::GrantCall call;
  call.verdicts.resize(claims.size());
  HUNT_TRY(rules, rules_.fence());

  // Tile by tile, as every store locks them; within a tile in the order of arrival.
  std::vector<std::size_t> order(claims.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto place = [&claims](std::size_t i) {
    return std::tuple(claims[i].world, claims[i].tile.value);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&place](std::size_t a, std::size_t b) { return place(a) < place(b); });
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first + 1;
    while (last < order.size() && place(order[last]) == place(order[first])) ++last;
    const auto same_tile = std::span<const std::size_t>(order).subspan(first, last - first);
    HUNT_CHECK(grant_on_tile(claims, same_tile, rules, now_us, call.verdicts));
    first = last;
  }
  call.times.lock_us = std::max<std::int64_t>(0, begun_ns - asked_ns) / 1'000;
  call.times.exec_us = (clock_.now_ns() - begun_ns) / 1'000;
  return call;
}

Result<void> GrantLedger::grant_on_tile(const std::vector<model::Claim>& claims,
                                        std::span<const std::size_t> order,
                                        const model::RulesTimeline& rules, std::int64_t now_us,
                                        std::vector<model::ClaimVerdict>& verdicts) {
  const model::WorldId world = claims[order.front()].world;
  const model::TileId tile_id = claims[order.front()].tile;
  HUNT_TRY(tile, read_tile(world, tile_id));
  const std::int64_t before = tile.remaining;
  for (const std::size_t i : order) {
    const model::Claim& claim = claims[i];
    HUNT_TRY(known, finder_.find(claim.id));
    verdicts[i] = model::grant(claim, known, tile, rules, now_us);
    if (!verdicts[i].is_new()) continue;
    HUNT_CHECK(insert_
                   .bind(claim.id, claim.world, claim.tile, claim.spawn, claim.player, claim.reward,
                         claim.rules, claim.seed, claim.judged_at_us(now_us), now_us)
                   .run());
  }
  const std::int64_t taken = before - tile.remaining;
  if (taken == 0) return {};
  return take(claims[order.front()], tile, taken);
}

Result<model::TileStock> GrantLedger::read_tile(model::WorldId world, model::TileId tile) {
  model::TileStock stock;
  HUNT_TRY(owned, ranges_.owned(world, tile));
  stock.owned = owned;
  Cursor row = tile_.bind(world, tile);
  HUNT_TRY(present, row.step());
  if (!present) return stock;
  stock.spawn = row.natural(0);
  model::TileRow times;
  if (!row.is_null(1)) times.opens_us = row.integer(1);
  if (!row.is_null(2)) times.closes_us = row.integer(2);
  times.buried_at_us = row.integer(3);
  stock.window = times.window();
  stock.remaining = row.integer(4);
  return stock;
}

Result<void> GrantLedger::take(const model::Claim& claim, const model::TileStock& tile,
                               std::int64_t taken) {
  HUNT_CHECK(take_.bind(tile.spawn, taken).run());
  if (tile.remaining > 0) return {};
  return sell_out_.bind(claim.world, claim.tile).run();
}

}  // namespace hunt::sqlite
