// SoldOut: which spawns a lane knows to be sold out, and which claims have no grant of them. Who
// asks again costs the store nothing; who asks for the first time costs it a read without a lock.
//
// Only from the store's own words, never from a copy: a call that granted nothing since nothing was
// left, and a look into the ledger that began after one. Stock never grows, so neither changes
// within an epoch of the shard. A win is never refused by it: a claim that is not known to have no
// grant is looked up, and forgetting one is always safe. Fixed size. Thread: its lane's.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/final_set.h"
#include "engine/l1.h"
#include "model/claim.h"
#include "model/ids.h"
#include "ports/clock.h"

namespace hunt::service {

// When a shard's store was asked, and in which of its epochs, as that was known then.
struct StoreAsked {
  model::ShardId shard = 0;
  std::uint64_t epoch = 0;
  std::int64_t at_ns = 0;
};

class SoldOut {
 public:
  static constexpr std::size_t spawns_max = 4'096;   // 96 KiB a lane
  static constexpr std::size_t claims_max = 65'536;  // 2 MiB a lane

  // Lifetime: l1 and clock outlive this.
  SoldOut(const engine::L1& l1, const ports::Clock& clock, std::size_t shards)
      : l1_(l1), clock_(clock), epoch_over_ns_(shards, INT64_MIN) {}

  [[nodiscard]] StoreAsked asks_now(model::ShardId shard) const noexcept {
    return {shard, l1_.newest_epoch_of(shard), clock_.now_ns()};
  }

  // The store has answered this claim `sold_out`.
  void learn_sold_out(const model::Claim& claim, const StoreAsked& asked);
  // The ledger has no row of this claim, whose spawn was known to be sold out when it was asked.
  // False: the shard's epoch has ended since, so that says nothing.
  [[nodiscard]] bool learn_no_grant(model::ClaimId claim, const StoreAsked& asked);
  // The shard's store says that its epoch is over.
  void epoch_is_over(model::ShardId shard) { epoch_over_ns_[shard] = clock_.now_ns(); }

  [[nodiscard]] bool knows_sold_out(model::SpawnId spawn, model::ShardId shard) const noexcept;
  [[nodiscard]] bool knows_no_grant(model::ClaimId claim, model::ShardId shard) const noexcept;

 private:
  struct SpawnHash {
    [[nodiscard]] std::size_t operator()(model::SpawnId spawn) const noexcept {
      return model::Id128Hash{}({0, spawn});
    }
  };
  using Spawns = engine::FinalSet<model::SpawnId, SpawnHash, spawns_max / 16>;
  using Claims = engine::FinalSet<model::ClaimId, model::Id128Hash, claims_max / 16>;
  static_assert(sizeof(Spawns::Entry) == 24 && sizeof(Claims::Entry) == 32);

  [[nodiscard]] bool same_epoch(const StoreAsked& asked) const noexcept;
  template <class Entry>
  [[nodiscard]] bool holds(const Entry* entry, model::ShardId shard) const noexcept;

  const engine::L1& l1_;
  const ports::Clock& clock_;
  std::vector<std::int64_t> epoch_over_ns_;  // by shard
  Spawns spawns_;
  Claims claims_;
};

}  // namespace hunt::service
