#include "service/shard_maps.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "model/limits.h"

namespace hunt::service {

namespace {

using boost::asio::awaitable;
using Stores = std::vector<ports::WorldStore*>;

// To each shard that is behind, in their order. A shard that has a newer one by now keeps it.
awaitable<Result<void>> spread_map(const Stores& stores, const model::ShardMap& map,
                                   std::vector<std::uint32_t> versions) {
  for (std::size_t shard = 0; shard < stores.size(); ++shard) {
    if (versions[shard] >= map.version) continue;
    auto set = co_await stores[shard]->set_shard_map(map);
    if (set || set.error().code == Errc::already_exists) continue;
    Error error = std::move(set).error();
    error.message = fmt::format("shard {} cannot take version {} of the shard map: {}", shard,
                                map.version, error.message);
    co_return tl::unexpected<Error>(std::move(error));
  }
  co_return Result<void>{};
}

struct Found {
  model::ShardMap newest;
  std::vector<std::uint32_t> versions;  // by shard
  [[nodiscard]] bool same() const {
    return std::all_of(versions.begin(), versions.end(),
                       [this](std::uint32_t version) { return version == newest.version; });
  }
};

awaitable<Result<Found>> read_maps(const Stores& stores) {
  Found found;
  found.newest.version = 0;
  for (ports::WorldStore* store : stores) {
    HUNT_CO_TRY(map, co_await store->shard_map());
    found.versions.push_back(map.version);
    // Of the same age: the one of the first shard, which decides.
    if (map.version > found.newest.version) found.newest = std::move(map);
  }
  co_return found;
}

// Shards that were added get the worlds, under their ids.
awaitable<Result<void>> share_worlds(const Stores& stores) {
  HUNT_CO_TRY(worlds, co_await stores[0]->worlds());
  for (std::size_t shard = 1; shard < stores.size(); ++shard) {
    for (const model::World& world : worlds) {
      HUNT_CO_CHECK(co_await stores[shard]->create_world(world.id, world.name));
    }
  }
  co_return Result<void>{};
}

Result<void> check_count(const model::ShardMap& map, std::size_t stores) {
  if (map.shards <= stores) return {};
  return fail(
      Errc::invalid_argument,
      fmt::format("the shard map is of {} shards, and there are only {} stores: name all of "
                  "them, in order, each with its own --store",
                  map.shards, stores),
      "store");
}

awaitable<Result<bool>> holds_loot(const Stores& stores) {
  for (ports::WorldStore* store : stores) {
    HUNT_CO_TRY(worlds, co_await store->worlds());
    for (const model::World& world : worlds) {
      HUNT_CO_TRY(stats, co_await store->world_stats(world.id));
      if (stats.tiles > 0) co_return true;
    }
  }
  co_return false;
}

// The first tile with a spawn in this store that the map gives to another one.
awaitable<Result<std::optional<model::TileId>>> first_given_away(ports::WorldStore* store,
                                                                 model::WorldId world,
                                                                 model::ShardId shard,
                                                                 const model::ShardMap& map) {
  std::optional<model::TileId> from = model::TileId{};
  while (from) {
    HUNT_CO_TRY(page, co_await store->list_tiles(world, model::everywhere, *from,
                                                 limits::tiles_per_page_max));
    for (const model::TileRow& row : page.rows) {
      if (map.shard_of(world, row.tile) != shard) co_return row.tile;
    }
    from = page.next;
  }
  co_return std::optional<model::TileId>{};
}

awaitable<Result<void>> check_nothing_moves(const Stores& stores, const model::ShardMap& map) {
  for (model::ShardId shard = 0; shard < stores.size(); ++shard) {
    HUNT_CO_TRY(worlds, co_await stores[shard]->worlds());
    for (const model::World& world : worlds) {
      HUNT_CO_TRY(moved, co_await first_given_away(stores[shard], world.id, shard, map));
      if (!moved) continue;
      const model::Tile tile = model::tile_of(*moved);
      co_return fail(
          Errc::invalid_argument,
          fmt::format("shard {} holds loot on tile ({}, {}) of world {}, which the map gives to "
                      "shard {}: loot does not move by itself. Export it, and import it into empty "
                      "stores that have this map",
                      shard, tile.x, tile.y, world.id, map.shard_of(world.id, *moved)),
          "map");
    }
  }
  co_return Result<void>{};
}

}  // namespace

awaitable<Result<model::ShardMap>> replace_map(Stores stores, model::ShardMap map) {
  if (map.shards != stores.size()) {
    co_return fail(Errc::invalid_argument,
                   fmt::format("the map is of {} shards and {} stores were named: name each shard "
                               "with its own --store, in order",
                               map.shards, stores.size()),
                   "map");
  }
  HUNT_CO_TRY(now, co_await agree_on_map(stores, true));
  if (now.ranges == map.ranges && now.shards == map.shards) co_return now;
  HUNT_CO_CHECK(co_await check_nothing_moves(stores, map));
  map.version = now.version + 1;
  std::vector<std::uint32_t> versions(stores.size(), now.version);
  HUNT_CO_CHECK(co_await spread_map(stores, map, std::move(versions)));
  co_return map;
}

awaitable<Result<model::ShardMap>> agree_on_map(Stores stores, bool repair) {
  for (int round = 0; round < 3; ++round) {
    HUNT_CO_TRY(found, co_await read_maps(stores));
    model::ShardMap map = std::move(found.newest);
    HUNT_CO_CHECK(check_count(map, stores.size()));
    const bool added = map.shards < stores.size();
    if (!added && found.same()) co_return map;
    if (!repair) {
      co_return fail(Errc::unavailable,
                     "the shards do not agree on the shard map yet; `hunt serve` with all of them "
                     "sets it right");
    }
    if (added) {
      HUNT_CO_CHECK(co_await share_worlds(stores));
      // A store made on its own says that everything is its: the first one means it.
      ++map.version;
      map.shards = static_cast<std::uint32_t>(stores.size());
    }
    HUNT_CO_CHECK(co_await spread_map(stores, map, std::move(found.versions)));
  }
  co_return fail(Errc::unavailable, "the shard map changes all the time; try again later");
}

awaitable<Result<model::ShardMap>> map_of_first(Stores stores) {
  HUNT_CO_TRY(map, co_await stores[0]->shard_map());
  HUNT_CO_CHECK(check_count(map, stores.size()));
  co_return map;
}

std::vector<model::ChunkKey> even_bounds(const std::vector<model::ChunkKey>& sorted,
                                         std::size_t shards) {
  std::vector<std::size_t> starts;  // of the chunks, in the list
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i == 0 || sorted[i] != sorted[i - 1]) starts.push_back(i);
  }
  std::vector<model::ChunkKey> bounds;
  std::size_t at = 0;  // the chunk that the last bound is at
  for (std::size_t shard = 1; shard < shards; ++shard) {
    const std::size_t left = shards - shard;  // bounds to come, this one among them
    if (at + 1 >= starts.size()) break;
    const std::size_t latest = std::max(at + 1, starts.size() - std::min(starts.size(), left));
    const std::size_t share = sorted.size() * shard / shards;
    std::size_t best = at + 1;
    const auto off = [&](std::size_t chunk) {
      return starts[chunk] > share ? starts[chunk] - share : share - starts[chunk];
    };
    while (best < latest && off(best + 1) <= off(best)) ++best;
    bounds.push_back(sorted[starts[best]]);
    at = best;
  }
  return bounds;
}

awaitable<Result<void>> split_evenly(Stores stores, std::vector<model::ChunkKey> loot) {
  HUNT_CO_TRY(map, co_await agree_on_map(stores, true));
  if (stores.size() == 1 || map.ranges.size() > 1 || loot.empty()) co_return Result<void>{};
  HUNT_CO_TRY(settled, co_await holds_loot(stores));
  if (settled) co_return Result<void>{};
  std::sort(loot.begin(), loot.end());
  ++map.version;
  for (const model::ChunkKey& first : even_bounds(loot, stores.size())) {
    map.ranges.push_back({first, static_cast<model::ShardId>(map.ranges.size())});
  }
  std::vector<std::uint32_t> versions(stores.size(), 0);
  co_return co_await spread_map(stores, map, std::move(versions));
}

}  // namespace hunt::service
