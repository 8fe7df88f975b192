// Shards: what a process knows of them: where each one's truth is, the map in force, and which of
// them it serves.
//
// Not the ranges' states: those each store keeps itself, and answers `moved` when this map is old.
// Thread: its lane's.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/result.h"
#include "model/shard_map.h"
#include "ports/hunt_store.h"

namespace hunt::service {

class Shards {
 public:
  // Stores by shard. No `map`: all is shard 0's. No `served`: every shard is.
  Shards(std::vector<ports::HuntStore*> stores, std::shared_ptr<const model::ShardMap> map,
         std::vector<model::ShardId> served)
      : stores_(std::move(stores)), map_(std::move(map)), served_(std::move(served)) {
    HUNT_ASSERT(!stores_.empty());
    if (map_ == nullptr) map_ = std::make_shared<const model::ShardMap>();
  }

  [[nodiscard]] std::size_t count() const noexcept { return stores_.size(); }
  [[nodiscard]] ports::LaneStore& store(model::ShardId shard) const { return *stores_.at(shard); }
  [[nodiscard]] ports::WorldStore& worlds(model::ShardId shard) const { return *stores_.at(shard); }
  [[nodiscard]] ports::Ledger& ledger(model::ShardId shard) const { return *stores_.at(shard); }
  [[nodiscard]] model::ShardId of(model::ChunkKey key) const noexcept {
    return stores_.size() == 1 ? 0 : map_->shard_of(key);
  }
  [[nodiscard]] model::ShardId of(model::WorldId world, model::TileId tile) const noexcept {
    return of(model::chunk_of(world, tile));
  }

  [[nodiscard]] const model::ShardMap& map() const noexcept { return *map_; }

  [[nodiscard]] bool serves_all() const noexcept { return served_.empty(); }
  [[nodiscard]] bool serves(model::ShardId shard) const noexcept {
    return served_.empty() || std::find(served_.begin(), served_.end(), shard) != served_.end();
  }

  // Errors: invalid_argument (it names a shard without a store).
  [[nodiscard]] Result<void> set_map(std::shared_ptr<const model::ShardMap> map) {
    for (const auto& range : map->ranges) {
      if (range.shard < stores_.size()) continue;
      return fail(Errc::invalid_argument,
                  fmt::format("map version {} names shard {}, but there are only {} stores",
                              map->version, range.shard, stores_.size()));
    }
    map_ = std::move(map);
    return {};
  }

  // What to tell somebody whose position is not of a shard served here, or is not any more.
  [[nodiscard]] Error moved() const {
    return {Errc::moved,
            fmt::format("a position belongs to another shard; this process goes by version {} of "
                        "the shard map: look it up and ask there",
                        map_->version),
            "positions"};
  }

 private:
  std::vector<ports::HuntStore*> stores_;
  std::shared_ptr<const model::ShardMap> map_;
  std::vector<model::ShardId> served_;
};

}  // namespace hunt::service
