#include "adapters/sqlite/grant_ledger.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "model/spawn.h"

namespace hunt::sqlite {
namespace {

// A stream's timestamp comes from another machine's clock; further ahead than this it is wrong.
constexpr std::int64_t as_of_ahead_us_max = 1'000'000;

}  // namespace

GrantLedger::GrantLedger(Connection& connection, const ports::Clock& clock)
    : clock_(clock),
      ranges_(connection),
      tile_(connection,
            "SELECT t.spawn, t.opens_us, t.closes_us, t.buried_at_us, s.remaining"
            " FROM loot_tiles t LEFT JOIN stock s ON s.spawn = t.spawn"
            " WHERE t.world = ?1 AND t.tile_id = ?2"),
      find_(connection, "SELECT outcome, item, rules FROM grants WHERE claim_id = ?1"),
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
    HUNT_CHECK(grant_on_tile(claims, same_tile, now_us, call.verdicts));
    first = last;
  }
  call.lock_us = std::max<std::int64_t>(0, begun_ns - asked_ns) / 1'000;
  call.exec_us = (clock_.now_ns() - begun_ns) / 1'000;
  return call;
}

Result<void> GrantLedger::grant_on_tile(const std::vector<model::Claim>& claims,
                                        std::span<const std::size_t> order, std::int64_t now_us,
                                        std::vector<model::ClaimVerdict>& verdicts) {
  const model::WorldId world = claims[order.front()].world;
  const model::TileId tile_id = claims[order.front()].tile;
  HUNT_TRY(owned, ranges_.owned(world, tile_id));
  HUNT_TRY(tile, read_tile(world, tile_id));
  std::int64_t taken = 0;
  for (const std::size_t i : order) {
    const model::Claim& claim = claims[i];
    model::ClaimVerdict& verdict = verdicts[i];
    verdict.id = claim.id;
    // What is in this ledger stays true here, whoever the tile's range belongs to by now.
    HUNT_TRY(known, find(claim, verdict));
    if (known) continue;
    if (!owned) {
      verdict.moved = true;
      continue;
    }
    verdict.outcome = judge(claim, tile, now_us);
    if (verdict.outcome != model::Outcome::granted) continue;
    const std::int64_t as_of_us = claim.as_of_us.value_or(now_us);
    HUNT_CHECK(insert_
                   .bind(claim.id, claim.world, claim.tile, claim.spawn, claim.player, claim.item,
                         claim.rules, claim.seed, as_of_us, now_us)
                   .run());
    verdict.item = claim.item;
    verdict.rules = claim.rules;
    --tile.remaining;
    ++taken;
  }
  if (taken == 0) return {};
  return take(claims[order.front()], tile, taken);
}

Result<GrantLedger::TileState> GrantLedger::read_tile(model::WorldId world, model::TileId tile) {
  TileState state;
  Cursor row = tile_.bind(world, tile);
  HUNT_TRY(present, row.step());
  if (!present) return state;
  state.spawn = row.natural(0);
  state.opens_us = row.is_null(1) ? model::time_us_min : row.integer(1);
  state.closes_us = row.is_null(2) ? model::time_us_max : row.integer(2);
  state.buried_at_us = row.integer(3);
  state.remaining = row.integer(4);
  return state;
}

Result<bool> GrantLedger::find(const model::Claim& claim, model::ClaimVerdict& verdict) {
  Cursor row = find_.bind(claim.id);
  HUNT_TRY(present, row.step());
  if (!present) return false;
  if (row.text(0) == "aborted") {
    verdict.outcome = model::Outcome::expired;
    return true;
  }
  verdict.outcome = model::Outcome::granted;
  verdict.repeat = true;
  verdict.item = row.text(1);
  verdict.rules = row.text(2);
  return true;
}

model::Outcome GrantLedger::judge(const model::Claim& claim, const TileState& tile,
                                  std::int64_t now_us) {
  if (claim.spawn == 0 || claim.spawn != tile.spawn) return model::Outcome::nothing;
  const std::int64_t as_of_us = claim.as_of_us.value_or(now_us);
  const bool open = tile.opens_us <= as_of_us && tile.buried_at_us <= as_of_us &&
                    as_of_us < tile.closes_us && as_of_us - now_us <= as_of_ahead_us_max;
  if (!open) return model::Outcome::closed;
  return tile.remaining > 0 ? model::Outcome::granted : model::Outcome::sold_out;
}

Result<void> GrantLedger::take(const model::Claim& claim, const TileState& tile,
                               std::int64_t taken) {
  HUNT_CHECK(take_.bind(tile.spawn, taken).run());
  if (tile.remaining > 0) return {};
  return sell_out_.bind(claim.world, claim.tile).run();
}

}  // namespace hunt::sqlite
