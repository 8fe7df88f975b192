// Roller: which stacks of items a claim yields. Pure: the same seed, rules, claim and time always
// give the same reward, and the time counts only for tables that are `timed`.
//
// Not random and not a decision whether the claim wins (the store's). The words are
// HMAC-SHA256(event seed, claim id (16 bytes, big-endian) | block u32 big-endian), block 0, 1, …;
// each block is four big-endian 64-bit words, taken in order. A pick below N takes the next word
// below 2^64 - (2^64 mod N) (rejection, so no bias) modulo N.
//
// The picks, depth first in the order of the file. A table: its `always` entries, then its pools. A
// pool: whether it takes part (below the denominator of its chance, where it has one: yes below the
// numerator), how many rolls (below high - low + 1, where those differ), and for each roll an entry
// (below the sum of the weights of those that can be drawn as of then) and what the entry gives. An
// entry: its count (below high - low + 1, where those differ), or its table. So a table in its
// short form takes one word.
// Owned by one thread; calls do not allocate, but for the text of a first few rewards.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.h"
#include "engine/draw.h"
#include "model/explanation.h"
#include "model/ids.h"
#include "model/rule_set.h"

namespace hunt::engine {

class Roller {
 public:
  // Copies the event seed (32 bytes).
  explicit Roller(Bytes event_seed);

  // As draw(), with the words of the claim. Valid until the next call.
  [[nodiscard]] const Stacks& roll(const model::RuleSet& rules, std::uint32_t table_index,
                                   model::ClaimId claim, std::int64_t as_of_us);

  // The same as the text of a reward (model/reward.h), announced where the table's event wants it;
  // empty: nothing. Valid until the next call, and as long as the rules.
  [[nodiscard]] std::string_view reward(const model::RuleSet& rules, std::uint32_t table_index,
                                        model::ClaimId claim, std::int64_t as_of_us);

  // The same roll, pick by pick.
  [[nodiscard]] std::vector<model::RollPick> picks(const model::RuleSet& rules,
                                                   std::uint32_t table_index, model::ClaimId claim,
                                                   std::int64_t as_of_us);

  // First 64 bits of SHA-256(event seed): names the seed without telling it.
  [[nodiscard]] model::SeedId seed_id() const noexcept { return seed_id_; }

 private:
  void begin(model::ClaimId claim) noexcept;
  [[nodiscard]] std::uint64_t next_word();

  HmacSha256 mac_;
  model::SeedId seed_id_ = 0;
  model::ClaimId claim_;
  std::uint32_t block_ = 0;
  std::uint32_t words_left_ = 0;
  Digest256 words_{};
  Stacks stacks_;
  std::string text_;
};

// First 64 bits of SHA-256(seed).
[[nodiscard]] model::SeedId seed_id_of(Bytes event_seed);

}  // namespace hunt::engine
