#include "rules/set_version.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "base/text.h"
#include "model/limits.h"

namespace hunt::rules {

namespace {

// The bytes that the version is the hash of: every field, with lengths, in the set's order.
class Canonical {
 public:
  void put(std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) bytes_.push_back(byte(value >> shift));
  }
  void put(std::int64_t value) { put(static_cast<std::uint64_t>(value)); }
  void put(std::string_view text) {
    put(std::uint64_t{text.size()});
    for (const char c : text) bytes_.push_back(static_cast<std::uint8_t>(c));
  }
  void put(const model::Openings& openings) {
    put(std::uint64_t{openings.size()});
    for (const auto& one : openings) {
      put(one.opens_us);
      put(one.closes_us);
    }
  }
  [[nodiscard]] std::string version() const {
    const Digest256 digest = Sha256().of(bytes_);
    return to_hex(Bytes(digest).first(8));
  }

 private:
  static std::uint8_t byte(std::uint64_t value) { return static_cast<std::uint8_t>(value & 255); }
  std::vector<std::uint8_t> bytes_;
};

bool is_plain(const model::EventRules& event) {
  return event.enabled && event.openings.empty() && event.zone == "UTC" && event.tiers.empty();
}

// What the language got later; not there for a set that uses none of it.
void put_additions(Canonical& out, const model::RuleSet& set) {
  if (set.times.empty() && std::all_of(set.events.begin(), set.events.end(), is_plain)) return;
  out.put(std::string_view("additions 1"));
  for (const auto& event : set.events) {
    out.put(std::uint64_t{event.enabled});
    out.put(event.zone);
    out.put(event.openings);
    out.put(std::uint64_t{event.tiers.size()});
    for (const auto& tier : event.tiers) out.put(tier);
    out.put(std::uint64_t{event.item_tiers.size()});
    for (const auto& [item, tier] : event.item_tiers) {
      out.put(set.items[item]);
      out.put(std::uint64_t{tier});
    }
  }
  out.put(std::uint64_t{set.times.size()});
  for (const auto& time : set.times) {
    out.put(time.name);
    out.put(std::uint64_t{time.event});
    out.put(time.openings);
  }
  for (const auto& entry : set.entries) out.put(std::uint64_t{entry.during});
}

bool has_pools(const model::RuleSet& set) {
  return std::any_of(set.tables.begin(), set.tables.end(),
                     [](const auto& table) { return table.stacked; });
}

// Tables that can give other than one item: there only where a set has one.
void put_pools(Canonical& out, const model::RuleSet& set) {
  if (!has_pools(set)) return;
  out.put(std::string_view("additions 2"));
  for (const auto& table : set.tables) {
    out.put(std::uint64_t{table.always_count});
    out.put(std::uint64_t{table.pool_count});
    for (std::uint32_t i = 0; i < table.pool_count; ++i) {
      const model::LootPool& pool = set.pools[table.first_pool + i];
      for (const std::uint64_t part :
           {pool.entry_count, pool.chance.numerator, pool.chance.denominator, pool.rolls.low,
            pool.rolls.high, std::uint32_t{pool.distinct}}) {
        out.put(part);
      }
    }
  }
  for (const auto& entry : set.entries) {
    out.put(std::uint64_t{entry.count.low});
    out.put(std::uint64_t{entry.count.high});
  }
}

// Where loot is to lie: it changes no roll, but a file that was cut there is another one.
void put_placements(Canonical& out, std::span<const Placement> placements) {
  if (placements.empty()) return;
  const auto put_area = [&out](const model::TileRect& area) {
    for (const auto at : {area.low.x, area.low.y, area.high.x, area.high.y}) {
      out.put(std::int64_t{at});
    }
  };
  out.put(std::string_view("additions 3"));
  out.put(std::uint64_t{placements.size()});
  for (const auto& one : placements) {
    for (const std::uint64_t part :
         {one.event, one.table, one.spawns, one.budget, one.apart_tiles}) {
      out.put(part);
    }
    out.put(one.every_us);
    out.put(one.world);
    put_area(one.area);
    out.put(std::uint64_t{one.except.size()});
    for (const auto& area : one.except) put_area(area);
  }
}

// For whom an event is and what is told of it: there only where one says so.
void put_reach(Canonical& out, const model::RuleSet& set) {
  const auto is_plain = [](const model::EventRules& event) {
    return event.worlds.empty() && event.rollout_percent == 100 && !event.announce_from;
  };
  if (std::all_of(set.events.begin(), set.events.end(), is_plain)) return;
  out.put(std::string_view("additions 4"));
  for (const auto& event : set.events) {
    out.put(std::uint64_t{event.worlds.size()});
    for (const auto& world : event.worlds) {
      const auto* id = std::get_if<model::WorldId>(&world);
      out.put(id != nullptr ? std::uint64_t{*id} : 0);
      out.put(id != nullptr ? std::string_view{} : std::string_view(std::get<std::string>(world)));
    }
    out.put(std::uint64_t{event.rollout_percent});
    out.put(std::uint64_t{event.announce_from.has_value()});
    out.put(std::uint64_t{event.announce_from.value_or(0)});
  }
}

void assert_event(const model::EventRules& event) {
  HUNT_ASSERT(event.rollout_percent >= 1 && event.rollout_percent <= 100);
  HUNT_ASSERT(event.rollout_percent == 100 || event.hint_radius_tiles == 0);
  HUNT_ASSERT(event.announce_from.value_or(0) < std::max<std::size_t>(event.tiers.size(), 1));
  HUNT_ASSERT(std::is_sorted(event.worlds.begin(), event.worlds.end()));
  HUNT_ASSERT(std::is_sorted(event.item_tiers.begin(), event.item_tiers.end(),
                             [](const auto& a, const auto& b) { return a.item < b.item; }));
}

void assert_pool(const model::RuleSet& set, const model::LootPool& pool) {
  std::uint64_t sum = 0;
  std::uint32_t at_all_times = 0;
  for (const auto& entry : set.entries_of(pool)) {
    HUNT_ASSERT(entry.weight >= 1 && entry.weight <= limits::weight_max);
    HUNT_ASSERT(entry.during == 0 || pool.timed);
    at_all_times += entry.during == 0 ? 1 : 0;
    sum += entry.weight;
  }
  HUNT_ASSERT(sum == pool.total_weight && at_all_times >= 1);
  HUNT_ASSERT(pool.chance.numerator >= 1 && pool.chance.numerator <= pool.chance.denominator);
  HUNT_ASSERT(pool.rolls.low <= pool.rolls.high && pool.rolls.high >= 1);
  HUNT_ASSERT(pool.rolls.high <= (pool.distinct ? at_all_times : limits::rolls_per_pool_max));
}

void assert_entry(const model::RuleSet& set, const model::LootTable& table,
                  const model::LootEntry& entry) {
  HUNT_ASSERT(entry.during == 0 || (table.timed && entry.during <= set.times.size()));
  HUNT_ASSERT(entry.count.low <= entry.count.high && entry.count.high <= limits::count_max);
  if (!entry.is_table) {
    HUNT_ASSERT(entry.is_nothing() || entry.index < set.items.size());
    HUNT_ASSERT(table.stacked || entry.count == model::Range{});
    return;
  }
  HUNT_ASSERT(entry.index < set.tables.size());
  HUNT_ASSERT(table.timed || !set.tables[entry.index].timed);
  HUNT_ASSERT(table.stacked || !set.tables[entry.index].stacked);
}

void assert_openings(const model::Openings& openings) {
  for (std::size_t i = 0; i < openings.size(); ++i) {
    HUNT_ASSERT(openings[i].opens_us < openings[i].closes_us);
    HUNT_ASSERT(i == 0 || openings[i - 1].closes_us < openings[i].opens_us);
  }
}

std::string_view name_of(const model::RuleSet& set, const model::LootEntry& entry) {
  if (entry.is_table) return set.tables[entry.index].name;
  return entry.is_nothing() ? std::string_view{} : std::string_view(set.items[entry.index]);
}

}  // namespace

std::string version_of(const model::RuleSet& set, std::span<const Placement> placements) {
  Canonical out;
  out.put(std::string_view("hunt rules 1"));
  out.put(std::uint64_t{set.events.size()});
  for (const auto& event : set.events) {
    out.put(event.name);
    out.put(static_cast<std::uint64_t>(event.trigger));
    out.put(std::int64_t{event.hint_radius_tiles});
    out.put(event.starts_us);
    out.put(event.ends_us);
  }
  out.put(std::uint64_t{set.tables.size()});
  for (const auto& table : set.tables) {
    out.put(table.name);
    out.put(std::uint64_t{table.event});
    out.put(std::uint64_t{table.entry_count});
    for (std::uint32_t i = 0; i < table.entry_count; ++i) {
      const auto& entry = set.entries[table.first_entry + i];
      out.put(entry.weight);
      out.put(std::uint64_t{entry.is_table});
      out.put(name_of(set, entry));
    }
  }
  put_additions(out, set);
  put_pools(out, set);
  put_placements(out, placements);
  put_reach(out, set);
  return out.version();
}

void assert_invariants(const model::RuleSet& set) {
  HUNT_ASSERT(set.version.size() == 16 && !set.tables.empty());
  for (const auto& event : set.events) {
    assert_openings(event.openings);
    assert_event(event);
  }
  for (const auto& time : set.times) {
    HUNT_ASSERT(time.event < set.events.size() && !time.openings.empty());
    assert_openings(time.openings);
  }
  for (const auto& table : set.tables) {
    HUNT_ASSERT(table.event < set.events.size() && table.entry_count >= 1);
    HUNT_ASSERT(std::size_t{table.first_entry} + table.entry_count <= set.entries.size());
    for (const auto& entry : set.entries_of(table)) assert_entry(set, table, entry);
    std::size_t entries = table.always_count;
    for (const auto& pool : set.pools_of(table)) {
      HUNT_ASSERT(pool.first_entry == table.first_entry + entries);
      entries += pool.entry_count;
      assert_pool(set, pool);
    }
    HUNT_ASSERT(entries == table.entry_count);
  }
}

}  // namespace hunt::rules
