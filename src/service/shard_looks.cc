#include "service/shard_looks.h"

#include "model/shard_reach.h"

namespace hunt::service {

void look_at_shards(const model::Batch& batch, const Shards& shards, std::int32_t hint_radius_tiles,
                    LaneMetrics& metrics) {
  if (shards.count() == 1) return;
  metrics.shard_looks.resize(shards.count());
  for (const model::Position& position : batch.positions) {
    const auto only = model::only_shard(shards.map(), batch.world,
                                        model::reach_of(position.tile, hint_radius_tiles));
    ++(only ? metrics.looks_one_shard : metrics.looks_several_shards);
    ++metrics.shard_looks[only ? *only : shards.of(batch.world, model::tile_id_of(position.tile))];
  }
}

}  // namespace hunt::service
