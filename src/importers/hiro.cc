// Hiro rewards: what is guaranteed, and a draw by weight, so many times.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "importers/json_source.h"

namespace hunt::importers {

namespace {

constexpr std::array<std::string_view, 2> stacks{"items", "currencies"};
constexpr std::array<std::string_view, 5> not_ours{"item_sets", "energies", "energy_modifiers",
                                                   "reward_modifiers", "mailbox"};
constexpr std::size_t values_max = 256;  // of "multiple"

class HiroImport {
 public:
  HiroImport(Draft& draft, const Source& source) : draft_(draft), source_(source) {}

  void run() {
    const auto parsed = parse_source(source_, draft_);
    if (!parsed) return;
    std::string name = source_.name;
    if (const auto slash = name.rfind('/'); slash != std::string::npos) name.erase(0, slash + 1);
    if (name.ends_with(".json")) name.resize(name.size() - 5);
    const Place place{source_.name, ""};
    if (look(*parsed, place, name, 0) == 0) {
      draft_.problem(place, "there is no reward: expected \"guaranteed\" or \"weighted\"");
    }
  }

 private:
  // Rewards stand anywhere in a definition; returns how many.
  std::size_t look(const json::value& value, const Place& place, const std::string& name,
                   std::size_t depth) {
    std::size_t found = 0;
    if (depth > depth_max) return 0;
    if (value.is_array()) {
      for (std::size_t i = 0; i < value.get_array().size(); ++i) {
        found += look(value.get_array()[i], below(place, i), name, depth + 1);
      }
    }
    if (!value.is_object()) return found;
    const json::object& object = value.get_object();
    const json::value* guaranteed = find(object, "guaranteed");
    const json::value* weighted = find(object, "weighted");
    if ((guaranteed != nullptr && guaranteed->is_object()) ||
        (weighted != nullptr && weighted->is_array())) {
      reward(object, place, draft_.free_name(draft_.table_name(name, place)));
      return found + 1;
    }
    for (const auto& [key, one] : object) {
      const std::string text(key.data(), key.size());
      // "reward" says nothing: the key around it does.
      found += look(one, below(place, text), text == "reward" ? name : text, depth + 1);
    }
    return found;
  }

  void reward(const json::object& from, const Place& place, const std::string& name) {
    Table table;
    table.name = name;
    draft_.begin(name, place);
    std::vector<Table> more;  // after the table that draws from them
    if (const json::value* all = find(from, "guaranteed"); all != nullptr && all->is_object()) {
      table.always = contents(all->get_object(), name, more, below(place, "guaranteed"));
    }
    if (const json::value* rows = find(from, "weighted");
        rows != nullptr && rows->is_array() && !rows->get_array().empty()) {
      table.pools.push_back(weighted(from, rows->get_array(), name, more, place));
    }
    if (table.always.empty() && table.pools.empty()) {
      return draft_.problem(place, "this reward gives nothing that can be had here");
    }
    draft_.fill(std::move(table));
    for (auto& one : more) draft_.fill(std::move(one));
  }

  Pool weighted(const json::object& from, const json::array& rows, const std::string& name,
                std::vector<Table>& more, const Place& place) {
    Pool pool;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < rows.size() && !draft_.gives_up(); ++i) {
      const Place there = below(below(place, "weighted"), i);
      if (!rows[i].is_object()) {
        draft_.problem(there, "expected an object");
        continue;
      }
      const json::object& row = rows[i].get_object();
      const std::uint64_t weight = whole_at(row, "weight", weight_max, 0, draft_, there);
      sum += weight;
      if (weight == 0) continue;
      Entry entry = entry_of(contents(row, name, more, there), name, more, there);
      entry.weight = {weight, 1};
      pool.draw.push_back(std::move(entry));
    }
    const std::uint64_t rolls = whole_at(from, "max_rolls", 64, 1, draft_, place);
    pool.rolls = {rolls, rolls};
    const std::uint64_t repeats = whole_at(from, "max_repeat_rolls", UINT32_MAX, 0, draft_, place);
    if (repeats > 1) {
      draft_.problem(below(place, "max_repeat_rolls"),
                     "a row may come so often: 1 (each once) or none can be had");
    }
    pool.distinct = repeats == 1;
    rest(from, pool, sum, place);
    if (pool.draw.empty()) draft_.problem(below(place, "weighted"), "no row has a weight above 0");
    return pool;
  }

  // A total above the sum of the weights is the chance of nothing.
  void rest(const json::object& from, Pool& pool, std::uint64_t sum, const Place& place) {
    const std::uint64_t total =
        whole_at(from, "total_weight", weight_max * 1'000, sum, draft_, place);
    if (total == 0 || total == sum) return;
    const Place there = below(place, "total_weight");
    if (total < sum) {
      return draft_.problem(there, fmt::format("it is below {}, the sum of the weights", sum));
    }
    if (pool.distinct) {
      return draft_.problem(there, "a chance of nothing beside max_repeat_rolls cannot be had");
    }
    draft_.remark(there,
                  fmt::format("{} of {} is taken for the chance of nothing", total - sum, total));
    pool.draw.push_back(nothing({total - sum, 1}));
  }

  // The stacks of a reward, or of a row.
  std::vector<Entry> contents(const json::object& from, const std::string& table,
                              std::vector<Table>& more, const Place& place) {
    std::vector<Entry> all;
    for (const auto kind : stacks) {
      const json::value* group = find(from, kind);
      if (group == nullptr || !group->is_object()) continue;
      for (const auto& [key, value] : group->get_object()) {
        const std::string item(key.data(), key.size());
        const Place there = below(below(place, kind), item);
        if (!value.is_object()) {
          draft_.problem(there, "expected an object with \"min\"");
          continue;
        }
        Entry entry = stack(item, value.get_object(), table, more, there);
        if (entry.kind == Entry::Kind::table || entry.count.high > 0) {
          all.push_back(std::move(entry));
        }
      }
    }
    for (const auto key : not_ours) {
      if (find(from, key) != nullptr) {
        draft_.drop(below(place, key), fmt::format("{} is left out: it is no item", key));
      }
    }
    return all;
  }

  Entry stack(const std::string& item, const json::object& from, const std::string& table,
              std::vector<Table>& more, const Place& place) {
    Entry entry{Entry::Kind::item, draft_.item_name(item, place), {1, 1}, {1, 1}};
    entry.count.low = whole_at(from, "min", count_max, 1, draft_, place);
    if (find(from, "min") == nullptr) draft_.remark(below(place, "min"), "not given: taken as 1");
    entry.count.high = whole_at(from, "max", count_max, entry.count.low, draft_, place);
    if (entry.count.high == 0) entry.count.high = entry.count.low;  // 0 is as not given
    if (entry.count.high < entry.count.low) draft_.problem(place, "min is above max");
    for (const std::string_view key : {"string_properties", "numeric_properties"}) {
      if (find(from, key) == nullptr) continue;
      draft_.remark(below(place, key), "properties of items are the game's own affair");
    }
    const std::uint64_t step = whole_at(from, "multiple", count_max, 1, draft_, place);
    if (step <= 1 || entry.count.low >= entry.count.high) return entry;
    return stepped(entry, step, table, more, place);
  }

  // min, min + step, …: each as likely, so a table of these.
  Entry stepped(const Entry& entry, std::uint64_t step, const std::string& table,
                std::vector<Table>& more, const Place& place) {
    if ((entry.count.high - entry.count.low) / step >= values_max) {
      draft_.problem(below(place, "multiple"),
                     fmt::format("it makes more than {} different counts", values_max));
      return entry;
    }
    Table values;
    values.name = fresh(table + ".counts", place);
    Pool pool;
    for (std::uint64_t count = entry.count.low; count <= entry.count.high; count += step) {
      Entry one = entry;
      one.count = {count, count};
      if (count == 0) one = nothing();
      pool.draw.push_back(std::move(one));
    }
    values.pools.push_back(std::move(pool));
    more.push_back(values);
    return {Entry::Kind::table, values.name, {1, 1}, {1, 1}};
  }

  // One stack is the entry itself, several are a table that gives all of them.
  Entry entry_of(std::vector<Entry> all, const std::string& table, std::vector<Table>& more,
                 const Place& place) {
    if (all.empty()) return nothing();
    if (all.size() == 1) return std::move(all.front());
    Table together;
    together.name = fresh(table + ".row", place);
    together.always = std::move(all);
    more.push_back(together);
    return {Entry::Kind::table, together.name, {1, 1}, {1, 1}};
  }

  // Its name is taken, so that the next one gets another.
  std::string fresh(const std::string& wanted, const Place& place) {
    std::string name = draft_.free_name(wanted);
    draft_.begin(name, place);
    return name;
  }

  Draft& draft_;
  const Source& source_;
};

}  // namespace

ImportResult import_hiro(std::span<const Source> files, const Options& options) {
  Draft draft(options);
  for (const auto& file : files) HiroImport(draft, file).run();
  return std::move(draft).write();
}

}  // namespace hunt::importers
