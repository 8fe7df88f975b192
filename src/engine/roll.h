// Roller: which item a claim yields. Pure: the same seed, rules, claim and time always give the
// same item, and the time counts only for tables that are `timed`.
//
// Not random and not a decision whether the claim wins (the store's). The words are
// HMAC-SHA256(event seed, claim id (16 bytes, big-endian) | block u32 big-endian), block 0, 1, …;
// each block is four big-endian 64-bit words, taken in order. A pick among total weight W takes the
// next word below 2^64 - (2^64 mod W) (rejection, so no bias) modulo W. One pick per table entered;
// W is the sum of the weights of the entries that can be drawn as of then, in their order.
// Owned by one thread; calls do not allocate.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "model/explanation.h"
#include "model/ids.h"
#include "model/limits.h"
#include "model/rule_set.h"

namespace hunt::engine {

// The pick below `total` that `word` makes; nothing: it is rejected, and the next word is due.
// Requires: total >= 1.
[[nodiscard]] constexpr std::optional<std::uint64_t> pick_below(std::uint64_t word,
                                                                std::uint64_t total) noexcept {
  const std::uint64_t remainder = (0 - total) % total;  // 2^64 mod total
  if (word > UINT64_MAX - remainder) return {};
  return word % total;
}

// Whether an entry can be drawn as of then.
[[nodiscard]] inline bool takes_part(const model::RuleSet& rules, const model::LootEntry& entry,
                                     std::int64_t as_of_us) noexcept {
  return entry.during == 0 ||
         model::opening_at(rules.times[entry.during - 1U].openings, as_of_us) != nullptr;
}

// Who looks at no pick.
struct SeesNothing {
  void operator()(const model::LootTable&, std::uint64_t, std::uint64_t,
                  const model::LootEntry&) const noexcept {}
};

// The index into rules.items that a table yields with the words that `next_word()` gives. One pick
// for each table entered, each shown to `see(table, picked, total, entry)`. Bound:
// limits::table_nesting_max picks.
template <typename NextWord, typename See = SeesNothing>
[[nodiscard]] std::uint32_t draw(const model::RuleSet& rules, std::uint32_t table_index,
                                 std::int64_t as_of_us, NextWord&& next_word, See&& see = {}) {
  const auto pick = [&next_word](std::uint64_t total) {
    for (;;) {
      if (const auto below = pick_below(next_word(), total)) return *below;
    }
  };
  for (std::size_t depth = 0; depth <= limits::table_nesting_max; ++depth) {
    const model::LootTable& table = rules.tables[table_index];
    const model::LootEntry* entry = &rules.entries[table.first_entry];
    std::uint64_t total = table.total_weight;
    std::uint64_t picked = 0;
    if (!table.timed) {
      std::uint64_t left = picked = pick(total);
      while (left >= entry->weight) left -= (entry++)->weight;
    } else {
      total = 0;
      for (std::uint32_t i = 0; i < table.entry_count; ++i) {
        if (takes_part(rules, entry[i], as_of_us)) total += entry[i].weight;
      }
      std::uint64_t left = picked = pick(total);
      for (;; ++entry) {
        if (!takes_part(rules, *entry, as_of_us)) continue;
        if (left < entry->weight) break;
        left -= entry->weight;
      }
    }
    see(table, picked, total, *entry);
    if (!entry->is_table) return entry->index;
    table_index = entry->index;
  }
  HUNT_ASSERT(false && "the compiler bounds the nesting");
  return 0;
}

class Roller {
 public:
  // Copies the event seed (32 bytes).
  explicit Roller(Bytes event_seed);

  // As draw(), with the words of the claim.
  [[nodiscard]] std::uint32_t roll(const model::RuleSet& rules, std::uint32_t table_index,
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
};

// First 64 bits of SHA-256(seed).
[[nodiscard]] model::SeedId seed_id_of(Bytes event_seed);

}  // namespace hunt::engine
