#include "shards/advise.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "shards/regions.h"
#include "shards/split.h"

namespace hunt::shards {

namespace {

constexpr int region_level_max = 6;
constexpr std::size_t split_regions_max = 16'384;  // of ranges in a row: bounds may lie finely
constexpr std::array<std::size_t, 3> balanced_regions_max = {256, 1'024, 4'096};

model::ChunkKey first_of_region(model::ChunkKey key, int level) noexcept {
  return {key.world, key.chunk >> (2 * level) << (2 * level)};
}

// The owners of the visited chunks as ranges that begin at squares of that level.
model::ShardMap ranges_of(const Counted& counted, const Owner& owner, int level) {
  model::ShardMap map;
  map.shards = counted.shards;
  map.ranges.clear();
  for (const model::ChunkKey& key : counted.chunks) {
    const model::ShardId shard = owner(key);
    if (!map.ranges.empty() && map.ranges.back().shard == shard) continue;
    map.ranges.push_back(
        {map.ranges.empty() ? model::ChunkKey{} : first_of_region(key, level), shard});
  }
  return map;
}

class Adviser {
 public:
  Adviser(const Counted& counted, const Rows& rows)
      : counted_(counted), rows_(rows), shards_(counted.shards) {}

  void add_today() {
    Candidate made{"today", "the map that the stores have", {}, 0, {}};
    made.ranges = rows_.today().ranges.size();
    made.score = score(counted_, rows_, by_map(rows_.today()));
    out_.candidates.push_back(std::move(made));
  }

  void add_hashes() {
    out_.candidates.push_back({"player",
                               "claims by the hash of the player, loot by that of its chunk",
                               score_by_player(counted_, rows_),
                               0,
                               {}});
    out_.candidates.push_back({"tile_hash",
                               "each tile by its hash: a chunk is everywhere",
                               score_by_tile(counted_, rows_),
                               0,
                               {}});
    add("world", "whole worlds by their hash", by_world(shards_), 27);
    add("chunk_hash", "(world, chunk of 32 tiles) by hash", by_region(0, shards_), 0);
    for (int level = 1; level <= region_level_max; ++level) {
      const int side = 1 << level;
      add(fmt::format("region_hash_{}", side),
          fmt::format("squares of {} x {} chunks ({} tiles) by hash", side, side,
                      side * model::chunk_side_tiles),
          by_region(level, shards_), level);
    }
  }

  // As much load in each, by the chunk columns of all worlds together.
  void add_stripes() {
    std::map<std::int32_t, std::uint64_t> columns;
    std::uint64_t all = 0;
    for (const Cell& cell : counted_.cells) {
      const auto queries = cell.queries[static_cast<std::size_t>(Part::choice)];
      columns[model::chunk_at(counted_.chunks[cell.chunk].chunk).x] += queries;
      all += queries;
    }
    std::vector<std::int32_t> bounds;
    std::uint64_t before = 0;
    for (const auto& [x, queries] : columns) {
      while (bounds.size() + 1 < shards_ &&
             (2 * before + queries) * shards_ / (2 * all) > bounds.size()) {
        bounds.push_back(x);
      }
      before += queries;
    }
    add("x_stripes", "stripes along x with as much load in each", by_stripes(std::move(bounds)), 0);
  }

  void add_ranges() {
    const Regions fine = make_regions(counted_, rows_, split_regions_max);
    add_map("z_ranges", "a Z-order range for each, with as many visited chunks",
            map_of(fine, split_evenly(fine.chunks, shards_), shards_));
    add_map("z_ranges_by_load", "a Z-order range for each, cut where few walk, by load",
            map_of(fine, split_at_bounds(fine, fine.load, shards_), shards_));
    add_balanced();
  }

  // The order of the whole is found among large squares; finer ones then smooth its borders. The
  // last that comes to few enough ranges counts.
  void add_balanced() {
    Regions regions;
    std::vector<model::ShardId> owners;
    model::ShardMap best;
    int level = 0;
    for (const std::size_t regions_max : balanced_regions_max) {
      Regions finer = make_regions(counted_, rows_, regions_max);
      if (finer.size() == regions.size()) continue;
      const bool begins = owners.empty();
      owners =
          begins ? split_at_bounds(finer, finer.load, shards_) : refined(regions, owners, finer);
      regions = std::move(finer);
      owners = improve(regions, owners, shards_, begins ? to_rearrange : to_smooth);
      model::ShardMap map = map_of(regions, owners, shards_);
      if (!begins && map.ranges.size() > ranges_max) continue;
      best = std::move(map);
      level = regions.level;
    }
    add_map("balanced",
            fmt::format("squares of {} tiles, each to the shard where least crosses, by load and "
                        "rows",
                        model::chunk_side_tiles << level),
            std::move(best));
  }

  Advice finish() {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < out_.candidates.size(); ++i) {
      const Candidate& one = out_.candidates[i];
      if (one.map && (!best || better(one.score, out_.candidates[*best].score))) best = i;
    }
    HUNT_ASSERT(best && "ranges for each shard are loadable");
    out_.recommended = *best;
    return std::move(out_);
  }

 private:
  static bool better(const Score& a, const Score& b) {
    constexpr auto chosen = static_cast<std::size_t>(Part::choice);
    const bool a_balanced = a.balance[chosen] <= balance_max;
    const bool b_balanced = b.balance[chosen] <= balance_max;
    if (a_balanced != b_balanced) return a_balanced;
    if (!a_balanced) return a.balance[chosen] < b.balance[chosen];
    return a.crossing[chosen] < b.crossing[chosen];
  }

  void add(std::string key, std::string what, const Owner& owner, int level) {
    model::ShardMap map = ranges_of(counted_, owner, level);
    if (map.ranges.size() <= ranges_max) {
      add_map(std::move(key), std::move(what), std::move(map));
      return;
    }
    Candidate made{std::move(key), std::move(what), {}, map.ranges.size(), {}};
    made.score = score(counted_, rows_, owner);
    out_.candidates.push_back(std::move(made));
  }

  void add_map(std::string key, std::string what, model::ShardMap map) {
    Candidate made{std::move(key), std::move(what), {}, map.ranges.size(), {}};
    made.score = score(counted_, rows_, by_map(map));
    if (map.ranges.size() <= ranges_max) made.map = std::move(map);
    out_.candidates.push_back(std::move(made));
  }

  const Counted& counted_;
  const Rows& rows_;
  const std::uint32_t shards_;
  Advice out_;
};

}  // namespace

Advice advise(const Counted& counted, const Rows& rows, bool judge_today) {
  Adviser adviser(counted, rows);
  if (judge_today) adviser.add_today();
  adviser.add_hashes();
  adviser.add_stripes();
  adviser.add_ranges();
  return adviser.finish();
}

}  // namespace hunt::shards
