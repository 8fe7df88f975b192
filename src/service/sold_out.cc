#include "service/sold_out.h"

#include "base/planted.h"

namespace hunt::service {
namespace {

model::ClaimId key_of(model::ClaimId claim) noexcept {
  if (planted(Planted::few_bits_of_claims)) return {1, claim.low % 64};
  return claim;
}

}  // namespace

bool SoldOut::same_epoch(const StoreAsked& asked) const noexcept {
  return asked.epoch == l1_.newest_epoch_of(asked.shard) &&
         asked.at_ns > epoch_over_ns_[asked.shard];
}

template <class Entry>
bool SoldOut::holds(const Entry* entry, model::ShardId shard) const noexcept {
  return entry != nullptr && entry->shard == shard &&
         same_epoch({entry->shard, entry->epoch, entry->asked_ns}) &&
         l1_.confirms(shard, entry->asked_ns, clock_.now_ns());
}

void SoldOut::learn_sold_out(const model::Claim& claim, const StoreAsked& asked) {
  spawns_.add({claim.spawn, asked.at_ns, static_cast<std::uint32_t>(asked.epoch), asked.shard});
  static_cast<void>(learn_no_grant(claim.id, asked));
}

bool SoldOut::learn_no_grant(model::ClaimId claim, const StoreAsked& asked) {
  if (!same_epoch(asked)) return false;
  claims_.add({key_of(claim), asked.at_ns, static_cast<std::uint32_t>(asked.epoch), asked.shard});
  return true;
}

bool SoldOut::knows_sold_out(model::SpawnId spawn, model::ShardId shard) const noexcept {
  return holds(spawns_.find(spawn), shard);
}

bool SoldOut::knows_no_grant(model::ClaimId claim, model::ShardId shard) const noexcept {
  return holds(claims_.find(key_of(claim)), shard);
}

}  // namespace hunt::service
