// Rows: the loot that shards would hold, by chunk, and what of it another map would move.
//
// Not the loot itself. Where nobody tells it, each visited chunk counts as a row. One thread.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/shard_map.h"
#include "model/tile.h"
#include "shards/owners.h"

namespace hunt::shards {

// A loot tile with its stock in PostgreSQL (docs/OPERATIONS.md, Sizing).
inline constexpr std::uint64_t row_bytes = 315;

class Rows {
 public:
  // `today`: the map by which they lie now.
  Rows(std::uint32_t shards, model::ShardMap today)
      : today_(std::move(today)), by_tile_(shards, 0) {}

  void add(model::WorldId world, model::TileId tile) {
    const model::ChunkKey key = model::chunk_of(world, tile);
    if (chunks_.empty() || chunks_.back().first != key) chunks_.emplace_back(key, 0);
    ++chunks_.back().second;
    const auto shards = static_cast<std::uint32_t>(by_tile_.size());
    const std::uint32_t shard = tile_hash(world, tile, shards);
    ++by_tile_[shard];
    moved_by_tile_ += shard != today_.shard_of(key) ? 1 : 0;
  }
  // Once, after the last. `visited`: what counts where nothing was added.
  void finish(const std::vector<model::ChunkKey>& visited) {
    are_loot_ = !chunks_.empty();
    if (!are_loot_) {
      for (const auto& key : visited) add(key.world, {key.chunk << model::chunk_id_shift});
    }
    std::sort(chunks_.begin(), chunks_.end());
    std::size_t kept = 0;
    for (std::size_t i = 1; i < chunks_.size(); ++i) {
      if (chunks_[i].first == chunks_[kept].first) {
        chunks_[kept].second += chunks_[i].second;
      } else {
        chunks_[++kept] = chunks_[i];
      }
    }
    chunks_.resize(chunks_.empty() ? 0 : kept + 1);
  }

  [[nodiscard]] const std::vector<std::pair<model::ChunkKey, std::uint64_t>>& by_chunk() const {
    return chunks_;
  }
  [[nodiscard]] const model::ShardMap& today() const noexcept { return today_; }
  [[nodiscard]] bool are_loot() const noexcept { return are_loot_; }
  [[nodiscard]] const std::vector<std::uint64_t>& by_tile() const noexcept { return by_tile_; }
  [[nodiscard]] std::uint64_t moved_by_tile() const noexcept { return moved_by_tile_; }

 private:
  const model::ShardMap today_;
  std::vector<std::pair<model::ChunkKey, std::uint64_t>> chunks_;  // sorted once finished
  std::vector<std::uint64_t> by_tile_;  // by shard, each tile by its hash
  std::uint64_t moved_by_tile_ = 0;
  bool are_loot_ = false;
};

}  // namespace hunt::shards
