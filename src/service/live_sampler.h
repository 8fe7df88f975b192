// LiveSampler: the newest positions of up to 2,048 players of one lane, and a sample of its loot.
//
// Not complete: two players that share a slot show as one. Costs nothing while nobody watches.
// Thread: its lane's.
#pragma once
#include <cstdint>
#include <vector>

#include "engine/l1.h"
#include "model/batch.h"
#include "service/observer.h"

namespace hunt::service {

class LiveSampler {
 public:
  void see(const model::Batch& batch, std::int64_t now_ns);
  [[nodiscard]] LiveSample sample(const engine::L1& l1, std::int64_t now_ns) const;

 private:
  static constexpr std::size_t slots_max = 2'048;
  static constexpr std::size_t loot_max = 4'096;
  static constexpr std::int64_t forget_after_ns = 10'000'000'000;
  struct Slot {
    model::LivePlayer player;
    std::int64_t seen_ns = INT64_MIN / 2;
  };
  std::vector<Slot> slots_;
};

}  // namespace hunt::service
