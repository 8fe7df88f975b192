#include "service/prewarm.h"

#include <algorithm>
#include <map>

#include "model/limits.h"
#include "model/outside.h"
#include "service/chunk_loader.h"

namespace hunt::service {

namespace {

using boost::asio::awaitable;
using Keys = std::vector<model::ChunkKey>;

// Appends the chunks of a world's loot. `tiles_left` counts down.
awaitable<Result<void>> add_loot(ports::WorldStore& whole, model::WorldId world,
                                 std::size_t& tiles_left, Keys& out) {
  std::optional<model::TileId> from = model::TileId{};
  while (from && tiles_left > 0 && out.size() < limits::hot_set_chunks_max) {
    const auto limit = std::min(tiles_left, limits::tiles_per_page_max);
    const auto page = co_await whole.list_tiles(world, model::everywhere, *from,
                                                static_cast<std::uint32_t>(limit));
    if (!page) co_return tl::unexpected<Error>(page.error());
    for (const auto& row : page->rows) {
      const auto key = model::chunk_of(world, row.tile);
      if (out.empty() || out.back() != key) out.push_back(key);  // they come in order
    }
    tiles_left -= std::min(tiles_left, page->rows.size());
    from = page->next;
  }
  co_return Result<void>{};
}

// Appends what is not in `known`, which is in order, as far as there is room.
void add_others(const Keys& known, Keys others, Keys& out) {
  std::sort(others.begin(), others.end());
  others.erase(std::unique(others.begin(), others.end()), others.end());
  for (const auto& key : others) {
    if (out.size() >= limits::hot_set_chunks_max) return;
    if (!std::binary_search(known.begin(), known.end(), key)) out.push_back(key);
  }
}

Keys around(const Keys& loot) {
  Keys out;
  for (const auto& key : loot) {
    for (const auto& near : model::nine_around(key)) out.push_back(near);
  }
  return out;
}

// What lies between loot of a world, and a chunk further: nothing where that is too much.
Keys between(const Keys& loot) {
  struct Bounds {
    model::ChunkAt low;
    model::ChunkAt high;
  };
  std::map<model::WorldId, Bounds> worlds;
  for (const auto& key : loot) {
    const model::ChunkAt at = model::chunk_at(key.chunk);
    Bounds& bounds = worlds.emplace(key.world, Bounds{at, at}).first->second;
    bounds.low = {std::min(bounds.low.x, at.x), std::min(bounds.low.y, at.y)};
    bounds.high = {std::max(bounds.high.x, at.x), std::max(bounds.high.y, at.y)};
  }
  Keys out;
  for (const auto& [world, bounds] : worlds) {
    const std::int64_t width = std::int64_t{bounds.high.x} - bounds.low.x + 3;
    const std::int64_t height = std::int64_t{bounds.high.y} - bounds.low.y + 3;
    const auto room = static_cast<std::int64_t>(limits::hot_set_chunks_max - out.size());
    if (width * height > room) continue;
    for (std::int64_t i = 0; i < width * height; ++i) {
      const model::ChunkAt at =
          model::neighbour(bounds.low, static_cast<std::int32_t>(i % width) - 1,
                           static_cast<std::int32_t>(i / width) - 1);
      out.push_back(model::chunk_key(world, at));
    }
  }
  return out;
}

}  // namespace

awaitable<Result<Keys>> find_hot_set(ports::WorldStore& whole,
                                     std::optional<model::WorldId> world) {
  std::vector<model::WorldId> worlds;
  if (world) {
    worlds.push_back(*world);
  } else {
    const auto all = co_await whole.worlds();
    if (!all) co_return tl::unexpected<Error>(all.error());
    for (const auto& one : *all) worlds.push_back(one.id);
    std::sort(worlds.begin(), worlds.end());
  }
  Keys keys;
  std::size_t tiles_left = limits::hot_set_tiles_max;
  for (const auto id : worlds) {
    const auto added = co_await add_loot(whole, id, tiles_left, keys);
    if (!added) co_return tl::unexpected<Error>(added.error());
  }
  if (keys.size() > limits::hot_set_chunks_max) keys.resize(limits::hot_set_chunks_max);
  const Keys loot = keys;
  add_others(loot, around(loot), keys);
  Keys known = keys;
  std::sort(known.begin(), known.end());
  add_others(known, between(loot), keys);
  co_return keys;
}

awaitable<Result<Prewarmed>> prewarm_cache(const Shards& shards, ports::TileCache& cache,
                                           Keys chunks) {
  std::vector<ports::CacheAsk> asks;
  for (const auto& key : chunks) asks.push_back({key, 0});
  const auto cached = co_await cache.read(std::move(asks), limits::cache_lease_ns_max);
  if (!cached) co_return tl::unexpected<Error>(cached.error());
  // By shard, since a call of a store is of one.
  std::map<model::ShardId, std::vector<std::size_t>> leased;
  Prewarmed done;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const ports::CachedChunk& chunk = (*cached)[i];
    if (chunk.leased && chunk.cache_ms != 0) {
      leased[shards.of(chunks[i])].push_back(i);
    } else {
      ++done.there;
    }
  }
  for (const auto& [shard, places] : leased) {
    Keys keys;
    for (const auto i : places) keys.push_back(chunks[i]);
    auto loaded = co_await shards.store(shard).load_chunks(std::move(keys));
    if (!loaded) co_return tl::unexpected<Error>(loaded.error());
    std::vector<ports::ChunkFill> fills;
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (loaded->chunks[i].epoch == 0) co_return tl::unexpected<Error>(shards.moved());
      // They would all end at once; the place among them spreads that.
      const auto jitter_ns = limits::chunk_life_ns * jitter_percent_of_many / 100 *
                             static_cast<std::int64_t>(i) /
                             static_cast<std::int64_t>(places.size());
      const auto life_ms = (limits::chunk_life_ns - jitter_ns) / 1'000'000;
      fills.push_back({std::move(loaded->chunks[i]), (*cached)[places[i]].cache_ms + life_ms});
    }
    done.filled += fills.size();
    const auto filled = co_await cache.fill(std::move(fills));
    if (!filled) co_return tl::unexpected<Error>(filled.error());
  }
  co_return done;
}

}  // namespace hunt::service
