// score(): what a choice of shards comes to, on the traffic that was counted.
//
// Not the choice. Both parts of the traffic are judged: the one that chose and the one that did not
// see the choice; only the latter is told as what to expect. Pure.
#pragma once
#include <cstdint>
#include <vector>

#include "shards/owners.h"
#include "shards/rows.h"
#include "shards/traffic.h"

namespace hunt::shards {

struct Score {
  ByPart<double> crossing{};         // share of the queries that need several shards
  ByPart<double> balance{};          // of load: the most that a shard has, over the mean of all
  double rows_balance = 1;           // the same of rows
  double peak_balance = 1;           // the same of load, in the busiest minute
  std::uint64_t peak_positions = 0;  // of the hottest shard, in that minute
  std::uint64_t rows_moved = 0;
  std::vector<std::uint64_t> load;  // by shard, of the part that scores
  std::vector<std::uint64_t> rows;  // by shard
};

// The most of them over their mean; 1 where all are 0.
[[nodiscard]] double balance_of(const std::vector<std::uint64_t>& by_shard) noexcept;

[[nodiscard]] Score score(const Counted& counted, const Rows& rows, const Owner& owner);
// Of keys that chunks do not decide.
[[nodiscard]] Score score_by_player(const Counted& counted, const Rows& rows);
[[nodiscard]] Score score_by_tile(const Counted& counted, const Rows& rows);

}  // namespace hunt::shards
