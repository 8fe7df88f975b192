// Roller: which item a claim yields. Pure: the same seed, rules and claim always give the same
// item.
//
// Not random and not a decision whether the claim wins (the store's). The words are
// HMAC-SHA256(event seed, claim id (16 bytes, big-endian) | block u32 big-endian), block 0, 1, …;
// each block is four big-endian 64-bit words, taken in order. A pick among total weight W takes the
// next word below 2^64 - (2^64 mod W) (rejection, so no bias) modulo W. One pick per table entered.
// Owned by one thread; calls do not allocate.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "base/sha256.h"
#include "model/explanation.h"
#include "model/ids.h"
#include "model/rule_set.h"

namespace hunt::engine {

class Roller {
 public:
  // Copies the event seed (32 bytes).
  explicit Roller(Bytes event_seed);

  // The index into rules.items. Bound: at most limits::table_nesting_max picks.
  [[nodiscard]] std::uint32_t roll(const model::RuleSet& rules, std::uint32_t table_index,
                                   model::ClaimId claim);

  // The same roll, pick by pick.
  [[nodiscard]] std::vector<model::RollPick> picks(const model::RuleSet& rules,
                                                   std::uint32_t table_index, model::ClaimId claim);

  // First 64 bits of SHA-256(event seed): names the seed without telling it.
  [[nodiscard]] model::SeedId seed_id() const noexcept { return seed_id_; }

 private:
  // `see(table, pick, entry)` at each table that is entered.
  template <class See>
  [[nodiscard]] std::uint32_t roll(const model::RuleSet& rules, std::uint32_t table_index,
                                   model::ClaimId claim, const See& see);
  [[nodiscard]] std::uint64_t next_word();

  HmacSha256 mac_;
  model::SeedId seed_id_ = 0;
  model::ClaimId claim_;
  std::uint32_t block_ = 0;
  std::uint32_t words_left_ = 0;
  Digest256 words_{};
};

// First 64 bits of SHA-256(seed).
[[nodiscard]] model::SeedId seed_id_of(Bytes event_seed);

}  // namespace hunt::engine
