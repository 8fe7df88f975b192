// PlayFab drop tables: one draw by weight from items and other tables.
#include <fmt/format.h>

#include "importers/json_source.h"

namespace hunt::importers {

namespace {

class PlayfabImport {
 public:
  PlayfabImport(Draft& draft, const Source& source) : draft_(draft), source_(source) {}

  void run() {
    const auto parsed = parse_source(source_, draft_);
    if (parsed) tables(*parsed, {source_.name, ""}, "", 0);
  }

 private:
  // A table, a list of them, a map of them, or what the API answers around such a map.
  void tables(const json::value& value, const Place& place, const std::string& key,
              std::size_t depth) {
    if (depth > 3) return draft_.problem(place, "expected a drop table with \"Nodes\"");
    if (value.is_array()) {
      for (std::size_t i = 0; i < value.get_array().size(); ++i) {
        tables(value.get_array()[i], below(place, i), "", depth + 1);
      }
      return;
    }
    if (!value.is_object()) return draft_.problem(place, "expected a drop table, or several");
    const json::object& object = value.get_object();
    if (find(object, "Nodes") != nullptr) return table(object, place, key);
    for (const std::string_view around : {"data", "Tables"}) {
      const json::value* inner = find(object, around);
      if (inner != nullptr) return tables(*inner, below(place, around), "", depth + 1);
    }
    if (object.empty()) return draft_.problem(place, "expected a drop table with \"Nodes\"");
    for (const auto& [name, one] : object) {
      const std::string text(name.data(), name.size());
      tables(one, below(place, text), text, depth + 1);
    }
  }

  void table(const json::object& from, const Place& place, const std::string& key) {
    Table table;
    const std::string id = text_of(from, "TableId");
    table.name = draft_.table_name(id.empty() ? key : id, below(place, "TableId"));
    const json::value* nodes = find(from, "Nodes");
    if (!nodes->is_array() || nodes->get_array().empty()) {
      return draft_.problem(below(place, "Nodes"), "expected a list with at least one node");
    }
    Pool pool;
    for (std::size_t i = 0; i < nodes->get_array().size(); ++i) {
      const Place there = below(below(place, "Nodes"), i);
      const json::value& node = nodes->get_array()[i];
      if (!node.is_object()) {
        draft_.problem(there, "expected an object");
        continue;
      }
      pool.draw.push_back(entry(node.get_object(), there));
    }
    table.pools.push_back(std::move(pool));
    draft_.add(std::move(table), place);
  }

  Entry entry(const json::object& from, const Place& place) {
    Entry entry;
    const std::string type = text_of(from, "ResultItemType");
    const std::string name = text_of(from, "ResultItem");
    const Place there = below(place, "ResultItem");
    if (type == "ItemId") {
      entry.kind = Entry::Kind::item;
      entry.name = draft_.item_name(name, there);
    } else if (type == "TableId") {
      entry.kind = Entry::Kind::table;
      entry.name = draft_.table_name(name, there);
      draft_.need(entry.name, there);
    } else {
      draft_.problem(below(place, "ResultItemType"),
                     fmt::format("expected ItemId or TableId, found \"{}\"", type));
    }
    const json::value* weight = find(from, "Weight");
    const auto whole = weight == nullptr ? std::nullopt : whole_of(*weight, weight_max);
    if (!whole || *whole == 0) {
      draft_.problem(below(place, "Weight"),
                     fmt::format("expected a whole number from 1 on, found {}",
                                 weight == nullptr ? std::string("nothing") : shown(*weight)));
    }
    entry.weight = {whole.value_or(1), 1};
    return entry;
  }

  Draft& draft_;
  const Source& source_;
};

}  // namespace

ImportResult import_playfab(std::span<const Source> files, const Options& options) {
  Draft draft(options);
  for (const auto& file : files) PlayfabImport(draft, file).run();
  return std::move(draft).write();
}

}  // namespace hunt::importers
