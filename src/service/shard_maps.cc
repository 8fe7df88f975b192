#include "service/shard_maps.h"

#include <fmt/format.h>

#include <algorithm>

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

}  // namespace

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
