// The compiled rules: flat tables that the engine reads. Immutable; swapped whole.
//
// Not the language (rules/ parses, checks and compiles it) and not the roll (engine/roll.h).
// Invariants (asserted where it is made): every index is in range, tables do not form a cycle, each
// table has entry_count >= 1 and total_weight = the sum of its weights >= 1, names are unique.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/spawn.h"

namespace hunt::model {

enum class Trigger : std::uint8_t { step, dig };  // step: a dig is a step too

struct LootEntry {
  std::uint64_t weight = 0;  // 1 .. limits::weight_max
  bool is_table = false;     // else an item
  std::uint32_t index = 0;   // into RuleSet::tables or RuleSet::items
};

struct LootTable {
  std::string name;
  std::uint32_t event = 0;  // into RuleSet::events
  std::uint32_t first_entry = 0;
  std::uint32_t entry_count = 0;
  std::uint64_t total_weight = 0;
};

struct EventRules {
  std::string name;
  Trigger trigger = Trigger::step;
  std::int32_t hint_radius_tiles = 0;  // 0: no hints
  std::int64_t starts_us = time_us_min;
  std::int64_t ends_us = time_us_max;
  [[nodiscard]] TimeWindow window() const noexcept { return {starts_us, ends_us}; }
};

struct RuleSet {
  std::string version;  // 16 hexadecimal digits of the SHA-256 of the compiled set
  std::vector<EventRules> events;
  std::vector<LootTable> tables;
  std::vector<LootEntry> entries;
  std::vector<std::string> items;

  [[nodiscard]] std::optional<std::uint32_t> find_table(std::string_view name) const noexcept {
    for (std::uint32_t i = 0; i < tables.size(); ++i) {
      if (tables[i].name == name) return i;
    }
    return {};
  }
  [[nodiscard]] std::int32_t hint_radius_tiles_max() const noexcept {
    std::int32_t radius = 0;
    for (const auto& event : events) radius = std::max(radius, event.hint_radius_tiles);
    return radius;
  }
};

}  // namespace hunt::model
