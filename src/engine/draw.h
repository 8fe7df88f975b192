// draw(): the picks of one find, from words to stacks of items.
//
// Not the words (roll.h). Pure; does not allocate. Bounds: of a compiled set, see
// model/rule_set.h.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
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

struct Stack {
  std::uint32_t item = 0;   // into RuleSet::items
  std::uint64_t count = 0;  // at least 1
  friend bool operator==(const Stack&, const Stack&) = default;
};

// What one find gives: one stack of each item, in the order in which they came first.
class Stacks {
 public:
  void clear() noexcept { size_ = 0; }
  void add(std::uint32_t item, std::uint64_t count) {
    const auto same = std::find_if(stacks_.begin(), stacks_.begin() + size_,
                                   [item](const Stack& one) { return one.item == item; });
    if (same != stacks_.begin() + size_) {
      same->count += count;
      return;
    }
    HUNT_ASSERT(size_ < stacks_.size());
    stacks_[size_++] = {item, count};
  }
  [[nodiscard]] std::span<const Stack> all() const noexcept { return {stacks_.data(), size_}; }

 private:
  std::array<Stack, limits::items_per_find_max> stacks_;
  std::size_t size_ = 0;
};

// Who looks at no pick. `picked` is below the total of weights, the denominator of the chance, or
// the size of the range.
struct SeesNothing {
  void entry(const model::LootTable&, std::uint64_t /*picked*/, std::uint64_t /*total*/,
             const model::LootEntry&) const noexcept {}
  void chance(const model::LootTable&, const model::LootPool&, std::uint64_t) const noexcept {}
  void rolls(const model::LootTable&, const model::LootPool&, std::uint64_t) const noexcept {}
  void count(const model::LootTable&, const model::LootEntry&, std::uint64_t) const noexcept {}
};

template <typename NextWord, typename See>
class Drawing {
 public:
  Drawing(const model::RuleSet& rules, std::int64_t as_of_us, NextWord& next_word, See& see,
          Stacks& out)
      : rules_(rules), as_of_us_(as_of_us), next_word_(next_word), see_(see), out_(out) {}

  // A find of a table.
  void find(const model::LootTable& table) {
    if (table.is_short()) return draw_short(table);
    for (const auto& entry : rules_.always_of(table)) give(table, entry);
    for (std::uint32_t i = 0; i < table.pool_count; ++i) {
      draw_pool(table, rules_.pools[table.first_pool + i]);
    }
  }

 private:
  [[nodiscard]] std::uint64_t pick(std::uint64_t total) {
    for (;;) {
      if (const auto below = pick_below(next_word_(), total)) return *below;
    }
  }

  // Through tables in their short form, without recursion: what most events are.
  void draw_short(const model::LootTable& first) {
    const model::LootTable* table = &first;
    for (std::size_t depth = 0; depth <= limits::table_nesting_max; ++depth) {
      const model::LootEntry& entry =
          draw_one(*table, rules_.entries_of(*table), table->timed ? 0 : table->total_weight);
      const bool goes_on = entry.is_table && rules_.tables[entry.index].is_short();
      if (!goes_on) return give(*table, entry);
      table = &rules_.tables[entry.index];
    }
    HUNT_ASSERT(false && "the compiler bounds the nesting");
  }

  void draw_pool(const model::LootTable& table, const model::LootPool& pool) {
    if (pool.chance.denominator > 1) {
      const std::uint64_t picked = pick(pool.chance.denominator);
      see_.chance(table, pool, picked);
      if (picked >= pool.chance.numerator) return;
    }
    std::uint64_t rolls = pool.rolls.low;
    if (pool.rolls.size() > 1) {
      const std::uint64_t picked = pick(pool.rolls.size());
      see_.rolls(table, pool, picked);
      rolls += picked;
    }
    const auto entries = rules_.entries_of(pool);
    if (pool.distinct) return draw_distinct(table, entries, rolls);
    for (; rolls > 0; --rolls) {
      give(table, draw_one(table, entries, pool.timed ? 0 : pool.total_weight));
    }
  }

  // `total`: of their weights; 0: of those that can be drawn as of then.
  const model::LootEntry& draw_one(const model::LootTable& table,
                                   std::span<const model::LootEntry> entries, std::uint64_t total) {
    const model::LootEntry* entry = entries.data();
    std::uint64_t picked = 0;
    if (total != 0) {
      std::uint64_t left = picked = pick(total);
      while (left >= entry->weight) left -= (entry++)->weight;
    } else {
      total = total_of(entries);
      std::uint64_t left = picked = pick(total);
      for (;; ++entry) {
        if (!takes_part(rules_, *entry, as_of_us_)) continue;
        if (left < entry->weight) break;
        left -= entry->weight;
      }
    }
    see_.entry(table, picked, total, *entry);
    return *entry;
  }

  [[nodiscard]] std::uint64_t total_of(std::span<const model::LootEntry> entries) const {
    std::uint64_t total = 0;
    for (const auto& entry : entries) {
      if (takes_part(rules_, entry, as_of_us_)) total += entry.weight;
    }
    return total;
  }

  // As draw_one() for each roll, among those that were not drawn yet.
  void draw_distinct(const model::LootTable& table, std::span<const model::LootEntry> entries,
                     std::uint64_t rolls) {
    std::array<std::size_t, limits::rolls_per_pool_max> drawn;  // sorted
    std::size_t drawn_size = 0;
    std::uint64_t total = total_of(entries);
    for (; rolls > 0; --rolls) {
      const std::uint64_t picked = pick(total);
      std::uint64_t left = picked;
      std::size_t passed = 0;  // of those that were drawn
      std::size_t at = 0;
      for (;; ++at) {
        if (passed < drawn_size && drawn[passed] == at) {
          ++passed;
          continue;
        }
        if (!takes_part(rules_, entries[at], as_of_us_)) continue;
        if (left < entries[at].weight) break;
        left -= entries[at].weight;
      }
      const auto place = drawn.begin() + passed;
      std::copy_backward(place, drawn.begin() + drawn_size, drawn.begin() + drawn_size + 1);
      *place = at;
      ++drawn_size;
      see_.entry(table, picked, total, entries[at]);
      total -= entries[at].weight;
      give(table, entries[at]);
    }
  }

  void give(const model::LootTable& table, const model::LootEntry& entry) {
    if (entry.is_table) return find(rules_.tables[entry.index]);
    if (entry.is_nothing()) return;
    std::uint64_t count = entry.count.low;
    if (entry.count.size() > 1) {
      const std::uint64_t picked = pick(entry.count.size());
      see_.count(table, entry, picked);
      count += picked;
    }
    if (count > 0) out_.add(entry.index, count);
  }

  const model::RuleSet& rules_;
  std::int64_t as_of_us_;
  NextWord& next_word_;
  See& see_;
  Stacks& out_;
};

// What a table yields with the words that `next_word()` gives, into `out`. Each pick is shown to
// `see`, which has what SeesNothing has.
template <typename NextWord, typename See>
void draw(const model::RuleSet& rules, std::uint32_t table_index, std::int64_t as_of_us,
          NextWord&& next_word, See&& see, Stacks& out) {
  out.clear();
  Drawing drawing(rules, as_of_us, next_word, see, out);
  drawing.find(rules.tables[table_index]);
}

// The same, for who looks at no pick.
template <typename NextWord>
[[nodiscard]] Stacks draw(const model::RuleSet& rules, std::uint32_t table_index,
                          std::int64_t as_of_us, NextWord&& next_word) {
  Stacks out;
  draw(rules, table_index, as_of_us, next_word, SeesNothing{}, out);
  return out;
}

}  // namespace hunt::engine
