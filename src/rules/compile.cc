#include "rules/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/sha256.h"
#include "base/text.h"
#include "model/limits.h"
#include "rules/nesting.h"
#include "rules/parse.h"

namespace hunt::rules {

namespace {

// With these bounds no sum of weights overflows, so compile need not check.
static_assert(limits::entries_per_table_max <=
              std::numeric_limits<std::uint64_t>::max() / limits::weight_max);

std::string place(std::string_view file, Mark at) {
  return fmt::format("{}:{}:{}", file, at.line, at.column);
}

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
  [[nodiscard]] std::string version() const {
    const Digest256 digest = Sha256().of(bytes_);
    return to_hex(Bytes(digest).first(8));
  }

 private:
  static std::uint8_t byte(std::uint64_t value) { return static_cast<std::uint8_t>(value & 255); }
  std::vector<std::uint8_t> bytes_;
};

std::string version_of(const model::RuleSet& set) {
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
      out.put(entry.is_table ? set.tables[entry.index].name : set.items[entry.index]);
    }
  }
  return out.version();
}

void assert_invariants(const model::RuleSet& set) {
  HUNT_ASSERT(set.version.size() == 16 && !set.tables.empty());
  for (const auto& table : set.tables) {
    HUNT_ASSERT(table.event < set.events.size() && table.entry_count >= 1);
    HUNT_ASSERT(std::size_t{table.first_entry} + table.entry_count <= set.entries.size());
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < table.entry_count; ++i) {
      const auto& entry = set.entries[table.first_entry + i];
      HUNT_ASSERT(entry.weight >= 1 && entry.weight <= limits::weight_max);
      HUNT_ASSERT(entry.index < (entry.is_table ? set.tables.size() : set.items.size()));
      sum += entry.weight;
    }
    HUNT_ASSERT(sum == table.total_weight);
  }
}

class Compiler {
 public:
  Compiler(std::vector<SourceEvent> events, std::int64_t now_us, Diagnostics& out)
      : events_(std::move(events)), now_us_(now_us), out_(out) {}

  // Reports everything that is wrong with the events; the set is only for an empty report.
  void check() {
    order_events();
    order_tables();
    for (const auto& event : events_) check_window(event);
    resolve();
    for (const auto& table : tables_) warn_about(table);
    check_nesting();
  }

  [[nodiscard]] model::RuleSet build() const {
    model::RuleSet set;
    for (const auto& event : events_) {
      set.events.push_back({event.name.text, event.trigger, event.hint_radius_tiles,
                            event.starts_us, event.ends_us});
    }
    std::map<std::string_view, std::uint32_t> items;
    for (const auto& table : tables_) {
      model::LootTable flat;
      flat.name = table.source->name.text;
      flat.event = table.event;
      flat.first_entry = static_cast<std::uint32_t>(set.entries.size());
      flat.entry_count = static_cast<std::uint32_t>(table.source->entries.size());
      for (const auto& entry : table.source->entries) {
        std::uint32_t index = 0;
        if (entry.is_table) {
          index = *find_table(entry.target.text);
        } else {
          const auto next = static_cast<std::uint32_t>(set.items.size());
          const auto [item, fresh] = items.emplace(entry.target.text, next);
          if (fresh) set.items.push_back(entry.target.text);
          index = item->second;
        }
        set.entries.push_back({entry.weight, entry.is_table, index});
        flat.total_weight += entry.weight;
      }
      set.tables.push_back(std::move(flat));
    }
    set.version = version_of(set);
    assert_invariants(set);
    return set;
  }

 private:
  struct Table {
    const SourceTable* source = nullptr;
    std::uint32_t event = 0;  // into events_
  };

  [[nodiscard]] std::string_view file_of(const Table& table) const {
    return events_[table.event].file;
  }
  [[nodiscard]] std::string_view name_of(std::uint32_t table) const {
    return tables_[table].source->name.text;
  }

  void order_events() {
    std::stable_sort(
        events_.begin(), events_.end(),
        [](const SourceEvent& a, const SourceEvent& b) { return a.name.text < b.name.text; });
    for (std::size_t i = 1; i < events_.size(); ++i) {
      const auto& first = events_[i - 1];
      const auto& second = events_[i];
      if (second.name.text.empty() || first.name.text != second.name.text) continue;
      out_.error(second.file, second.name.at,
                 fmt::format("the event \"{}\" is already at {}; events need different names",
                             second.name.text, place(first.file, first.name.at)));
    }
  }

  // Fills tables_ by name; of two with one name the first counts.
  void order_tables() {
    std::vector<Table> all;
    for (std::uint32_t i = 0; i < events_.size(); ++i) {
      for (const auto& table : events_[i].tables) {
        if (!table.name.text.empty()) all.push_back({&table, i});
      }
    }
    std::stable_sort(all.begin(), all.end(), [](const Table& a, const Table& b) {
      return a.source->name.text < b.source->name.text;
    });
    for (const auto& table : all) {
      if (tables_.empty() || tables_.back().source->name.text != table.source->name.text) {
        tables_.push_back(table);
        continue;
      }
      const Table& first = tables_.back();
      out_.error(
          file_of(table), table.source->name.at,
          fmt::format("the table \"{}\" is already at {}; tables of all files need "
                      "different names",
                      table.source->name.text, place(file_of(first), first.source->name.at)));
    }
    if (tables_.size() > limits::tables_max) {
      const Table& over = tables_[limits::tables_max];
      out_.error(file_of(over), over.source->name.at,
                 fmt::format("{} tables in all files together, more than {}", tables_.size(),
                             limits::tables_max));
    }
  }

  void check_window(const SourceEvent& event) {
    if (event.ends_us <= event.starts_us) {
      out_.error(event.file, event.ends_at,
                 fmt::format("ends: {} is not after starts, {}; the event would never open",
                             format_time_us(event.ends_us), format_time_us(event.starts_us)));
    } else if (event.ends_us <= now_us_) {
      out_.warning(event.file, event.ends_at,
                   fmt::format("the event \"{}\" was over at {}; nothing can be found in it",
                               event.name.text, format_time_us(event.ends_us)));
    }
  }

  [[nodiscard]] std::optional<std::uint32_t> find_table(std::string_view name) const {
    const auto at = std::lower_bound(
        tables_.begin(), tables_.end(), name,
        [](const Table& t, std::string_view n) { return t.source->name.text < n; });
    if (at == tables_.end() || at->source->name.text != name) return {};
    return static_cast<std::uint32_t>(at - tables_.begin());
  }

  // Fills references_ and entries_of_references_.
  void resolve() {
    std::vector<std::string_view> names;
    for (std::uint32_t i = 0; i < tables_.size(); ++i) names.push_back(name_of(i));
    references_.resize(tables_.size());
    sources_.resize(tables_.size());
    for (std::uint32_t i = 0; i < tables_.size(); ++i) {
      for (const auto& entry : tables_[i].source->entries) {
        if (!entry.is_table || entry.target.text.empty()) continue;
        const auto target = find_table(entry.target.text);
        if (target) {
          references_[i].push_back(*target);
          sources_[i].push_back(&entry);
        } else {
          // Bound: the search for the nearest name runs for as many errors as are shown.
          const std::string near =
              out_.full() ? std::string{} : did_you_mean(entry.target.text, names);
          out_.error(file_of(tables_[i]), entry.target.at,
                     fmt::format("there is no table \"{}\"{}", entry.target.text, near));
        }
      }
    }
  }

  void warn_about(const Table& table) {
    const auto& entries = table.source->entries;
    std::uint64_t sum = 0;
    std::map<std::pair<bool, std::string_view>, Mark> seen;
    for (const auto& entry : entries) {
      sum += entry.weight;
      if (entry.target.text.empty()) continue;
      const auto [first, fresh] =
          seen.emplace(std::pair{entry.is_table, std::string_view(entry.target.text)}, entry.at);
      if (fresh) continue;
      out_.warning(file_of(table), entry.target.at,
                   fmt::format("the {} \"{}\" is twice in the table \"{}\", first on line {}; the "
                               "weights add up",
                               entry.is_table ? "table" : "item", entry.target.text,
                               table.source->name.text, first->second.line));
    }
    // A guess: who means percents and slips lands within 10 of 100.
    if (entries.size() >= 2 && sum >= 90 && sum <= 110 && sum != 100) {
      out_.warning(file_of(table), table.source->name.at,
                   fmt::format("the weights of \"{}\" add up to {}; if they are meant as percents, "
                               "{} {}. Weights are relative, so the odds are weight / {}",
                               table.source->name.text, sum, sum < 100 ? 100 - sum : sum - 100,
                               sum < 100 ? "are missing" : "are too many", sum));
    }
  }

  void check_nesting() {
    const Nesting nesting = find_nesting(references_, Diagnostics::diagnostics_max);
    for (const auto& cycle : nesting.cycles) {
      const std::uint32_t last = cycle.path[cycle.path.size() - 2];
      out_.error(file_of(tables_[last]), sources_[last][cycle.reference]->target.at,
                 fmt::format("these tables draw from each other for ever: {}; remove one reference",
                             path_text(cycle.path)));
    }
    if (!nesting.cycles.empty()) return;
    for (std::uint32_t i = 0; i < tables_.size(); ++i) {
      // One more than the bound: those above it would repeat the same chain.
      if (nesting.levels[i] != limits::table_nesting_max + 1) continue;
      out_.error(file_of(tables_[i]), tables_[i].source->name.at,
                 fmt::format("more than {} tables nested: {}", limits::table_nesting_max,
                             path_text(longest_chain(references_, nesting.levels, i))));
    }
  }

  [[nodiscard]] std::string path_text(const std::vector<std::uint32_t>& path) const {
    constexpr std::size_t shown_max = 12;
    std::string out;
    for (std::size_t i = 0; i < path.size(); ++i) {
      if (path.size() > shown_max && i == shown_max / 2) {
        out += fmt::format(" → ({} more)", path.size() - shown_max);
        i = path.size() - shown_max / 2;
      }
      out += fmt::format("{}{}", i == 0 ? "" : " → ", name_of(path[i]));
    }
    return out;
  }

  std::vector<SourceEvent> events_;
  std::int64_t now_us_;
  Diagnostics& out_;
  std::vector<Table> tables_;
  References references_;
  std::vector<std::vector<const SourceEntry*>> sources_;  // where each reference stands
};

}  // namespace

RulesResult compile_rules(std::span<const RulesFile> files, std::int64_t now_us) {
  Diagnostics out;
  if (files.empty() || files.size() > limits::rules_files_max) {
    out.error(
        "", {},
        fmt::format("{} rules files; expected 1 to {}", files.size(), limits::rules_files_max));
    return tl::unexpected(out.take());
  }
  std::vector<SourceEvent> events;
  bool all_read = true;
  for (const auto& file : files) {
    auto root = read_yaml(file.name, file.text);
    if (root) {
      events.push_back(parse_event(*root, file.name, out));
    } else {
      out.add(std::move(root).error());
      all_read = false;
    }
  }
  // Without one of the files, references into it would be reported as well: only noise.
  if (!all_read) return tl::unexpected(out.take());
  Compiler compiler(std::move(events), now_us, out);
  compiler.check();
  if (out.errors() > 0) return tl::unexpected(out.take());
  LoadedRules loaded;
  loaded.set = compiler.build();
  loaded.warnings = out.take();
  return loaded;
}

}  // namespace hunt::rules
