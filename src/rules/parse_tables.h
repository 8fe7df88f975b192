// The tables of one event file: entries, pools, and what is drawn from them.
//
// Not the rest of the event (parse.h), nor what tables mean together (compile.h).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/rule_set.h"
#include "rules/map_reader.h"
#include "rules/scalars.h"

namespace hunt::rules {

struct SourceEntry {
  enum class Gives : std::uint8_t { item, table, nothing };
  Mark at;
  Gives gives = Gives::item;
  SourceName target;         // of an item or a table; empty: wrong, and already reported
  std::uint64_t weight = 0;  // 0: of `always`, or wrong, and already reported
  SourceName during;         // empty: always
  model::Range count;
  std::uint32_t table = 0;  // the compiler's number of the table that it names

  [[nodiscard]] bool is_table() const noexcept { return gives == Gives::table; }
  [[nodiscard]] bool is_item() const noexcept { return gives == Gives::item; }
};

struct SourcePool {
  Mark at;
  std::vector<SourceEntry> entries;
  model::Chance chance;
  model::Range rolls;
  bool distinct = false;

  // One sure roll: all that a table in its short form can say.
  [[nodiscard]] bool is_plain() const noexcept {
    return chance.denominator == 1 && rolls == model::Range{} && !distinct;
  }
};

struct SourceTable {
  SourceName name;
  std::vector<SourceEntry> always;
  std::vector<SourcePool> pools;  // in the short form one
  bool may_be_empty = false;

  [[nodiscard]] bool is_short() const noexcept {
    return always.empty() && pools.size() == 1 && pools[0].is_plain();
  }
};

// `see(entry)` for each entry of a table, those of `always` first.
template <typename Table, typename See>
void for_each_entry(Table& table, See&& see) {
  for (auto& entry : table.always) see(entry);
  for (auto& pool : table.pools) {
    for (auto& entry : pool.entries) see(entry);
  }
}

// "t", or "pool 2 of "t"" where the table has several.
[[nodiscard]] std::string label_of(const SourceTable& table, const SourcePool& pool);

// What could be read of the map of tables; mistakes go to `maps`.
[[nodiscard]] std::vector<SourceTable> parse_tables(const YamlNode& node, MapReader& maps);

}  // namespace hunt::rules
