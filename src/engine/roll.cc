#include "engine/roll.h"

#include "base/result.h"
#include "model/limits.h"

namespace hunt::engine {

model::SeedId seed_id_of(Bytes event_seed) {
  Sha256 hash;
  const Digest256 digest = hash.of(event_seed);
  return model::id_from_bytes(digest.data()).high;
}

Roller::Roller(Bytes event_seed) : mac_(event_seed), seed_id_(seed_id_of(event_seed)) {}

std::uint64_t Roller::next_word() {
  if (words_left_ == 0) {
    std::array<std::uint8_t, 20> message{};
    const auto id = model::to_bytes(claim_);
    std::copy(id.begin(), id.end(), message.begin());
    for (std::size_t i = 0; i < 4; ++i) {
      message[16 + i] = static_cast<std::uint8_t>(block_ >> (24 - 8 * i));
    }
    words_ = mac_.of(message);
    ++block_;
    words_left_ = 4;
  }
  const std::size_t at = 8 * (4 - words_left_--);
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < 8; ++i) word = (word << 8) | words_[at + i];
  return word;
}

template <class See>
std::uint32_t Roller::roll(const model::RuleSet& rules, std::uint32_t table_index,
                           model::ClaimId claim, const See& see) {
  claim_ = claim;
  block_ = 0;
  words_left_ = 0;
  for (std::size_t depth = 0; depth <= limits::table_nesting_max; ++depth) {
    const model::LootTable& table = rules.tables[table_index];
    const std::uint64_t total = table.total_weight;
    const std::uint64_t remainder = (0 - total) % total;  // 2^64 mod total
    std::uint64_t word = next_word();
    while (word > UINT64_MAX - remainder) word = next_word();
    std::uint64_t pick = word % total;
    const std::uint64_t picked = pick;
    const model::LootEntry* entry = &rules.entries[table.first_entry];
    while (pick >= entry->weight) pick -= (entry++)->weight;
    see(table, picked, *entry);
    if (!entry->is_table) return entry->index;
    table_index = entry->index;
  }
  HUNT_ASSERT(false && "the compiler bounds the nesting");
  return 0;
}

std::uint32_t Roller::roll(const model::RuleSet& rules, std::uint32_t table_index,
                           model::ClaimId claim) {
  const auto nobody = [](const auto&, std::uint64_t, const auto&) {};
  return roll(rules, table_index, claim, nobody);
}

std::vector<model::RollPick> Roller::picks(const model::RuleSet& rules, std::uint32_t table_index,
                                           model::ClaimId claim) {
  std::vector<model::RollPick> all;
  const auto note = [&](const model::LootTable& table, std::uint64_t pick,
                        const model::LootEntry& entry) {
    const auto& picked = entry.is_table ? rules.tables[entry.index].name : rules.items[entry.index];
    all.push_back({table.name, pick, table.total_weight, entry.weight, picked});
  };
  static_cast<void>(roll(rules, table_index, claim, note));
  return all;
}

}  // namespace hunt::engine
