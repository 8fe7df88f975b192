#include "rules/parse_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "model/limits.h"

namespace hunt::rules {

namespace {

using Kind = YamlNode::Kind;

// "fifth", "21st"
std::string ordinal(std::size_t number) {
  static constexpr std::array<std::string_view, 10> words{"first", "second", "third",   "fourth",
                                                          "fifth", "sixth",  "seventh", "eighth",
                                                          "ninth", "tenth"};
  if (number >= 1 && number <= words.size()) return std::string(words[number - 1]);
  const std::size_t tens = number / 10 % 10;
  const std::size_t last = tens == 1 ? 0 : number % 10;
  return fmt::format("{}{}", number, last == 1 ? "st" : last == 2 ? "nd" : last == 3 ? "rd" : "th");
}

class TableParser {
 public:
  explicit TableParser(MapReader& maps) : maps_(maps) {}

  void table(const YamlNode& node, SourceTable& table) {
    if (node.kind == Kind::map) return long_form(node, table);
    SourcePool pool;
    pool.at = table.name.at;
    entries(node, table, pool);
    table.pools.push_back(std::move(pool));
  }

 private:
  void error(Mark at, std::string message) { maps_.error(at, std::move(message)); }

  void long_form(const YamlNode& node, SourceTable& table) {
    maps_.refuse_others(node, In::table);
    const YamlNode* always = YamlKeys::find(node, "always");
    const YamlNode* pools = YamlKeys::find(node, "pools");
    if (always == nullptr && pools == nullptr) {
      error(node.at, "a table needs \"pools\" or \"always\"");
    }
    if (always != nullptr && maps_.is_list(*always, "always", "entries such as {item: star_shard}",
                                           1, limits::always_per_table_max)) {
      for (const auto& child : always->children) given(child, table);
    }
    if (pools != nullptr && maps_.is_list(*pools, "pools", "pools such as {draw: [...]}", 1,
                                          limits::pools_per_table_max)) {
      for (const auto& child : pools->children) pool(child, table);
    }
    if (const auto* value = YamlKeys::find(node, "may_be_empty")) {
      table.may_be_empty = read_flag(maps_, *value, "may_be_empty").value_or(true);
    }
  }

  void pool(const YamlNode& node, SourceTable& table) {
    if (node.kind != Kind::map) {
      error(node.at, fmt::format("expected a pool such as {{draw: [...]}}, {}", found(node)));
      return;
    }
    maps_.refuse_others(node, In::pool);
    SourcePool pool;
    pool.at = node.at;
    if (const auto* value = YamlKeys::find(node, "chance")) {
      pool.chance = read_chance(maps_, *value).value_or(model::Chance{});
    }
    const YamlNode* rolls = YamlKeys::find(node, "rolls");
    if (rolls != nullptr) {
      pool.rolls = read_range(maps_, *rolls, "rolls", limits::rolls_per_pool_max,
                              "never draws; remove the pool")
                       .value_or(model::Range{});
    }
    if (const auto* value = YamlKeys::find(node, "distinct")) {
      pool.distinct = read_flag(maps_, *value, "distinct").value_or(false);
    }
    if (const auto* draw = maps_.require(node, "draw")) entries(*draw, table, pool);
    if (pool.distinct && rolls != nullptr) check_distinct(pool, rolls->at);
    if (pool.rolls.high == 1) pool.distinct = false;  // it changes nothing
    table.pools.push_back(std::move(pool));
  }

  void check_distinct(const SourcePool& pool, Mark at) {
    const auto there = static_cast<std::size_t>(
        std::count_if(pool.entries.begin(), pool.entries.end(),
                      [](const auto& entry) { return entry.during.text.empty(); }));
    if (there == 0 || pool.rolls.high <= there) return;
    error(at,
          fmt::format(
              "rolls: up to {} of {} {}; a {} could not be drawn", pool.rolls.high, there,
              there == pool.entries.size() ? "different entries" : "that are there at all times",
              ordinal(there + 1)));
  }

  void entries(const YamlNode& node, const SourceTable& table, SourcePool& pool) {
    const std::string label = printable(table.name.text);
    if (node.kind != Kind::list) {
      error(node.at, fmt::format("table \"{}\": expected a list of entries such as "
                                 "\"- {{item: star_shard, weight: 60}}\", {}",
                                 label, found(node)));
      return;
    }
    if (node.children.empty()) {
      error(node.at, fmt::format("table \"{}\" is empty; a roll on it could give nothing", label));
    }
    if (node.children.size() > limits::entries_per_table_max) {
      error(node.at, fmt::format("table \"{}\" has {} entries, more than {}; nest tables instead",
                                 label, node.children.size(), limits::entries_per_table_max));
      return;
    }
    for (const auto& child : node.children) drawn(child, pool);
  }

  // An entry of a pool.
  void drawn(const YamlNode& node, SourcePool& pool) {
    if (node.kind != Kind::map) {
      error(node.at, fmt::format("expected an entry such as {{item: star_shard, weight: 60}}, {}",
                                 found(node)));
      return;
    }
    maps_.refuse_others(node, In::entry);
    SourceEntry entry = target(node);
    if (const auto* value = maps_.require(node, "weight")) {
      entry.weight = read_weight(maps_, *value);
    }
    if (const auto* value = YamlKeys::find(node, "during")) {
      entry.during = read_name(maps_, *value, "during");
    }
    pool.entries.push_back(std::move(entry));
  }

  // An entry of `always`.
  void given(const YamlNode& node, SourceTable& table) {
    if (node.kind != Kind::map) {
      error(node.at,
            fmt::format("expected an entry such as {{item: star_shard}}, {}", found(node)));
      return;
    }
    maps_.refuse_others(node, In::given);
    table.always.push_back(target(node));
  }

  // What an entry gives, and how many.
  SourceEntry target(const YamlNode& node) {
    SourceEntry entry;
    entry.at = node.at;
    const YamlNode* item = YamlKeys::find(node, "item");
    const YamlNode* nested = YamlKeys::find(node, "table");
    const YamlNode* nothing = YamlKeys::find(node, "nothing");
    const YamlNode* count = YamlKeys::find(node, "count");
    const auto several = (item != nullptr) + (nested != nullptr) + (nothing != nullptr);
    if (several > 1) {
      const YamlNode* second = nothing != nullptr ? nothing : nested;
      error(second->at, nothing == nullptr
                            ? "an entry is an item or a table, not both; make two entries"
                            : "an entry gives something or nothing, not both; make two entries");
    } else if (item != nullptr) {
      entry.target = read_name(maps_, *item, "item", NameOf::item);
    } else if (nested != nullptr) {
      entry.gives = SourceEntry::Gives::table;
      entry.target = read_name(maps_, *nested, "table");
    } else if (nothing != nullptr) {
      if (read_flag(maps_, *nothing, "nothing").value_or(false)) {
        entry.gives = SourceEntry::Gives::nothing;
      } else if (nothing->text == "false" && !nothing->quoted) {
        error(nothing->at, "nothing: false says nothing; give the entry an item or a table");
      }
    } else {
      error(node.at, "an entry needs \"item\" or \"table\"");
    }
    if (count == nullptr) return entry;
    if (!entry.is_item()) {
      error(count->at, entry.is_table() ? "count: only an item has one; to draw a table several "
                                          "times give its pool rolls"
                                        : "count: nothing has none; leave it out");
    } else if (const auto range = read_range(maps_, *count, "count", limits::count_max,
                                             "gives nothing; leave the entry out")) {
      entry.count = *range;
    }
    return entry;
  }

  MapReader& maps_;
};

}  // namespace

std::string label_of(const SourceTable& table, const SourcePool& pool) {
  if (table.pools.size() == 1) return fmt::format("\"{}\"", table.name.text);
  return fmt::format("pool {} of \"{}\"", &pool - table.pools.data() + 1, table.name.text);
}

std::vector<SourceTable> parse_tables(const YamlNode& node, MapReader& maps) {
  std::vector<SourceTable> all;
  if (!maps.is_map(node, "tables", "table names to lists of entries", limits::tables_max)) {
    return all;
  }
  TableParser parser(maps);
  for (std::size_t i = 0; i < node.children.size(); i += 2) {
    SourceTable table;
    table.name = read_key_name(maps, node.children[i], "table name");
    parser.table(node.children[i + 1], table);
    all.push_back(std::move(table));
  }
  return all;
}

}  // namespace hunt::rules
