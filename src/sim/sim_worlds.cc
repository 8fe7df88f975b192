// The worlds of SimStore and their loot.
#include <algorithm>

#include "model/limits.h"
#include "ports/store_checks.h"
#include "sim/sim_store.h"

namespace hunt::sim {

boost::asio::awaitable<Result<std::vector<model::Buried>>> SimStore::bury(
    model::WorldId world, std::vector<model::Burial> burials) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  if (!worlds_.contains(world)) co_return fail(Errc::not_found, "there is no such world", "world");
  if (burials.size() > limits::tiles_per_request_max)
    co_return fail(Errc::too_large, "too many tiles");
  for (const auto& burial : burials) {
    if (burial.budget < 1 || burial.budget > limits::budget_max || burial.table.empty()) {
      co_return fail(Errc::invalid_argument, "a burial needs a table and a budget", "tiles");
    }
    if (owns({world, model::tile_id_of(burial.tile)})) continue;
    co_return fail(Errc::moved, "the tile's range belongs to another shard now", "tiles");
  }
  std::vector<model::Buried> out;
  for (const auto& burial : burials) {
    const auto key = keys_.find({world, burial.key});
    if (!burial.key.empty() && key != keys_.end()) {
      out.push_back({burial.tile, key->second, true});
      continue;
    }
    const model::SpawnId spawn = place(world, burial);
    if (!burial.key.empty()) keys_[{world, burial.key}] = spawn;
    out.push_back({burial.tile, spawn, false});
  }
  co_return out;
}

boost::asio::awaitable<Result<std::uint64_t>> SimStore::close_tiles(
    model::WorldId world, std::vector<model::Tile> tiles) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  std::uint64_t closed = 0;
  for (const auto& tile : tiles) {
    const auto at = tiles_.find({world, model::tile_id_of(tile)});
    const std::int64_t now_us = clock_.wall_us();
    if (at == tiles_.end() || at->second.spawn == 0 || at->second.closes_us <= now_us) continue;
    at->second.closes_us = now_us;
    changed(at->first);
    ++closed;
  }
  co_return closed;
}

boost::asio::awaitable<Result<model::TilePage>> SimStore::list_tiles(model::WorldId world,
                                                                     model::TileRect rect,
                                                                     model::TileId from,
                                                                     std::uint32_t limit) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  model::TilePage page;
  for (auto at = tiles_.lower_bound({world, from}); at != tiles_.end(); ++at) {
    if (at->first.first != world) break;
    if (at->second.spawn == 0 || !rect.contains(model::tile_of(at->first.second))) continue;
    if (page.rows.size() == limit) {
      page.next = at->first.second;
      break;
    }
    page.rows.push_back(at->second);
  }
  co_return page;
}

boost::asio::awaitable<Result<std::optional<model::Grant>>> SimStore::find_grant(
    model::ClaimId claim) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  const auto known = by_claim_.find(claim);
  if (known == by_claim_.end()) co_return std::optional<model::Grant>{};
  co_return std::optional<model::Grant>(ledger_[known->second]);
}

boost::asio::awaitable<Result<std::vector<model::World>>> SimStore::worlds() {
  HUNT_CO_CHECK(co_await enter(Call::other));
  std::vector<model::World> out;
  for (const auto& [id, name] : worlds_) out.push_back({id, name});
  co_return out;
}

boost::asio::awaitable<Result<model::World>> SimStore::create_world(model::WorldId id,
                                                                    std::string name) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  if (name.empty() || name.size() > limits::name_bytes_max) {
    co_return fail(Errc::invalid_argument, "a world's name has 1 to 64 bytes", "name");
  }
  for (const auto& [known, known_name] : worlds_) {
    if (known_name == name && (id == 0 || id == known)) co_return model::World{known, name};
    if (known_name == name || known == id) {
      co_return fail(Errc::already_exists, "another world has this id or name", "world");
    }
  }
  if (id == 0 && worlds_.rbegin()->first == UINT32_MAX) {
    co_return fail(Errc::too_large, "no world id is left", "world");
  }
  if (id == 0) id = worlds_.rbegin()->first + 1;
  worlds_[id] = name;
  co_return model::World{id, std::move(name)};
}

boost::asio::awaitable<Result<model::WorldStats>> SimStore::world_stats(model::WorldId world) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  if (!worlds_.contains(world)) co_return fail(Errc::not_found, "there is no such world", "world");
  model::WorldStats stats;
  for (const auto& [key, row] : tiles_) {
    if (key.first != world || row.spawn == 0) continue;
    const model::Tile tile = model::tile_of(key.second);
    if (stats.tiles == 0) stats.bounds = {tile, tile};
    stats.bounds.low = {std::min(stats.bounds.low.x, tile.x), std::min(stats.bounds.low.y, tile.y)};
    stats.bounds.high = {std::max(stats.bounds.high.x, tile.x),
                         std::max(stats.bounds.high.y, tile.y)};
    ++stats.tiles;
    if (row.sold_out) ++stats.sold_out;
    if (!row.sold_out && row.window().holds(clock_.wall_us())) ++stats.open;
    stats.budget += row.budget;
    stats.remaining += static_cast<std::uint64_t>(stock_.at(row.spawn).remaining);
  }
  for (const auto& grant : ledger_) {
    if (grant.world == world && !grant.aborted) ++stats.grants;
  }
  co_return stats;
}

boost::asio::awaitable<Result<model::RulesTimeline>> SimStore::rules_timeline() {
  HUNT_CO_CHECK(co_await enter(Call::other));
  co_return rules_;
}

boost::asio::awaitable<Result<model::RulesFiles>> SimStore::rules_files(std::string version) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  const auto found = rules_files_.find(version);
  if (found == rules_files_.end()) co_return tl::unexpected<Error>(ports::no_files_of(version));
  co_return found->second;
}

boost::asio::awaitable<Result<void>> SimStore::set_rules_timeline(
    model::RulesTimeline timeline, std::vector<model::RulesOf> sets) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  HUNT_CO_CHECK(ports::check_next(rules_.seq, timeline));
  std::map<std::string, model::RulesFiles> all = rules_files_;
  for (auto& set : sets) all[set.version] = std::move(set.files);
  std::map<std::string, model::RulesFiles> named;
  for (const auto& turn : timeline.turns) {
    const auto found = all.find(turn.version);
    if (found == all.end()) co_return tl::unexpected<Error>(ports::no_files_of(turn.version));
    named[turn.version] = found->second;
  }
  rules_ = std::move(timeline);
  rules_files_ = std::move(named);
  if (on_rules_) on_rules_(rules_);
  co_return Result<void>{};
}

}  // namespace hunt::sim
