// advise(): every way of cutting worlds into shards that people choose from, judged by traffic, and
// the best of those that stores can take.
//
// Stores take ranges over (world, chunk in Z-order), up to ranges_max of them
// (model/shard_map.h). So a key is loadable when its shards, chunk after chunk, are no more ranges
// than that; then the map itself is judged, with what it says of places where nobody was. The
// recommended one is loadable and has, of the part of the traffic that chooses, the fewest queries
// that cross with a balance of load within balance_max; where none has, the best balance. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/shard_map.h"
#include "shards/rows.h"
#include "shards/score.h"
#include "shards/traffic.h"

namespace hunt::shards {

inline constexpr double balance_max = 1.3;
inline constexpr std::size_t ranges_max = 1'024;

struct Candidate {
  std::string key;   // "region_hash_4"
  std::string what;  // for people
  Score score;
  std::size_t ranges = 0;              // that its shards come to; 0: no map can say it
  std::optional<model::ShardMap> map;  // where it is loadable
};

struct Advice {
  std::vector<Candidate> candidates;
  std::size_t recommended = 0;  // its index; it is loadable
};

// `rows` are finished. `today`: as a candidate, where stores have a map.
[[nodiscard]] Advice advise(const Counted& counted, const Rows& rows, bool judge_today);

}  // namespace hunt::shards
