#include "rules/table_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/text.h"
#include "model/limits.h"

namespace hunt::rules {

namespace {

std::string in_words(const SourceTable& table, const SourcePool& pool) {
  return (table.pools.size() == 1 ? "the table " : "") + label_of(table, pool);
}

void check_during(const SourceEvent& event, const SourceTable& table, const SourcePool& pool,
                  Diagnostics& out) {
  std::vector<std::string_view> names;
  for (const auto& time : event.times) names.push_back(time.name.text);
  bool always = pool.entries.empty();
  for (const auto& entry : pool.entries) {
    always = always || entry.during.text.empty();
    const bool known = std::find(names.begin(), names.end(), entry.during.text) != names.end();
    if (entry.during.text.empty() || known) continue;
    const std::string near = out.full() ? std::string{} : did_you_mean(entry.during.text, names);
    out.error(event.file, entry.during.at,
              fmt::format("during: there is no time \"{}\" in times{}", entry.during.text, near));
  }
  if (always) return;
  out.error(event.file, pool.at,
            fmt::format("every entry of {} has during; at other times a roll on it could give "
                        "nothing. Add an entry without during",
                        label_of(table, pool)));
}

void warn_of_twins(const SourceEvent& event, const SourceTable& table, const SourcePool& pool,
                   Diagnostics& out) {
  using Key = std::tuple<SourceEntry::Gives, std::string_view, std::string_view, std::uint32_t,
                         std::uint32_t>;
  std::map<Key, Mark> seen;
  for (const auto& entry : pool.entries) {
    const bool nothing = entry.gives == SourceEntry::Gives::nothing;
    // Two of one kind in a pool of distinct entries are two that can be drawn.
    if (pool.distinct || (entry.target.text.empty() && !nothing)) continue;
    const Key key{entry.gives, entry.target.text, entry.during.text, entry.count.low,
                  entry.count.high};
    const auto [first, fresh] = seen.emplace(key, entry.at);
    if (fresh) continue;
    const std::string what =
        nothing
            ? "nothing"
            : fmt::format("the {} \"{}\"", entry.is_table() ? "table" : "item", entry.target.text);
    out.warning(event.file, nothing ? entry.at : entry.target.at,
                fmt::format("{} is twice in {}, first on line {}; the weights add up", what,
                            in_words(table, pool), first->second.line));
  }
}

// A guess: who means percents and slips lands within 10 of 100.
void warn_of_percents(const SourceEvent& event, const SourceTable& table, const SourcePool& pool,
                      Diagnostics& out) {
  std::uint64_t sum = 0;
  for (const auto& entry : pool.entries) sum += entry.weight;
  if (pool.entries.size() < 2 || sum < 90 || sum > 110 || sum == 100) return;
  out.warning(event.file, pool.at,
              fmt::format("the weights of {} add up to {}; if they are meant as percents, {} {}. "
                          "Weights are relative, so the odds are weight / {}",
                          label_of(table, pool), sum, sum < 100 ? 100 - sum : sum - 100,
                          sum < 100 ? "are missing" : "are too many", sum));
}

std::uint64_t digits_of(std::uint64_t number) {
  return fmt::formatted_size("{}", number);
}

// What one find can give at most. Sums stop growing where they are far too large.
struct Most {
  std::uint64_t draws = 0;
  std::uint64_t kinds = 0;                   // different items
  std::uint64_t bytes = 0;                   // of the text, with a comma behind each stack
  std::uint64_t longest = 0;                 // name
  std::uint64_t count = 0;                   // of one item in one entry
  std::vector<std::string_view> items = {};  // sorted; one more than the limit: too many to list
  bool nothing = false;                      // it can give nothing

  [[nodiscard]] bool lists_items() const { return items.size() <= limits::items_per_find_max; }
  [[nodiscard]] std::uint64_t stack_bytes(std::uint64_t name) const {
    return name + 2 + digits_of(limits::draws_per_find_max * count);
  }
};

constexpr std::uint64_t far_too_many = 1'000'000'000;

void add(std::uint64_t& sum, std::uint64_t value, std::uint64_t times = 1) {
  sum = std::min(far_too_many, sum + std::min(far_too_many, value) * times);
}

// What both have in common however often each is drawn.
void join(Most& all, const Most& one) {
  all.longest = std::max(all.longest, one.longest);
  all.count = std::max(all.count, one.count);
  std::vector<std::string_view> items;
  std::set_union(all.items.begin(), all.items.end(), one.items.begin(), one.items.end(),
                 std::back_inserter(items));
  items.resize(std::min(items.size(), limits::items_per_find_max + 1));
  all.items = std::move(items);
}

class Finds {
 public:
  Finds(std::span<const TableInFile> tables, Diagnostics& out)
      : tables_(tables), out_(out), all_(tables.size()), told_(tables.size(), false) {}

  void check(std::uint32_t table) {
    const SourceTable& source = *tables_[table].source;
    all_[table] = most_of(source);
    const bool below_told = any_below(source, [this](std::uint32_t t) { return told_[t]; });
    told_[table] = below_told;
    if (below_told) return;
    check_size(table);
    check_nothing(table);
  }

 private:
  void error(std::uint32_t table, std::string message) {
    told_[table] = true;
    out_.error(tables_[table].file, tables_[table].source->name.at, std::move(message));
  }

  template <typename Is>
  static bool any_below(const SourceTable& source, const Is& is) {
    bool any = false;
    for_each_entry(source, [&](const SourceEntry& entry) {
      any = any || (entry.is_table() && entry.table != unknown_table && is(entry.table));
    });
    return any;
  }

  [[nodiscard]] Most most_of(const SourceEntry& entry) const {
    if (entry.is_table() && entry.table != unknown_table) return all_[entry.table];
    Most most;
    most.draws = 1;
    most.nothing = entry.gives == SourceEntry::Gives::nothing || entry.count.low == 0;
    if (!entry.is_item()) return most;
    const std::string_view name = entry.target.text;
    most.kinds = 1;
    most.longest = name.size();
    most.count = entry.count.high;
    most.items = {name};
    most.bytes = name.size() + 1 + (most.count == 1 ? 0 : 1 + digits_of(most.count));
    return most;
  }

  [[nodiscard]] Most most_of(const SourcePool& pool) const {
    Most most;
    std::vector<std::uint64_t> draws;
    std::vector<std::uint64_t> kinds;
    std::vector<std::uint64_t> bytes;
    std::uint64_t nothings = 0;
    for (const auto& entry : pool.entries) {
      const Most one = most_of(entry);
      draws.push_back(one.draws);
      kinds.push_back(one.kinds);
      bytes.push_back(one.bytes);
      nothings += one.nothing ? 1 : 0;
      join(most, one);
    }
    most.draws = sum_of(std::move(draws), pool);
    most.kinds = sum_of(std::move(kinds), pool);
    most.bytes = sum_of(std::move(bytes), pool);
    const std::uint64_t needed = pool.distinct ? pool.rolls.low : std::min(pool.rolls.low, 1U);
    most.nothing = pool.chance.denominator > 1 || nothings >= needed;
    limit(most);
    return most;
  }

  // The most that the rolls of a pool can come to.
  static std::uint64_t sum_of(std::vector<std::uint64_t> values, const SourcePool& pool) {
    std::sort(values.begin(), values.end(), std::greater<>());
    std::uint64_t sum = 0;
    if (!pool.distinct) {
      if (!values.empty()) add(sum, values[0], pool.rolls.high);
      return sum;
    }
    for (std::size_t i = 0; i < values.size() && i < pool.rolls.high; ++i) add(sum, values[i]);
    return sum;
  }

  [[nodiscard]] Most most_of(const SourceTable& source) const {
    Most most;
    most.nothing = true;
    const auto with = [&most](const Most& one) {
      add(most.draws, one.draws);
      add(most.kinds, one.kinds);
      add(most.bytes, one.bytes);
      most.nothing = most.nothing && one.nothing;
      join(most, one);
    };
    for (const auto& entry : source.always) with(most_of(entry));
    for (const auto& pool : source.pools) with(most_of(pool));
    limit(most);
    return most;
  }

  // Equal items are one stack, whose count has more digits.
  static void limit(Most& most) {
    if (most.lists_items()) {
      most.kinds = std::min<std::uint64_t>(most.kinds, most.items.size());
      std::uint64_t bytes = 0;
      for (const auto item : most.items) bytes += most.stack_bytes(item.size());
      most.bytes = std::min(most.bytes, bytes);
    }
    most.bytes = std::min(most.bytes, most.kinds * most.stack_bytes(most.longest));
  }

  void check_size(std::uint32_t table) {
    const Most& most = all_[table];
    if (most.draws > limits::draws_per_find_max) {
      error(table,
            fmt::format("one find could make {} draws, more than {}: {}", with_commas(most.draws),
                        limits::draws_per_find_max, path_of(table, &Most::draws)));
    }
    if (most.kinds > limits::items_per_find_max) {
      error(table, fmt::format("one find could give {} different items, more than {}: {}",
                               with_commas(most.kinds), limits::items_per_find_max,
                               path_of(table, &Most::kinds)));
    } else if (most.bytes > limits::reward_bytes_max + 1) {
      error(table, fmt::format("what one find of \"{}\" gives could have {} bytes as text, more "
                               "than {}; shorten the ids of its items",
                               tables_[table].source->name.text, with_commas(most.bytes - 1),
                               with_commas(limits::reward_bytes_max)));
    }
  }

  // "chest → 8 x trinkets → 9": along what gives most.
  [[nodiscard]] std::string path_of(std::uint32_t table, std::uint64_t Most::*what) const {
    std::string out = tables_[table].source->name.text;
    for (;;) {
      std::uint64_t best = 0;
      std::uint64_t best_times = 1;
      std::uint32_t next = unknown_table;
      const auto look = [&](const SourceEntry& entry, std::uint64_t times) {
        const std::uint64_t value = most_of(entry).*what * times;
        if (value <= best) return;
        best = value;
        best_times = times;
        next = entry.is_table() ? entry.table : unknown_table;
      };
      const SourceTable& source = *tables_[table].source;
      for (const auto& entry : source.always) look(entry, 1);
      for (const auto& pool : source.pools) {
        for (const auto& entry : pool.entries) look(entry, pool.distinct ? 1 : pool.rolls.high);
      }
      if (next == unknown_table) return out + fmt::format(" → {}", with_commas(all_[table].*what));
      out += best_times == 1 ? " → " : fmt::format(" → {} x ", best_times);
      out += tables_[next].source->name.text;
      table = next;
    }
  }

  void check_nothing(std::uint32_t table) {
    const SourceTable& source = *tables_[table].source;
    const bool empty = source.pools.empty() && source.always.empty();
    if (!all_[table].nothing || source.may_be_empty || empty) return;
    const std::string where = source.pools.size() > 1 || !source.is_short() ? "pool 1: " : "";
    error(table, fmt::format("table \"{}\" can give nothing at all ({}); give it an always, or say "
                             "may_be_empty: true",
                             source.name.text,
                             source.pools.empty() ? "always: " + why_nothing(source.always)
                                                  : where + why_nothing(source.pools[0])));
  }

  [[nodiscard]] std::string why_nothing(const SourcePool& pool) const {
    if (pool.chance.denominator > 1) {
      return fmt::format("its chance is {}/{}", pool.chance.numerator, pool.chance.denominator);
    }
    return pool.rolls.low == 0 ? "rolls can be 0" : why_nothing(pool.entries);
  }

  [[nodiscard]] std::string why_nothing(const std::vector<SourceEntry>& entries) const {
    std::uint64_t nothing = 0;
    std::uint64_t total = 0;
    std::string why;
    for (const auto& entry : entries) {
      total += entry.weight;
      if (entry.gives == SourceEntry::Gives::nothing) {
        nothing += entry.weight;
      } else if (why.empty() && most_of(entry).nothing) {
        why = entry.is_table() ? fmt::format("the table \"{}\" can give nothing", entry.target.text)
                               : fmt::format("the count of \"{}\" can be 0", entry.target.text);
      }
    }
    return nothing > 0 ? fmt::format("nothing is {} of {}", nothing, total) : why;
  }

  std::span<const TableInFile> tables_;
  Diagnostics& out_;
  std::vector<Most> all_;
  std::vector<bool> told_;  // an error of this table or of one below
};

}  // namespace

void check_entries(const SourceEvent& event, const SourceTable& table, Diagnostics& out) {
  for (const auto& pool : table.pools) {
    check_during(event, table, pool, out);
    warn_of_twins(event, table, pool, out);
    warn_of_percents(event, table, pool, out);
  }
}

void check_finds(std::span<const TableInFile> tables, std::span<const std::uint32_t> order,
                 Diagnostics& out) {
  Finds finds(tables, out);
  for (const auto table : order) finds.check(table);
}

}  // namespace hunt::rules
