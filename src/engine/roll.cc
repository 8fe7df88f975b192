#include "engine/roll.h"

#include <algorithm>
#include <optional>

#include "model/reward.h"

namespace hunt::engine {

namespace {

std::string stack_text(std::string_view item, std::uint64_t count) {
  std::string out;
  model::append_stack(out, item, count);
  return out;
}

// Puts each pick into words.
struct Listing {
  const model::RuleSet& rules;
  std::vector<model::RollPick>& all;

  // "pool 2": as people count.
  [[nodiscard]] std::string name_of(const model::LootTable& table,
                                    const model::LootPool& pool) const {
    const auto number = &pool - &rules.pools[table.first_pool] + 1;
    return "pool " + std::to_string(number);
  }
  void entry(const model::LootTable& table, std::uint64_t picked, std::uint64_t total,
             const model::LootEntry& entry) {
    std::string name = "nothing";
    if (entry.is_table) name = rules.tables[entry.index].name;
    if (entry.is_item()) name = rules.items[entry.index];
    if (entry.is_item() && entry.count.size() == 1) {
      name = stack_text(rules.items[entry.index], entry.count.low);
    }
    all.push_back({table.name, picked, total, entry.weight, std::move(name)});
  }
  void chance(const model::LootTable& table, const model::LootPool& pool, std::uint64_t picked) {
    const bool in = picked < pool.chance.numerator;
    const std::uint64_t share =
        in ? pool.chance.numerator : pool.chance.denominator - pool.chance.numerator;
    all.push_back({table.name, picked, pool.chance.denominator, share,
                   (in ? "" : "not ") + name_of(table, pool)});
  }
  void rolls(const model::LootTable& table, const model::LootPool& pool, std::uint64_t picked) {
    const std::uint64_t rolls = pool.rolls.low + picked;
    all.push_back(
        {table.name, picked, pool.rolls.size(), 1,
         std::to_string(rolls) + (rolls == 1 ? " roll of " : " rolls of ") + name_of(table, pool)});
  }
  void count(const model::LootTable& table, const model::LootEntry& entry, std::uint64_t picked) {
    const std::uint64_t count = entry.count.low + picked;
    all.push_back(
        {table.name, picked, entry.count.size(), 1, stack_text(rules.items[entry.index], count)});
  }
};

// The highest tier of the items, where that is to be announced.
std::optional<std::uint32_t> tier_to_announce(const model::EventRules& event,
                                              std::span<const Stack> stacks) {
  std::optional<std::uint32_t> highest;
  for (const auto& stack : stacks) {
    const auto at = std::lower_bound(
        event.item_tiers.begin(), event.item_tiers.end(), stack.item,
        [](const model::ItemTier& one, std::uint32_t item) { return one.item < item; });
    if (at == event.item_tiers.end() || at->item != stack.item) continue;
    if (at->tier >= *event.announce_from && (!highest || *highest < at->tier)) highest = at->tier;
  }
  return highest;
}

}  // namespace

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

const Stacks& Roller::roll(const model::RuleSet& rules, std::uint32_t table_index,
                           model::ClaimId claim, std::int64_t as_of_us) {
  begin(claim);
  const auto next = [this] { return next_word(); };
  draw(rules, table_index, as_of_us, next, SeesNothing{}, stacks_);
  return stacks_;
}

std::string_view Roller::reward(const model::RuleSet& rules, std::uint32_t table_index,
                                model::ClaimId claim, std::int64_t as_of_us) {
  const auto stacks = roll(rules, table_index, claim, as_of_us).all();
  const model::EventRules& event = rules.events[rules.tables[table_index].event];
  const auto tier = event.announce_from ? tier_to_announce(event, stacks) : std::nullopt;
  const bool is_item = stacks.size() == 1 && stacks[0].count == 1;
  if (is_item && !tier) return rules.items[stacks[0].item];
  text_.clear();
  for (const auto& stack : stacks) model::append_stack(text_, rules.items[stack.item], stack.count);
  if (tier) model::announce(text_, event.tiers[*tier]);
  return text_;
}

std::vector<model::RollPick> Roller::picks(const model::RuleSet& rules, std::uint32_t table_index,
                                           model::ClaimId claim, std::int64_t as_of_us) {
  std::vector<model::RollPick> all;
  begin(claim);
  const auto next = [this] { return next_word(); };
  draw(rules, table_index, as_of_us, next, Listing{rules, all}, stacks_);
  return all;
}

}  // namespace hunt::engine
