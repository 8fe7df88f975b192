#include "engine/roll.h"

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

void Roller::begin(model::ClaimId claim) noexcept {
  claim_ = claim;
  block_ = 0;
  words_left_ = 0;
}

std::uint32_t Roller::roll(const model::RuleSet& rules, std::uint32_t table_index,
                           model::ClaimId claim, std::int64_t as_of_us) {
  begin(claim);
  return draw(rules, table_index, as_of_us, [this] { return next_word(); });
}

std::vector<model::RollPick> Roller::picks(const model::RuleSet& rules, std::uint32_t table_index,
                                           model::ClaimId claim, std::int64_t as_of_us) {
  std::vector<model::RollPick> all;
  begin(claim);
  static_cast<void>(draw(
      rules, table_index, as_of_us, [this] { return next_word(); },
      [&](const model::LootTable& table, std::uint64_t picked, std::uint64_t total,
          const model::LootEntry& entry) {
        const auto& name =
            entry.is_table ? rules.tables[entry.index].name : rules.items[entry.index];
        all.push_back({table.name, picked, total, entry.weight, name});
      }));
  return all;
}

}  // namespace hunt::engine
