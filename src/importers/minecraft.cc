// Minecraft Java loot tables, of before and after 1.21.
//
// How the game draws: a pool rolls so many times; for each roll it gathers the entries whose
// conditions hold, those of containers (group, alternatives, sequence) among them, and draws one by
// weight. So a container is no gift of all its children, and an entry that fails leaves its weight
// to the others.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "importers/json_source.h"

namespace hunt::importers {

namespace {

// An entry that is in a roll's draw where all of these chances come true: numbers of the pool's
// chances. A container's is one for all its children.
struct Candidate {
  Entry entry;
  std::vector<std::size_t> chances;
};

// Whether an entry succeeds, which decides about its neighbours in alternatives and sequences.
enum class Succeeds : std::uint8_t { no, perhaps, yes };

std::string without_namespace(std::string_view id) {
  constexpr std::string_view vanilla = "minecraft:";
  return std::string(id.starts_with(vanilla) ? id.substr(vanilla.size()) : id);
}

// Lists of them, those that come first before.
using Functions = std::vector<const json::array*>;

class MinecraftImport {
 public:
  MinecraftImport(Draft& draft, const Source& source) : draft_(draft), source_(source) {}

  void run() {
    const auto parsed = parse_source(source_, draft_);
    if (!parsed) return;
    const Place place{source_.name, ""};
    if (!parsed->is_object()) return draft_.problem(place, "expected an object with \"pools\"");
    const json::object& object = parsed->get_object();
    // An object without anything is a table that gives nothing; the game's own have their type.
    if (!object.empty() && find(object, "pools") == nullptr && find(object, "type") == nullptr) {
      return draft_.problem(place, fmt::format("no loot table: it has neither \"pools\" nor "
                                               "\"type\", but \"{}\"",
                                               std::string_view(object.begin()->key())));
    }
    table(parsed->get_object(), draft_.table_name(path_of(source_.name), place), {}, place);
  }

 private:
  // "data/minecraft/loot_table/chests/a.json" is "chests/a"; of another namespace it stays before
  // it.
  static std::string path_of(const std::string& file) {
    const std::string path =
        "/" + (file.ends_with(".json") ? file.substr(0, file.size() - 5) : file);
    for (const std::string_view folder : {"/loot_table/", "/loot_tables/"}) {
      const auto at = path.rfind(folder);
      if (at == std::string::npos) continue;
      const auto begun = at == 0 ? std::string::npos : path.rfind('/', at - 1);
      const std::string space =
          begun == std::string::npos ? "" : path.substr(begun + 1, at - (begun + 1));
      const bool vanilla = space.empty() || space == "minecraft";
      return (vanilla ? "" : space + "/") + path.substr(at + folder.size());
    }
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
  }

  // `outer`: functions of whoever draws from a table that is written there.
  void table(const json::object& from, const std::string& name, const Functions& outer,
             const Place& place) {
    Table table;
    table.name = name;
    draft_.begin(name, place);
    const Functions functions = functions_of(from, outer);
    if (const json::value* pools = find(from, "pools"); pools != nullptr) {
      if (!pools->is_array()) return draft_.problem(below(place, "pools"), "expected a list");
      for (std::size_t i = 0; i < pools->get_array().size(); ++i) {
        const Place there = below(below(place, "pools"), i);
        const json::value& one = pools->get_array()[i];
        if (draft_.gives_up()) return;
        if (!one.is_object()) {
          draft_.problem(there, "expected an object");
        } else if (auto pool = this->pool(one.get_object(), name, functions, there)) {
          table.pools.push_back(std::move(*pool));
        }
      }
    }
    draft_.fill(std::move(table));
  }

  std::optional<Pool> pool(const json::object& from, const std::string& table, Functions functions,
                           const Place& place) {
    Pool pool;
    const std::vector<Fraction> around = std::exchange(chances_, {});  // of a pool around this one
    pool.chance = conditions(from, place);
    if (pool.chance.is_zero()) return {};
    note_luck(from, "bonus_rolls", place, pool.notes);
    functions = functions_of(from, std::move(functions));
    std::vector<Candidate> candidates;
    const json::value* entries = find(from, "entries");
    if (entries == nullptr || !entries->is_array() || entries->get_array().empty()) {
      draft_.problem(below(place, "entries"), "expected a list of entries");
      return {};
    }
    for (std::size_t i = 0; i < entries->get_array().size(); ++i) {
      if (draft_.gives_up()) return {};
      expand(entries->get_array()[i], {table, functions, {}, 0}, below(below(place, "entries"), i),
             candidates);
    }
    const Fraction each = rolls(from, pool, place);
    pool.draw = draw_of(std::move(candidates), table, place);
    chances_ = around;
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
    pool.draw.push_back(nothing(*rest));
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
  Fraction condition(const json::object& from, const Place& place) {
    const std::string name = without_namespace(text_of(from, "condition"));
    if (name == "random_chance") {
      const json::value* chance = find(from, "chance");
      auto fraction = chance == nullptr ? std::nullopt : decimal_of(constant_of(*chance));
      if (!fraction) {
        draft_.problem(below(place, "chance"), "expected a number from 0 to 1");
        return {};
      }
      if (fraction->numerator > fraction->denominator) fraction = Fraction{1, 1};
      return *fraction;
    }
    if (name == "inverted") {
      const json::value* term = find(from, "term");
      if (term == nullptr || !term->is_object()) {
        draft_.problem(below(place, "term"), "expected a condition");
        return {};
      }
      const std::string inside = without_namespace(text_of(term->get_object(), "condition"));
      if (inside != "random_chance" && inside != "inverted" && assumed(inside) == nullptr) {
        return unknown("inverted " + inside, inside, place);
      }
      return rest_of(condition(term->get_object(), below(place, "term")));
    }
    if (const std::string* said = assumed(name)) {
      return *said == "true" ? Fraction{1, 1} : Fraction{0, 1};
    }
    return unknown(name, name, place);
  }

  Fraction unknown(const std::string& shown_name, const std::string& name, const Place& place) {
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

  // The chance that all of a list hold; 0: never.
  Fraction conditions(const json::object& from, const Place& place) {
    Fraction all;
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
      const auto both = product(all, condition(one.get_object(), there));
      if (both) {
        all = *both;
      } else {
        draft_.problem(there, "the chances together have too many digits");
      }
    }
    return all;
  }

  static Functions functions_of(const json::object& from, Functions outer) {
    const json::value* list = find(from, "functions");
    if (list != nullptr && list->is_array()) outer.insert(outer.begin(), &list->get_array());
    return outer;
  }

  static bool counts(const std::string& function) {
    return function == "set_count" || function == "limit_count" || function == "looting_enchant" ||
           function == "enchanted_count_increase" || function == "apply_bonus" ||
           function == "explosion_decay";
  }

  // The entry's own functions come first, then those of its pool and its table.
  void apply(const Functions& lists, Entry& entry, const Place& place) {
    for (const json::array* list : lists) {
      const bool first_time = told_.insert(list).second;  // what is the game's affair is told once
      for (const auto& one : *list) {
        if (!one.is_object()) continue;
        const std::string name = without_namespace(text_of(one.get_object(), "function"));
        if (counts(name)) {
          apply(one.get_object(), entry, place);
        } else if (first_time) {
          draft_.remark(place, fmt::format("the function {} is the game's own affair: the item's "
                                           "id stays",
                                           name));
        }
      }
    }
  }

  void apply(const json::object& from, Entry& entry, const Place& place) {
    const std::string name = without_namespace(text_of(from, "function"));
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

  // Where an entry stands.
  struct Around {
    const std::string& table;
    const Functions& functions;
    std::vector<std::size_t> chances;  // that have come true for it to be there
    std::size_t depth = 0;
  };

  // What an entry adds to the draw.
  Succeeds expand(const json::value& value, Around around, const Place& place,
                  std::vector<Candidate>& out) {
    if (!value.is_object() || around.depth > depth_max) {
      draft_.problem(place, value.is_object() ? "containers are too deep in each other"
                                              : "expected an object");
      return Succeeds::no;
    }
    const json::object& from = value.get_object();
    const std::string type = without_namespace(text_of(from, "type"));
    const Fraction chance = conditions(from, place);
    if (chance.is_zero()) return Succeeds::no;
    if (!chance.is_one()) {
      around.chances.push_back(chances_.size());
      chances_.push_back(chance);
    }
    Succeeds succeeds = Succeeds::yes;
    if (type == "group" || type == "alternatives" || type == "sequence") {
      succeeds = expand_children(from, type, around, place, out);
    } else {
      expand_one(from, type, around, place, out);
    }
    return succeeds == Succeeds::yes && !chance.is_one() ? Succeeds::perhaps : succeeds;
  }

  void expand_one(const json::object& from, const std::string& type, const Around& around,
                  const Place& place, std::vector<Candidate>& out) {
    Candidate one{{}, around.chances};
    one.entry.weight = {weight_of(from, place), 1};
    if (one.entry.weight.is_zero()) return;
    note_luck(from, "quality", place, one.entry.notes);
    const Functions functions = functions_of(from, around.functions);
    if (type == "tag") return expand_tag(from, std::move(one), functions, place, out);
    if (type == "item") {
      one.entry.kind = Entry::Kind::item;
      one.entry.name = draft_.item_name(text_of(from, "name"), below(place, "name"));
      apply(functions, one.entry, place);
    } else if (type == "empty") {
      one.entry.kind = Entry::Kind::nothing;
    } else if (type == "loot_table") {
      one.entry.kind = Entry::Kind::table;
      one.entry.name = table_of(from, around.table, functions, place);
    } else {
      return draft_.problem(below(place, "type"),
                            fmt::format("an entry of type \"{}\" depends on the game's world, and "
                                        "cannot be had here",
                                        type));
    }
    add(std::move(one), place, out);
  }

  void add(Candidate one, const Place& place, std::vector<Candidate>& out) {
    if (draft_.count_entry(place)) out.push_back(std::move(one));
  }

  // A group adds all its children; alternatives end with the first that succeeds, a sequence with
  // the first that does not. Alone in a group a child answers for it.
  Succeeds expand_children(const json::object& from, const std::string& type, const Around& around,
                           const Place& place, std::vector<Candidate>& out) {
    const json::value* list = find(from, "children");
    if (list == nullptr || !list->is_array()) {
      draft_.problem(below(place, "children"), "expected a list");
      return Succeeds::no;
    }
    const json::array& children = list->get_array();
    const Succeeds goes_on = type == "alternatives" ? Succeeds::no : Succeeds::yes;
    for (std::size_t i = 0; i < children.size() && !draft_.gives_up(); ++i) {
      const Place there = below(below(place, "children"), i);
      Around inside = around;
      ++inside.depth;
      const Succeeds one = expand(children[i], inside, there, out);
      if (type == "group") {
        if (children.size() == 1) return one;
        continue;
      }
      const bool last = i + 1 == children.size();
      if (one == Succeeds::perhaps && !last) {
        draft_.problem(there, fmt::format("a chance within \"{}\" decides about the others, which "
                                          "cannot be had here",
                                          type));
      }
      if (one != goes_on) return one;
    }
    return goes_on;
  }

  void expand_tag(const json::object& from, Candidate one, const Functions& functions,
                  const Place& place, std::vector<Candidate>& out) {
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
      if (draft_.gives_up()) return;
      Candidate copy = one;
      copy.entry.kind = Entry::Kind::item;
      copy.entry.name = draft_.item_name(item, place);
      apply(functions, copy.entry, place);
      add(std::move(copy), place, out);
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
  std::string table_of(const json::object& from, const std::string& table,
                       const Functions& functions, const Place& place) {
    const json::value* inline_table = find(from, "value");
    if (inline_table != nullptr && inline_table->is_object()) {
      const std::string name = draft_.free_name(table + ".inner");
      this->table(inline_table->get_object(), name, functions, below(place, "value"));
      return name;
    }
    const std::string key = inline_table == nullptr ? "name" : "value";
    const std::string name = draft_.table_name(text_of(from, key), below(place, key));
    draft_.need(name, place);
    for (const json::array* list : functions) {
      const bool changes = std::any_of(list->begin(), list->end(), [](const json::value& one) {
        return one.is_object() && counts(without_namespace(text_of(one.get_object(), "function")));
      });
      if (!changes) continue;
      draft_.drop(place,
                  "a function that sets counts does not reach a table of another file: it is "
                  "left out there");
    }
    return name;
  }

  // Entries that are there with a chance leave their weight to the others where they are not: one
  // of the tables of all cases is drawn, by the chance of the case.
  std::vector<Entry> draw_of(std::vector<Candidate> candidates, const std::string& table,
                             const Place& place) {
    constexpr std::size_t chances_max = 4;  // 16 cases
    std::vector<Entry> all;
    if (chances_.empty()) {
      for (auto& one : candidates) all.push_back(std::move(one.entry));
      return all;
    }
    if (chances_.size() > chances_max) {
      draft_.problem(place, fmt::format("{} chances at the entries of one pool, more than {}",
                                        chances_.size(), chances_max));
      return all;
    }
    for (std::size_t mask = 0; mask < (std::size_t{1} << chances_.size()); ++mask) {
      std::optional<Fraction> weight = Fraction{1, 1};
      for (std::size_t i = 0; i < chances_.size() && weight; ++i) {
        const bool comes_true = ((mask >> i) & 1) != 0;
        weight = product(*weight, comes_true ? chances_[i] : rest_of(chances_[i]));
      }
      if (!weight) {
        draft_.problem(place, "the chances of its entries together have too many digits");
        return {};
      }
      std::vector<Entry> there;
      for (const Candidate& one : candidates) {
        const bool is_there = std::all_of(one.chances.begin(), one.chances.end(),
                                          [mask](std::size_t i) { return ((mask >> i) & 1) != 0; });
        if (is_there && draft_.count_entry(place)) there.push_back(one.entry);
      }
      Entry entry = nothing(*weight);
      if (!there.empty()) {
        entry.kind = Entry::Kind::table;
        entry.name = draft_.free_name(fmt::format("{}.case", table));
        draft_.add({entry.name, {}, {{{1, 1}, {1, 1}, false, std::move(there)}}}, place);
      }
      all.push_back(std::move(entry));
    }
    return all;
  }

  std::vector<Fraction> chances_;  // of the pool that is being translated
  std::set<const json::array*> told_;
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
