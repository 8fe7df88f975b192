// The compiled rules: flat tables that the engine reads. Immutable; swapped whole.
//
// Not the language (rules/ parses, checks and compiles it) and not the roll (engine/roll.h).
// Invariants (asserted where it is made): every index is in range, tables do not form a cycle, each
// table has entry_count >= 1, each pool and each short table has total_weight = the sum of its
// weights >= 1 and an entry that is drawn at all times, one find of any table stays within
// limits::draws_per_find_max, items_per_find_max and reward_bytes_max, names are unique, openings
// are sorted, apart and not empty, an event for some of the players (rollout_percent 1 .. 99) gives
// no hints.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/limits.h"
#include "model/spawn.h"
#include "model/world_ref.h"

namespace hunt::model {

enum class Trigger : std::uint8_t { step, dig };  // step: a dig is a step too

// Sorted, apart from each other, none empty.
using Openings = std::vector<TimeWindow>;

// The first that opens later than then, or the end.
[[nodiscard]] inline auto first_after(std::span<const TimeWindow> openings,
                                      std::int64_t as_of_us) noexcept {
  return std::upper_bound(
      openings.begin(), openings.end(), as_of_us,
      [](std::int64_t time_us, const TimeWindow& one) { return time_us < one.opens_us; });
}

// The opening that holds as of then; nullptr: none does.
[[nodiscard]] inline const TimeWindow* opening_at(std::span<const TimeWindow> openings,
                                                  std::int64_t as_of_us) noexcept {
  const auto after = first_after(openings, as_of_us);
  if (after == openings.begin() || std::prev(after)->closed(as_of_us)) return nullptr;
  return &*std::prev(after);
}

// The first moment after `as_of_us` at which one opens or closes; time_us_max: there is none.
[[nodiscard]] inline std::int64_t next_edge_us(std::span<const TimeWindow> openings,
                                               std::int64_t as_of_us) noexcept {
  const auto after = first_after(openings, as_of_us);
  if (after != openings.begin() && !std::prev(after)->closed(as_of_us)) {
    return std::prev(after)->closes_us;
  }
  return after == openings.end() ? time_us_max : after->opens_us;
}

// Every whole number from low to high, each equally likely.
struct Range {
  std::uint32_t low = 1;
  std::uint32_t high = 1;
  [[nodiscard]] std::uint64_t size() const noexcept { return std::uint64_t{high} - low + 1; }
  friend bool operator==(const Range&, const Range&) = default;
};

// A probability in lowest terms; 1/1: certain.
struct Chance {
  std::uint32_t numerator = 1;
  std::uint32_t denominator = 1;  // 1 .. limits::chance_denominator_max
};

struct LootEntry {
  std::uint64_t weight = 0;  // 1 .. limits::weight_max; 0: of `always`
  bool is_table = false;     // else an item, or nothing
  std::uint32_t index = 0;   // into RuleSet::tables or RuleSet::items
  std::uint16_t during = 0;  // 0: always; else drawn only in RuleSet::times[during - 1]
  Range count = {};          // of the item; 0 to 0: the entry gives nothing

  [[nodiscard]] bool is_nothing() const noexcept { return count.high == 0; }
  [[nodiscard]] bool is_item() const noexcept { return !is_table && !is_nothing(); }
};

// Entries of which some are drawn.
struct LootPool {
  std::uint32_t first_entry = 0;
  std::uint32_t entry_count = 0;
  std::uint64_t total_weight = 0;
  Chance chance = {};
  Range rolls = {};
  bool distinct = false;  // an entry that was drawn is not drawn again by the same find
  bool timed = false;     // an entry of it has `during`
};

static_assert(limits::always_per_table_max < 256 && limits::pools_per_table_max < 256);

// Its entries stand together: first those that are always given, then those of each pool. A short
// table has neither: one of its entries is drawn.
struct LootTable {
  std::string name;
  std::uint32_t event = 0;  // into RuleSet::events
  std::uint32_t first_entry = 0;
  std::uint32_t entry_count = 0;
  std::uint64_t total_weight = 0;  // 0: not short
  bool timed = false;    // an entry of it, or of a table below, has `during`: a roll needs the time
  bool stacked = false;  // a find of it can be something else than one item of count 1
  std::uint8_t always_count = 0;
  std::uint8_t pool_count = 0;
  std::uint32_t first_pool = 0;  // into RuleSet::pools

  [[nodiscard]] bool is_short() const noexcept { return total_weight != 0; }
};

// A named time of one event, for `during`.
struct NamedTime {
  std::string name;
  std::uint32_t event = 0;  // into RuleSet::events
  Openings openings;
};

struct ItemTier {
  std::uint32_t item = 0;  // into RuleSet::items
  std::uint32_t tier = 0;  // into EventRules::tiers
};

struct EventRules {
  std::string name;
  Trigger trigger = Trigger::step;
  std::int32_t hint_radius_tiles = 0;  // 0: no hints
  std::int64_t starts_us = time_us_min;
  std::int64_t ends_us = time_us_max;
  bool enabled = true;                    // else nothing of it can be found, as before it starts
  bool stopped = false;                   // by hand, while it runs: `closed`. Not in the version
  Openings openings = {};                 // within the window; empty: all of it
  std::string zone = {};                  // IANA name, for people: all times here are UTC already
  std::vector<std::string> tiers = {};    // low to high
  std::vector<ItemTier> item_tiers = {};  // by item
  std::vector<WorldRef> worlds = {};      // sorted; empty: all
  std::uint32_t rollout_percent = 100;    // of the players (engine/rollout.h); below: no hints
  std::optional<std::uint32_t> announce_from = {};  // into tiers; rewards of it and above are told

  [[nodiscard]] TimeWindow window() const noexcept { return {starts_us, ends_us}; }
  [[nodiscard]] bool opened(std::int64_t as_of_us) const noexcept {
    return enabled && window().opened(as_of_us);
  }
  [[nodiscard]] bool in_opening(std::int64_t as_of_us) const noexcept {
    return window().holds(as_of_us) &&
           (openings.empty() || opening_at(openings, as_of_us) != nullptr);
  }
  // An event that names no worlds is of all.
  [[nodiscard]] bool in_world(const World& world) const noexcept {
    const auto is_it = [&world](const WorldRef& one) {
      const auto* id = std::get_if<WorldId>(&one);
      return id != nullptr ? *id == world.id : *std::get_if<std::string>(&one) == world.name;
    };
    return worlds.empty() || std::any_of(worlds.begin(), worlds.end(), is_it);
  }
  // Whether its loot can be taken as of then.
  [[nodiscard]] bool holds(std::int64_t as_of_us) const noexcept {
    return enabled && !stopped && in_opening(as_of_us);
  }
};

struct RuleSet {
  std::string version;  // 16 hexadecimal digits of the SHA-256 of the compiled set
  std::vector<EventRules> events;
  std::vector<LootTable> tables;
  std::vector<LootEntry> entries;
  std::vector<LootPool> pools;
  std::vector<std::string> items;
  std::vector<NamedTime> times;

  [[nodiscard]] std::optional<std::uint32_t> find_table(std::string_view name) const noexcept {
    for (std::uint32_t i = 0; i < tables.size(); ++i) {
      if (tables[i].name == name) return i;
    }
    return {};
  }
  [[nodiscard]] std::span<const LootEntry> entries_of(const LootTable& table) const noexcept {
    return std::span(entries).subspan(table.first_entry, table.entry_count);
  }
  [[nodiscard]] std::span<const LootEntry> always_of(const LootTable& table) const noexcept {
    return std::span(entries).subspan(table.first_entry, table.always_count);
  }
  [[nodiscard]] std::span<const LootEntry> entries_of(const LootPool& pool) const noexcept {
    return std::span(entries).subspan(pool.first_entry, pool.entry_count);
  }
  // What a table draws from: its pools; of a short one the pool that it is.
  [[nodiscard]] std::vector<LootPool> pools_of(const LootTable& table) const {
    if (table.is_short()) return {short_pool(table)};
    const auto first = pools.begin() + table.first_pool;
    return {first, first + table.pool_count};
  }
  [[nodiscard]] LootPool short_pool(const LootTable& table) const {
    LootPool pool{table.first_entry, table.entry_count, table.total_weight, {}, {}, false, false};
    for (const auto& entry : entries_of(table)) pool.timed = pool.timed || entry.during != 0;
    return pool;
  }
  [[nodiscard]] std::int32_t hint_radius_tiles_max() const noexcept {
    std::int32_t radius = 0;
    for (const auto& event : events) radius = std::max(radius, event.hint_radius_tiles);
    return radius;
  }
};

}  // namespace hunt::model
