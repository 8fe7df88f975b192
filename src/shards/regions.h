// Regions: the visited parts of the worlds as squares of a size with which there are not too many
// of them, in Z-order, with their load and rows and what crosses between them: what a range map is
// made of.
//
// Only of the part of the traffic that chooses. Rows where nobody was are the region's before them.
// Pure.
#pragma once
#include <cstdint>
#include <vector>

#include "model/shard_map.h"
#include "shards/rows.h"
#include "shards/traffic.h"

namespace hunt::shards {

struct Beside {
  std::uint32_t region = 0;
  std::uint64_t queries = 0;  // that need both
};

struct Regions {
  int level = 0;  // 2^level chunks a side
  std::vector<model::ChunkKey> first;
  std::vector<std::uint64_t> load;
  std::vector<std::uint64_t> rows;
  std::vector<std::uint64_t> chunks;        // that were visited
  std::vector<std::vector<Beside>> beside;  // of each, both ways
  std::vector<std::uint64_t> cut;           // queries that a bound before each would cross
  [[nodiscard]] std::size_t size() const noexcept { return first.size(); }
};

[[nodiscard]] Regions make_regions(const Counted& counted, const Rows& rows,
                                   std::size_t regions_max);

// Shards by region, from owners of each; ranges begin where the owner changes.
[[nodiscard]] model::ShardMap map_of(const Regions& regions,
                                     const std::vector<model::ShardId>& owners,
                                     std::uint32_t shards);

}  // namespace hunt::shards
