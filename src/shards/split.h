// split_at_bounds() and improve(): regions to shards, so that few queries cross and no shard has
// much more than its part.
//
// Not a proof of the best: the first is the best of its kind but for counting twice what two bounds
// cross; the second is simulated annealing from there, with a seed, so the same again. Pure.
#pragma once
#include <cstdint>
#include <vector>

#include "shards/regions.h"

namespace hunt::shards {

// What a shard may have over the mean of all, where that can be kept: with room below the 1.3 that
// is asked for, since tomorrow is not yesterday.
inline constexpr double load_aim = 1.2;
inline constexpr double rows_aim = 1.25;

// One range for each shard (fewer where there are fewer regions): owners by region, by `weight` of
// each (load, or chunks).
[[nodiscard]] std::vector<model::ShardId> split_at_bounds(const Regions& regions,
                                                          const std::vector<std::uint64_t>& weight,
                                                          std::uint32_t shards);
// The same number of `weight` in each, as near as it goes, whatever is crossed.
[[nodiscard]] std::vector<model::ShardId> split_evenly(const std::vector<std::uint64_t>& weight,
                                                       std::uint32_t shards);
// How free the moves are at first, by what crosses between two regions in the mean, and how often
// it is tried, of which the best counts: to find another order of the whole, or to smooth its
// borders.
struct Moves {
  double heat = 0;
  std::uint64_t tries = 1;
};
inline constexpr Moves to_rearrange{20, 8};
inline constexpr Moves to_smooth{0.4, 1};
// Moves regions between shards, one at a time.
[[nodiscard]] std::vector<model::ShardId> improve(const Regions& regions,
                                                  const std::vector<model::ShardId>& owners,
                                                  std::uint32_t shards, Moves moves);
// Owners of regions that are finer (or the same): each has that of the one it lies in.
[[nodiscard]] std::vector<model::ShardId> refined(const Regions& from,
                                                  const std::vector<model::ShardId>& owners,
                                                  const Regions& to);

}  // namespace hunt::shards
