#include "engine/ledger_check.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "model/limits.h"

namespace hunt::engine {
namespace {

std::string describe(const model::Grant& grant) {
  const model::Tile tile = model::tile_of(grant.tile);
  return fmt::format("claim {} (row {}, world {}, tile ({}, {}), spawn {}, player {})",
                     model::format_claim_id(grant.claim), grant.cursor, grant.world, tile.x, tile.y,
                     grant.spawn, model::format_uuid(grant.player));
}

}  // namespace

std::string_view name_of(LedgerRule rule) noexcept {
  constexpr std::string_view names[] = {
      "spawn_once",      "stock_in_bounds", "conserved",     "sold_out_true",
      "grant_has_spawn", "claim_id_true",   "claim_once",    "player_once_per_spawn",
      "cursor_rises",    "told_is_granted", "told_one_item", "grant_told",
      "grant_asked",     "item_true",       "accepted_told", "version_rises",
      "stale_bounded",   "refusal_true",    "win_for_ever",  "as_of_true",
      "copy_in_time",    "rules_in_time",   "reach_true",    "rules_agree",
      "stop_holds",      "revision_rises",  "rules_due",     "grant_in_place",
      "stock_has_tile",  "world_exists",    "as_of_in_time"};
  return names[static_cast<std::size_t>(rule)];
}

void LedgerCheck::violated(LedgerRule rule, std::string sentence) {
  ++report_.violation_count;
  if (report_.violations.size() < violations_kept_max) {
    report_.violations.push_back({rule, std::move(sentence)});
  }
}

void LedgerCheck::on_spawn(const LedgerSpawn& spawn) {
  ++report_.spawns;
  Account account;
  account.budget = spawn.budget;
  account.remaining = spawn.remaining;
  account.world = spawn.world;
  account.tile = spawn.tile;
  if (!accounts_.emplace(spawn.spawn, account).second) {
    return violated(LedgerRule::spawn_once,
                    fmt::format("spawn {} stands for more than one burial", spawn.spawn));
  }
  order_.push_back(spawn.spawn);
  if (spawn.unplaced) {
    return violated(LedgerRule::stock_has_tile,
                    fmt::format("the stock of spawn {}, {} remaining, is of no tile", spawn.spawn,
                                spawn.remaining));
  }
  if (spawn.remaining < 0 || spawn.remaining > spawn.budget) {
    violated(LedgerRule::stock_in_bounds, fmt::format("spawn {} has {} remaining of a budget of {}",
                                                      spawn.spawn, spawn.remaining, spawn.budget));
  }
  if (!spawn.done && spawn.sold_out != (spawn.remaining == 0)) {
    violated(LedgerRule::sold_out_true,
             fmt::format("spawn {} {} sold out, but {} remain", spawn.spawn,
                         spawn.sold_out ? "says it is" : "does not say it is", spawn.remaining));
  }
}

void LedgerCheck::on_worlds(const std::vector<model::World>& worlds) {
  std::unordered_set<model::WorldId> known;
  for (const auto& world : worlds) known.insert(world.id);
  for (const model::SpawnId spawn : order_) {
    const Account& account = accounts_[spawn];
    if (account.world == 0 || known.contains(account.world)) continue;
    violated(LedgerRule::world_exists,
             fmt::format("spawn {} is of world {}, which does not exist", spawn, account.world));
  }
}

void LedgerCheck::on_grant(const model::Grant& grant) {
  if (grant.cursor <= last_cursor_) {
    violated(LedgerRule::cursor_rises,
             fmt::format("{} follows row {}", describe(grant), last_cursor_));
  }
  last_cursor_ = grant.cursor;
  check_identity(grant);
  if (grant.aborted) {
    ++report_.aborted;
    return;
  }
  ++report_.grants;
  Taker taker;
  taker.spawn = grant.spawn;
  taker.player = grant.player;
  if (!takers_.insert(taker).second) {
    violated(LedgerRule::player_once_per_spawn,
             fmt::format("{} is the player's second grant of this spawn", describe(grant)));
  }
  const auto account = accounts_.find(grant.spawn);
  if (account == accounts_.end()) {
    return violated(LedgerRule::grant_has_spawn,
                    fmt::format("{} is of a spawn that does not exist", describe(grant)));
  }
  ++account->second.granted;
  check_place(grant, account->second);
  check_time(grant);
}

// A row of loot_tiles cannot move, and a claim names the tile that the store then locks.
void LedgerCheck::check_place(const model::Grant& grant, const Account& account) {
  if (account.world == 0) return;
  if (grant.world == account.world && grant.tile == account.tile) return;
  const model::Tile tile = model::tile_of(account.tile);
  violated(LedgerRule::grant_in_place,
           fmt::format("{} is of a spawn that was buried in world {} at ({}, {})", describe(grant),
                       account.world, tile.x, tile.y));
}

void LedgerCheck::check_time(const model::Grant& grant) {
  constexpr std::int64_t ahead_us = limits::as_of_ahead_us_max;
  if (grant.at_us > INT64_MAX - ahead_us || grant.as_of_us <= grant.at_us + ahead_us) return;
  violated(LedgerRule::as_of_in_time,
           fmt::format("{} was judged as of {}, but written at {}", describe(grant),
                       format_time_us(grant.as_of_us), format_time_us(grant.at_us)));
}

void LedgerCheck::check_identity(const model::Grant& grant) {
  const auto expected = claim_ids_.of(grant.world, grant.tile, grant.spawn, grant.player);
  if (grant.claim != expected) {
    violated(LedgerRule::claim_id_true, fmt::format("{} should have the id {}", describe(grant),
                                                    model::format_claim_id(expected)));
  }
  if (!claims_.insert(grant.claim).second) {
    violated(LedgerRule::claim_once, fmt::format("{} is in the ledger twice", describe(grant)));
  }
}

LedgerReport LedgerCheck::finish() {
  for (const model::SpawnId spawn : order_) {
    const Account& account = accounts_[spawn];
    if (account.budget == account.remaining + account.granted) continue;
    violated(LedgerRule::conserved,
             fmt::format("spawn {}: budget {}, but {} remaining and {} granted make {}", spawn,
                         account.budget, account.remaining, account.granted,
                         account.remaining + account.granted));
  }
  return std::move(report_);
}

}  // namespace hunt::engine
