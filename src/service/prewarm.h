// The hot set: the chunks that an event's players will ask for, and their way into the cache.
//
// Not a lane's memory: Orchestrator::prewarm() fills that. A cache that was filled ahead spares the
// first players of an event the store's latency, and the store all of them at once.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <optional>
#include <vector>

#include "base/result.h"
#include "ports/tile_cache.h"
#include "ports/world_store.h"
#include "service/shards.h"

namespace hunt::service {

// The chunks in which loot lies, of one world or of all, then those around them (a position is
// answered from the nine around it), then all between, where that is not too much. Reads the loot
// by tile id, a page at a time.
// Bounds: the first limits::hot_set_tiles_max tiles, limits::hot_set_chunks_max chunks.
// Errors: those of WorldStore::worlds() and list_tiles().
[[nodiscard]] boost::asio::awaitable<Result<std::vector<model::ChunkKey>>> find_hot_set(
    ports::WorldStore& whole, std::optional<model::WorldId> world);

struct Prewarmed {
  std::size_t filled = 0;
  std::size_t there = 0;  // complete already, or somebody else is filling them
};
// Fills what the cache lacks of `chunks`, one call of the store at a time.
// Bound: limits::chunks_per_load_max chunks. Errors: those of the store and the cache.
[[nodiscard]] boost::asio::awaitable<Result<Prewarmed>> prewarm_cache(
    const Shards& shards, ports::TileCache& cache, std::vector<model::ChunkKey> chunks);

}  // namespace hunt::service
