// What all shards must agree on: the one map that is kept in each of them.
//
// Not who serves which shard (shards.h) and not a move of loot: a range can change hands only while
// nothing lies in it. Shard 0 decides between two who set a map at the same time, because it is
// always the first to take one; whoever finds a shard behind gives it the newest map.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <vector>

#include "base/result.h"
#include "model/shard_map.h"
#include "ports/world_store.h"

namespace hunt::service {

// The newest map of these stores, by shard, which all of them have on return. Shards that were
// added own nothing at first. With `repair` off nothing is written: shards that are behind are an
// error. Errors: invalid_argument (the map names more shards than there are stores, or a shard
// holds loot that the map gives to another one), unavailable and the other errors of the stores.
[[nodiscard]] boost::asio::awaitable<Result<model::ShardMap>> agree_on_map(
    std::vector<ports::WorldStore*> stores, bool repair);

// The map of the first of these stores, for whoever begins while others are not open: the first is
// the first to take each map. Nothing is written. Errors: as above.
[[nodiscard]] boost::asio::awaitable<Result<model::ShardMap>> map_of_first(
    std::vector<ports::WorldStore*> stores);

// Where the ranges of all of so many shards but the first begin, for loot in these chunks, sorted:
// each at the start of a chunk, nearest to its even share, with loot before it and behind it. Fewer
// where there are too few chunks.
[[nodiscard]] std::vector<model::ChunkKey> even_bounds(const std::vector<model::ChunkKey>& sorted,
                                                       std::size_t shards);

// Before the first loot is buried: gives each shard about as many of these chunks, which may come
// more than once. Does nothing where a map has been set or loot lies. Errors: those of the stores.
[[nodiscard]] boost::asio::awaitable<Result<void>> split_evenly(
    std::vector<ports::WorldStore*> stores, std::vector<model::ChunkKey> loot);

// Gives all of these stores that map, under the version after the one they have; where its ranges
// are those in force, nothing is written. Returns the map in force. No loot is moved: where any
// lies in what would change hands, nothing is written either. Errors: invalid_argument (the map is
// not of so many shards; loot lies in the way, and where), and those of agree_on_map().
[[nodiscard]] boost::asio::awaitable<Result<model::ShardMap>> replace_map(
    std::vector<ports::WorldStore*> stores, model::ShardMap map);

}  // namespace hunt::service
