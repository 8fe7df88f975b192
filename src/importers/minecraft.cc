// Minecraft Java loot tables, of before and after 1.21.
//
// How the game draws: a pool rolls so many times; for each roll it gathers the entries whose
// conditions hold, those of containers (group, alternatives, sequence) among them, and draws one by
// weight. So a container is no gift of all its children, and an entry that fails leaves its weight
// to the others.
#include <fmt/format.h>

#include <algorithm>

#include "importers/json_source.h"

namespace hunt::importers {

namespace {

// An entry that a roll may find there, or not.
struct Candidate {
  Entry entry;
  Fraction chance;
};

// What holds of a list of conditions: never, or with a chance (1: always).
struct Holds {
  Fraction chance;
  bool assumed = false;  // somebody said so
};

std::string without_namespace(std::string_view id) {
  constexpr std::string_view vanilla = "minecraft:";
  return std::string(id.starts_with(vanilla) ? id.substr(vanilla.size()) : id);
}

class MinecraftImport {
 public:
  MinecraftImport(Draft& draft, const Source& source) : draft_(draft), source_(source) {}

  void run() {
    const auto parsed = parse_source(source_, draft_);
    if (!parsed) return;
    const Place place{source_.name, ""};
    if (!parsed->is_object()) return draft_.problem(place, "expected an object with \"pools\"");
    table(parsed->get_object(), draft_.table_name(path_of(source_.name), place), place);
  }

 private:
  // "data/minecraft/loot_table/chests/a.json" is "chests/a"; of another namespace it stays before
  // it.
  static std::string path_of(const std::string& file) {
    std::string path = file.ends_with(".json") ? file.substr(0, file.size() - 5) : file;
    for (const std::string_view folder : {"/loot_table/", "/loot_tables/"}) {
      const auto at = path.rfind(folder);
      if (at == std::string::npos) continue;
      const auto begun = path.rfind('/', at - 1);
      const std::string space =
          path.substr(begun == std::string::npos ? 0 : begun + 1, at - (begun + 1));
      return (space == "minecraft" ? "" : space + "/") + path.substr(at + folder.size());
    }
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
  }

  void table(const json::object& from, const std::string& name, const Place& place) {
    Table table;
    table.name = name;
    draft_.begin(name, place);
    const std::vector<const json::array*> functions = functions_of(from, {});
    if (const json::value* pools = find(from, "pools"); pools != nullptr) {
      if (!pools->is_array()) return draft_.problem(below(place, "pools"), "expected a list");
      for (std::size_t i = 0; i < pools->get_array().size(); ++i) {
        const Place there = below(below(place, "pools"), i);
        const json::value& one = pools->get_array()[i];
        if (!one.is_object()) {
          draft_.problem(there, "expected an object");
        } else if (auto pool = this->pool(one.get_object(), name, functions, there)) {
          table.pools.push_back(std::move(*pool));
        }
      }
    }
    draft_.fill(std::move(table));
  }

  std::optional<Pool> pool(const json::object& from, const std::string& table,
                           std::vector<const json::array*> functions, const Place& place) {
    Pool pool;
    const Holds holds = conditions(from, place);
    if (holds.chance.is_zero()) return {};
    pool.chance = holds.chance;
    note_luck(from, "bonus_rolls", place, pool.notes);
    functions = functions_of(from, std::move(functions));
    std::vector<Candidate> candidates;
    const json::value* entries = find(from, "entries");
    if (entries == nullptr || !entries->is_array() || entries->get_array().empty()) {
      draft_.problem(below(place, "entries"), "expected a list of entries");
      return {};
    }
    for (std::size_t i = 0; i < entries->get_array().size(); ++i) {
      expand(entries->get_array()[i], table, functions, {1, 1}, below(below(place, "entries"), i),
             0, candidates);
    }
    const Fraction each = rolls(from, pool, place);
    pool.draw = draw_of(std::move(candidates), table, place);
    if (pool.draw.empty()) return {};
    if (!each.is_one()) thin_out(pool, each, place);
    return pool;
  }

  // Returns the chance of each roll: below 1 of a binomial number of them.
  Fraction rolls(const json::object& from, Pool& pool, const Place& place) {
    const Place there = below(place, "rolls");
    const json::value* value = find(from, "rolls");
    if (value == nullptr) return {1, 1};
    if (value->is_object()) {
      const json::object& object = value->get_object();
      const std::string type = without_namespace(text_of(object, "type"));
      if (type == "binomial") {
        const json::value* n = find(object, "n");
        const json::value* p = find(object, "p");
        const std::uint64_t count =
            n == nullptr ? UINT64_MAX : whole_of(constant_of(*n), 64).value_or(UINT64_MAX);
        const auto chance = p == nullptr ? std::nullopt : decimal_of(constant_of(*p));
        if (count > 64 || !chance || chance->numerator > chance->denominator) {
          draft_.problem(there, fmt::format("{} is no binomial that can be had: expected a whole n "
                                            "of at most 64 and a p from 0 to 1",
                                            shown(*value)));
          return {1, 1};
        }
        pool.rolls = {count, count};
        return *chance;
      }
    }
    if (const auto range = range_of(*value, 64)) {
      pool.rolls = *range;
    } else {
      draft_.problem(there, fmt::format("{} is no number of rolls that can be had: expected whole "
                                        "numbers from 0 to 64",
                                        shown(*value)));
    }
    return {1, 1};
  }

  // Each roll counts with a chance: else it draws nothing.
  void thin_out(Pool& pool, Fraction chance, const Place& place) {
    if (chance.is_zero()) {
      pool.rolls = {0, 0};
      return;
    }
    std::optional<Fraction> total = Fraction{0, 1};
    for (auto& entry : pool.draw) {
      if (total) total = sum(*total, entry.weight);
      const auto thinned = product(entry.weight, chance);
      if (!thinned) total.reset();
      if (thinned) entry.weight = *thinned;
    }
    const auto rest = total ? product(*total, rest_of(chance)) : std::nullopt;
    if (!rest) return draft_.problem(place, "its weights have too many digits for a binomial");
    if (rest->is_zero()) return;
    pool.draw.push_back({Entry::Kind::nothing, "", *rest, {1, 1}});
  }

  // {"type": "constant", "value": 3} and {"value": 3} are 3.
  static const json::value& constant_of(const json::value& value) {
    if (!value.is_object()) return value;
    const json::value* inner = find(value.get_object(), "value");
    return inner == nullptr ? value : *inner;
  }

  static std::optional<Range> range_of(const json::value& value, std::uint64_t max) {
    const json::value& constant = constant_of(value);
    if (const auto whole = whole_of(constant, max)) return Range{*whole, *whole};
    if (!constant.is_object()) return {};
    const json::object& object = constant.get_object();
    const std::string type = without_namespace(text_of(object, "type"));
    if (!type.empty() && type != "uniform") return {};
    const json::value* low = find(object, "min");
    const json::value* high = find(object, "max");
    if (low == nullptr || high == nullptr) return {};
    const auto from = whole_of(constant_of(*low), max);
    const auto to = whole_of(constant_of(*high), max);
    if (!from || !to || *from > *to) return {};
    return Range{*from, *to};
  }

  void note_luck(const json::object& from, std::string_view key, const Place& place,
                 std::vector<std::string>& notes) {
    const json::value* value = find(from, key);
    if (value == nullptr || whole_of(constant_of(*value), 0)) return;
    draft_.remark(below(place, key), "it counts with luck alone; luck is 0 here");
    notes.push_back(fmt::format("{} left out: luck is 0", key));
  }

  // What the engine cannot know is assumed, or left out and said to change odds.
  Holds condition(const json::object& from, const Place& place) {
    const std::string name = without_namespace(text_of(from, "condition"));
    if (name == "random_chance") {
      const json::value* chance = find(from, "chance");
      auto fraction = chance == nullptr ? std::nullopt : decimal_of(constant_of(*chance));
      if (!fraction) {
        draft_.problem(below(place, "chance"), "expected a number from 0 to 1");
        return {};
      }
      if (fraction->numerator > fraction->denominator) fraction = Fraction{1, 1};
      return {*fraction};
    }
    if (name == "inverted") {
      const json::value* term = find(from, "term");
      if (term == nullptr || !term->is_object()) {
        draft_.problem(below(place, "term"), "expected a condition");
        return {};
      }
      if (text_of(term->get_object(), "condition").find("random_chance") == std::string::npos &&
          assumed(without_namespace(text_of(term->get_object(), "condition"))) == nullptr) {
        return unknown(
            fmt::format("inverted {}", without_namespace(text_of(term->get_object(), "condition"))),
            without_namespace(text_of(term->get_object(), "condition")), place);
      }
      const Holds inner = condition(term->get_object(), below(place, "term"));
      return {rest_of(inner.chance), inner.assumed};
    }
    if (const std::string* said = assumed(name)) {
      return {*said == "true" ? Fraction{1, 1} : Fraction{0, 1}, true};
    }
    return unknown(name, name, place);
  }

  Holds unknown(const std::string& shown_name, const std::string& name, const Place& place) {
    draft_.drop(place,
                fmt::format("the condition {} is left out as if it held; say what it is with "
                            "--assume {}=true or =false",
                            shown_name, name));
    return {};
  }

  const std::string* assumed(const std::string& name) const {
    const auto at = draft_.options().assume.find(name);
    return at == draft_.options().assume.end() ? nullptr : &at->second;
  }

  Holds conditions(const json::object& from, const Place& place) {
    Holds all;
    const json::value* list = find(from, "conditions");
    if (list == nullptr) return all;
    if (!list->is_array()) {
      draft_.problem(below(place, "conditions"), "expected a list");
      return all;
    }
    for (std::size_t i = 0; i < list->get_array().size(); ++i) {
      const Place there = below(below(place, "conditions"), i);
      const json::value& one = list->get_array()[i];
      if (!one.is_object()) {
        draft_.problem(there, "expected an object");
        continue;
      }
      const auto both = product(all.chance, condition(one.get_object(), there).chance);
      if (both) {
        all.chance = *both;
      } else {
        draft_.problem(there, "the chances together have too many digits");
      }
    }
    return all;
  }

  static std::vector<const json::array*> functions_of(const json::object& from,
                                                      std::vector<const json::array*> outer) {
    const json::value* list = find(from, "functions");
    if (list != nullptr && list->is_array()) outer.insert(outer.begin(), &list->get_array());
    return outer;
  }

  // The entry's own functions come first, then those of its pool and its table.
  void apply(const std::vector<const json::array*>& lists, Entry& entry, const Place& place) {
    for (const json::array* list : lists) {
      for (const auto& one : *list) {
        if (!one.is_object()) continue;
        apply(one.get_object(), entry, place);
      }
    }
  }

  void apply(const json::object& from, Entry& entry, const Place& place) {
    const std::string name = without_namespace(text_of(from, "function"));
    const bool counts = name == "set_count" || name == "limit_count" || name == "looting_enchant" ||
                        name == "enchanted_count_increase" || name == "apply_bonus" ||
                        name == "explosion_decay";
    if (!counts) {
      entry.notes.push_back(fmt::format("{}: the game's own affair", name));
      draft_.remark(place, fmt::format("the function {} is the game's own affair: the item's id "
                                       "stays",
                                       name));
      return;
    }
    if (find(from, "conditions") != nullptr || name != "set_count") {
      draft_.drop(place, fmt::format("the function {}{} is left out", name,
                                     name == "set_count" ? " with conditions" : ""));
      return;
    }
    const json::value* count = find(from, "count");
    const auto range = count == nullptr ? std::nullopt : range_of(*count, count_max);
    if (!range) {
      draft_.drop(place, fmt::format("set_count of {} is left out: whole numbers from 0 on, "
                                     "constant or uniform, can be had",
                                     count == nullptr ? std::string("nothing") : shown(*count)));
      return;
    }
    const json::value* add = find(from, "add");
    if (add == nullptr || !add->is_bool() || !add->get_bool()) {
      entry.count = *range;
      return;
    }
    const bool one_is_known = entry.count.low == entry.count.high || range->low == range->high;
    if (!one_is_known) {
      draft_.drop(place, "set_count adds a range to a range, which is no range with equal chances");
      return;
    }
    entry.count = {entry.count.low + range->low, entry.count.high + range->high};
  }

  // What an entry adds to the draw.
  void expand(const json::value& value, const std::string& table,
              const std::vector<const json::array*>& outer, Fraction chance, const Place& place,
              std::size_t depth, std::vector<Candidate>& out) {
    if (!value.is_object()) return draft_.problem(place, "expected an object");
    if (depth > depth_max) return draft_.problem(place, "containers are too deep in each other");
    const json::object& from = value.get_object();
    const std::string type = without_namespace(text_of(from, "type"));
    const auto both = product(chance, conditions(from, place).chance);
    if (!both) return draft_.problem(place, "the chances together have too many digits");
    if (both->is_zero()) return;
    if (type == "group" || type == "alternatives" || type == "sequence") {
      return expand_children(from, type, table, outer, *both, place, depth, out);
    }
    Candidate one{{}, *both};
    one.entry.weight = {weight_of(from, place), 1};
    if (one.entry.weight.is_zero()) return;
    note_luck(from, "quality", place, one.entry.notes);
    if (type == "tag") return expand_tag(from, std::move(one), outer, place, out);
    if (type == "item") {
      one.entry.kind = Entry::Kind::item;
      one.entry.name = draft_.item_name(text_of(from, "name"), below(place, "name"));
      apply(functions_of(from, outer), one.entry, place);
    } else if (type == "empty") {
      one.entry.kind = Entry::Kind::nothing;
    } else if (type == "loot_table") {
      one.entry.kind = Entry::Kind::table;
      one.entry.name = table_of(from, table, place);
      if (!functions_of(from, {}).empty()) {
        draft_.drop(below(place, "functions"),
                    "functions of a whole table are left out: they would change its counts");
      }
    } else {
      return draft_.problem(below(place, "type"),
                            fmt::format("an entry of type \"{}\" depends on the game's world, and "
                                        "cannot be had here",
                                        type));
    }
    out.push_back(std::move(one));
  }

  void expand_children(const json::object& from, const std::string& type, const std::string& table,
                       const std::vector<const json::array*>& outer, Fraction chance,
                       const Place& place, std::size_t depth, std::vector<Candidate>& out) {
    const json::value* children = find(from, "children");
    if (children == nullptr || !children->is_array()) {
      return draft_.problem(below(place, "children"), "expected a list");
    }
    for (std::size_t i = 0; i < children->get_array().size(); ++i) {
      const Place there = below(below(place, "children"), i);
      const std::size_t before = out.size();
      expand(children->get_array()[i], table, outer, chance, there, depth + 1, out);
      if (type == "group") continue;
      const bool sure = std::all_of(out.begin() + static_cast<std::ptrdiff_t>(before), out.end(),
                                    [&](const Candidate& one) {
                                      return one.chance.numerator == chance.numerator &&
                                             one.chance.denominator == chance.denominator;
                                    });
      if (!sure) {
        return draft_.problem(there, fmt::format("a chance within \"{}\" decides about the others, "
                                                 "which cannot be had here",
                                                 type));
      }
      const bool holds = out.size() > before;
      if (type == "alternatives" ? holds : !holds) return;
    }
  }

  void expand_tag(const json::object& from, Candidate one,
                  const std::vector<const json::array*>& outer, const Place& place,
                  std::vector<Candidate>& out) {
    const std::string name = text_of(from, "name");
    const auto tag = draft_.options().tags.find(name);
    const json::value* each = find(from, "expand");
    const bool expands = each != nullptr && each->is_bool() && each->get_bool();
    if (tag == draft_.options().tags.end() || !expands) {
      return draft_.problem(
          place, expands ? fmt::format("the tag {} is not known: give its file with --tags", name)
                         : fmt::format("the tag {} gives all its items at once; only one with "
                                       "\"expand\": true can be had",
                                       name));
    }
    for (const auto& item : tag->second) {
      Candidate copy = one;
      copy.entry.kind = Entry::Kind::item;
      copy.entry.name = draft_.item_name(item, place);
      apply(functions_of(from, outer), copy.entry, place);
      out.push_back(std::move(copy));
    }
  }

  std::uint64_t weight_of(const json::object& from, const Place& place) {
    const json::value* value = find(from, "weight");
    if (value == nullptr) return 1;
    const auto whole = whole_of(*value, weight_max);
    if (!whole) {
      draft_.problem(below(place, "weight"),
                     fmt::format("expected a whole number, found {}", shown(*value)));
    }
    return whole.value_or(1);
  }

  // By its name, or written here.
  std::string table_of(const json::object& from, const std::string& table, const Place& place) {
    const json::value* inline_table = find(from, "value");
    if (inline_table != nullptr && inline_table->is_object()) {
      const std::string name = draft_.free_name(table + ".inner");
      this->table(inline_table->get_object(), name, below(place, "value"));
      return name;
    }
    const std::string key = inline_table == nullptr ? "name" : "value";
    const std::string name = draft_.table_name(text_of(from, key), below(place, key));
    draft_.need(name, place);
    return name;
  }

  // Entries that are there with a chance leave their weight to the others where they are not: one
  // of the tables of all cases is drawn, by the chance of the case.
  std::vector<Entry> draw_of(std::vector<Candidate> candidates, const std::string& table,
                             const Place& place) {
    constexpr std::size_t unsure_max = 4;  // 16 cases
    std::vector<std::size_t> unsure;
    std::vector<Entry> all;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!candidates[i].chance.is_one()) unsure.push_back(i);
    }
    if (unsure.empty()) {
      for (auto& one : candidates) all.push_back(std::move(one.entry));
      return all;
    }
    if (unsure.size() > unsure_max) {
      draft_.problem(place, fmt::format("{} entries with a random_chance in one pool, more than {}",
                                        unsure.size(), unsure_max));
      return all;
    }
    for (std::size_t mask = 0; mask < (std::size_t{1} << unsure.size()); ++mask) {
      std::vector<Entry> there;
      std::optional<Fraction> weight = Fraction{1, 1};
      for (std::size_t i = 0, bit = 0; i < candidates.size(); ++i) {
        const Candidate& one = candidates[i];
        bool takes_part = true;
        if (!one.chance.is_one()) {
          takes_part = ((mask >> bit++) & 1) != 0;
          if (weight) weight = product(*weight, takes_part ? one.chance : rest_of(one.chance));
        }
        if (takes_part) there.push_back(one.entry);
      }
      if (!weight) {
        draft_.problem(place, "the chances of its entries together have too many digits");
        return {};
      }
      Entry entry{Entry::Kind::nothing, "", *weight, {1, 1}};
      if (!there.empty()) {
        entry.kind = Entry::Kind::table;
        entry.name = draft_.free_name(fmt::format("{}.case", table));
        draft_.add({entry.name, {}, {{{1, 1}, {1, 1}, false, std::move(there)}}}, place);
      }
      all.push_back(std::move(entry));
    }
    return all;
  }

  Draft& draft_;
  const Source& source_;
};

}  // namespace

ImportResult import_minecraft(std::span<const Source> files, const Options& options) {
  Draft draft(options);
  for (const auto& file : files) MinecraftImport(draft, file).run();
  return std::move(draft).write();
}

}  // namespace hunt::importers
