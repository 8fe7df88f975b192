#include "service/live_sampler.h"

#include "base/prng.h"

namespace hunt::service {

void LiveSampler::see(const model::Batch& batch, std::int64_t now_ns) {
  if (slots_.empty()) slots_.resize(slots_max);
  for (const auto& position : batch.positions) {
    const std::size_t hash = model::Id128Hash{}(position.player);
    Slot& slot = slots_[hash % slots_max];
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    // A slot belongs to one player while that one moves, so that dots do not jump.
    if (slot.player.tag != tag && now_ns - slot.seen_ns < forget_after_ns) continue;
    slot.player = {tag, position.tile, position.kind};
    slot.seen_ns = now_ns;
  }
}

LiveSample LiveSampler::sample(const engine::L1& l1, std::int64_t now_ns) const {
  LiveSample sample;
  for (const Slot& slot : slots_) {
    if (now_ns - slot.seen_ns < forget_after_ns) sample.players.push_back(slot.player);
  }
  std::size_t spawns = 0;
  l1.for_each([&](const engine::Chunk& chunk) { spawns += chunk.spawns.size(); });
  // The same tiles every time: chosen by a mix of their coordinates.
  const std::uint64_t one_in = spawns / (loot_max / 2) + 1;
  l1.for_each([&](const engine::Chunk& chunk) {
    for (const engine::Spawn& spawn : chunk.spawns) {
      const model::Tile tile{chunk.at.x * model::chunk_side_tiles + spawn.local % 32,
                             chunk.at.y * model::chunk_side_tiles + spawn.local / 32};
      std::uint64_t mix = model::tile_id_of(tile).value;
      if (spawn.id == 0 || splitmix64(mix) % one_in != 0) continue;
      auto& list = spawn.sold_out ? sample.loot_gone : sample.loot_open;
      if (list.size() < loot_max) list.push_back(tile);
    }
  });
  return sample;
}

}  // namespace hunt::service
