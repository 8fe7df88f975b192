// ClaimMemo: what a lane remembers of recent claims, so that a player who stands on a tile, or asks
// again, costs no call to the store.
//
// Not the ledger: forgetting is always safe (the store answers again). Remembers only what cannot
// change within an epoch of its shard: pending, granted, sold out. Fixed size, two ways per set,
// the older one is replaced. Keyed by (player, spawn), which names a claim as well as its id does.
// Thread: its lane's.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/batch.h"
#include "model/ids.h"
#include "model/shard_map.h"

namespace hunt::engine {

struct Remembered {
  model::PlayerId player;
  model::SpawnId spawn = 0;  // 0: free
  model::ClaimId claim;
  model::Outcome outcome = model::Outcome::found;  // found: pending
  std::string reward;                              // with granted
  // Whose verdict it is: the shard, its epoch as it was known when it was asked, and when that was.
  model::ShardId shard = 0;
  std::uint64_t epoch = 0;
  std::int64_t asked_ns = 0;
};

class ClaimMemo {
 public:
  static constexpr std::size_t sets =
      2'048;  // 4,096 claims, about 400 KB a lane, with long rewards 4 MB

  [[nodiscard]] Remembered* find(model::PlayerId player, model::SpawnId spawn) noexcept {
    auto& set = sets_[set_of(player, spawn)];
    for (Remembered& entry : set) {
      if (entry.spawn == spawn && entry.player == player) return &entry;
    }
    return nullptr;
  }

  // Remembers a pending claim, forgetting the older of its set.
  void remember(model::PlayerId player, model::SpawnId spawn, model::ClaimId claim) {
    auto& set = sets_[set_of(player, spawn)];
    std::swap(set[0], set[1]);
    set[0].player = player;
    set[0].spawn = spawn;
    set[0].claim = claim;
    set[0].outcome = model::Outcome::found;
    set[0].reward.clear();
  }

  void forget(model::PlayerId player, model::SpawnId spawn) noexcept {
    if (Remembered* entry = find(player, spawn)) entry->spawn = 0;
  }

 private:
  [[nodiscard]] static std::size_t set_of(model::PlayerId player, model::SpawnId spawn) noexcept {
    return model::Id128Hash{}({player.high ^ spawn, player.low}) % sets;
  }
  std::vector<std::array<Remembered, 2>> sets_{sets};
};

}  // namespace hunt::engine
