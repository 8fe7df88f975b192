// look_at_shards(): of the positions of one batch: whose shard they are, and how many of them need
// several shards (model/shard_reach.h).
//
// Not on the way of an answer: a lane looks at one batch in so many. Thread: the lane's.
#pragma once
#include <cstdint>

#include "model/batch.h"
#include "service/lane_metrics.h"
#include "service/shards.h"

namespace hunt::service {

// A prime: game servers send in turn, and all of them are to be seen.
inline constexpr std::uint64_t batches_per_look = 17;

void look_at_shards(const model::Batch& batch, const Shards& shards, std::int32_t hint_radius_tiles,
                    LaneMetrics& metrics);

}  // namespace hunt::service
