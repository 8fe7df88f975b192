// Hytale drop lists, as its public documents describe them: a tree of containers.
//
// A Choice draws one of its children by weight, so many times. A Multiple gives all of them, each
// with its weight as a percentage.
#include <fmt/format.h>

#include "importers/json_source.h"

namespace hunt::importers {

namespace {

class HytaleImport {
 public:
  HytaleImport(Draft& draft, const Source& source) : draft_(draft), source_(source) {}

  void run() {
    const auto parsed = parse_source(source_, draft_);
    if (!parsed) return;
    const Place place{source_.name, ""};
    if (!parsed->is_object()) return draft_.problem(place, "expected an object with \"Container\"");
    const json::object& root = parsed->get_object();
    Table table;
    table.name = draft_.table_name(id_of(source_.name), place);
    draft_.begin(table.name, place);
    const json::value* inner = find(root, "Container");
    if (inner != nullptr && !inner->is_object()) {
      return draft_.problem(below(place, "Container"), "expected an object");
    }
    if (inner != nullptr) {
      give(inner->get_object(), {1, 1}, table, below(place, "Container"), 0);
    } else if (find(root, "Type") != nullptr) {
      give(root, {1, 1}, table, place, 0);
    } else if (!root.empty()) {
      return draft_.problem(place, "expected \"Container\", or \"Type\"");
    }
    draft_.fill(std::move(table));
  }

 private:
  static std::string id_of(const std::string& file) {
    const auto slash = file.rfind('/');
    const std::string name = slash == std::string::npos ? file : file.substr(slash + 1);
    return name.ends_with(".json") ? name.substr(0, name.size() - 5) : name;
  }

  // All that a container gives, with a chance, into a table.
  void give(const json::object& from, Fraction chance, Table& table, const Place& place,
            std::size_t depth) {
    if (depth > depth_max) return draft_.problem(place, "containers are too deep in each other");
    const std::string type = text_of(from, "Type");
    if (type == "Empty" || chance.is_zero()) return;
    const json::array* children = nullptr;
    if (type == "Choice" || type == "Multiple") {
      children = children_of(from, place);
      if (children == nullptr) return;
    }
    if (type == "Choice") {
      Pool pool = choice(from, *children, table.name, place, depth);
      pool.chance = chance;
      table.pools.push_back(std::move(pool));
    } else if (type == "Multiple" && chance.is_one() && is_once(from, place)) {
      give_each(*children, table, below(place, "Containers"), depth);
    } else {
      Entry entry = entry_of(from, table.name, place, depth);
      if (entry.kind == Entry::Kind::nothing) return;
      if (chance.is_one() && type != "Multiple") {
        table.always.push_back(std::move(entry));
      } else {
        table.pools.push_back({{1, 1}, chance, false, {std::move(entry)}});
      }
    }
  }

  void give_each(const json::array& children, Table& table, const Place& place, std::size_t depth) {
    for (std::size_t i = 0; i < children.size() && !draft_.gives_up(); ++i) {
      const Place there = below(place, i);
      if (!children[i].is_object()) {
        draft_.problem(there, "expected an object");
        continue;
      }
      const json::object& child = children[i].get_object();
      Fraction weight = weight_of(child, there);
      if (weight.numerator > 100 * weight.denominator) weight = {100, 1};
      const auto chance = product(weight, {1, 100});
      if (!chance) {
        draft_.problem(below(there, "Weight"), "it has too many decimals");
        continue;
      }
      give(child, *chance, table, there, depth + 1);
    }
  }

  Pool choice(const json::object& from, const json::array& children, const std::string& table,
              const Place& place, std::size_t depth) {
    Pool pool;
    pool.rolls = range_of(from, "RollsMin", "RollsMax", 64, place);
    for (std::size_t i = 0; i < children.size() && !draft_.gives_up(); ++i) {
      const Place there = below(below(place, "Containers"), i);
      if (!children[i].is_object()) {
        draft_.problem(there, "expected an object");
        continue;
      }
      const json::object& child = children[i].get_object();
      const Fraction weight = weight_of(child, there);
      if (weight.is_zero()) continue;
      Entry entry = entry_of(child, table, there, depth + 1);
      entry.weight = weight;
      pool.draw.push_back(std::move(entry));
    }
    return pool;
  }

  // What one draw of a container is: an item, nothing, or a table of its own.
  Entry entry_of(const json::object& from, const std::string& table, const Place& place,
                 std::size_t depth) {
    const std::string type = text_of(from, "Type");
    Entry entry = nothing();
    if (depth > depth_max) {
      draft_.problem(place, "containers are too deep in each other");
    } else if (type == "Single") {
      item(from, entry, place);
    } else if (type == "Droplist") {
      const std::string key = find(from, "DroplistId") != nullptr ? "DroplistId" : "DropListId";
      entry.kind = Entry::Kind::table;
      entry.name = draft_.table_name(text_of(from, key), below(place, key));
      draft_.need(entry.name, place);
    } else if (type == "Choice" || type == "Multiple") {
      entry.kind = Entry::Kind::table;
      entry.name = inner_table(from, type, table, place, depth);
    } else if (type != "Empty") {
      draft_.problem(below(place, "Type"),
                     fmt::format("\"{}\" is no container: expected Single, Choice, Multiple, Empty "
                                 "or Droplist",
                                 type));
    }
    return entry;
  }

  std::string inner_table(const json::object& from, const std::string& type,
                          const std::string& table, const Place& place, std::size_t depth) {
    Table inner;
    inner.name = draft_.free_name(table + ".inner");
    draft_.begin(inner.name, place);
    const json::array* children = children_of(from, place);
    if (children == nullptr) return inner.name;
    if (type == "Choice") {
      Pool pool = choice(from, *children, inner.name, place, depth);
      inner.pools.push_back(std::move(pool));
    } else if (const auto times = times_of(from, place); times.low == 1 && times.high == 1) {
      give_each(*children, inner, below(place, "Containers"), depth);
    } else {
      Table each;
      each.name = draft_.free_name(table + ".each");
      draft_.begin(each.name, place);
      give_each(*children, each, below(place, "Containers"), depth);
      Entry entry{Entry::Kind::table, each.name, {1, 1}, {1, 1}};
      draft_.fill(std::move(each));
      inner.pools.push_back({times, {1, 1}, false, {std::move(entry)}});
    }
    const std::string name = inner.name;
    draft_.fill(std::move(inner));
    return name;
  }

  bool is_once(const json::object& from, const Place& place) {
    const Range times = times_of(from, place);
    return times.low == 1 && times.high == 1;
  }

  // How often a Multiple is given: documents disagree, so it is refused unless somebody says so.
  Range times_of(const json::object& from, const Place& place) {
    if (find(from, "MinCount") == nullptr && find(from, "MaxCount") == nullptr) return {1, 1};
    const Range times = range_of(from, "MinCount", "MaxCount", 64, place);
    if (times.low == 1 && times.high == 1) return times;
    const auto said = draft_.options().assume.find("multiple");
    if (said != draft_.options().assume.end() && said->second == "repeat") return times;
    draft_.problem(place,
                   "MinCount and MaxCount of a Multiple are described in more than one way; "
                   "if they say how often all of it is given: --assume multiple=repeat");
    return {1, 1};
  }

  const json::array* children_of(const json::object& from, const Place& place) {
    const json::value* list = find(from, "Containers");
    if (list != nullptr && list->is_array()) return &list->get_array();
    draft_.problem(below(place, "Containers"), "expected a list of containers");
    return nullptr;
  }

  Range range_of(const json::object& from, std::string_view low_key, std::string_view high_key,
                 std::uint64_t max, const Place& place) {
    const std::uint64_t from_low = whole_at(from, low_key, max, 1, draft_, place);
    const std::uint64_t to =
        whole_at(from, high_key, max, std::max<std::uint64_t>(from_low, 1), draft_, place);
    if (to < from_low) {
      draft_.problem(place, fmt::format("{} is above {}", low_key, high_key));
      return {1, 1};
    }
    return {from_low, to};
  }

  void item(const json::object& from, Entry& entry, const Place& place) {
    const Place there = below(place, "Item");
    const json::value* value = find(from, "Item");
    if (value == nullptr || !value->is_object()) {
      return draft_.problem(there, "expected an object with \"ItemId\"");
    }
    const json::object& item = value->get_object();
    entry.kind = Entry::Kind::item;
    entry.name = draft_.item_name(text_of(item, "ItemId"), below(there, "ItemId"));
    const bool fixed = find(item, "Quantity") != nullptr;
    entry.count = fixed ? range_of(item, "Quantity", "Quantity", count_max, there)
                        : range_of(item, "QuantityMin", "QuantityMax", count_max, there);
    if (entry.count.high == 0) entry = nothing(entry.weight);
  }

  Fraction weight_of(const json::object& from, const Place& place) {
    const json::value* value = find(from, "Weight");
    if (value == nullptr) return {100, 1};
    const auto weight = decimal_of(*value);
    if (!weight) {
      draft_.problem(below(place, "Weight"),
                     fmt::format("expected a number from 0 on with at most nine decimals, found {}",
                                 shown(*value)));
    }
    return weight.value_or(Fraction{100, 1});
  }

  Draft& draft_;
  const Source& source_;
};

}  // namespace

ImportResult import_hytale(std::span<const Source> files, const Options& options) {
  Draft draft(options);
  for (const auto& file : files) HytaleImport(draft, file).run();
  return std::move(draft).write();
}

}  // namespace hunt::importers
