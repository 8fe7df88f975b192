#include "rules/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "model/limits.h"
#include "rules/event_times.h"
#include "rules/item_checks.h"
#include "rules/lock_file.h"
#include "rules/nesting.h"
#include "rules/parse.h"
#include "rules/placement_checks.h"
#include "rules/set_version.h"
#include "rules/table_checks.h"
#include "rules/world_checks.h"

namespace hunt::rules {

namespace {

// With these bounds no sum of weights overflows, so compile need not check.
static_assert(limits::entries_per_table_max <=
              std::numeric_limits<std::uint64_t>::max() / limits::weight_max);

std::string place(std::string_view file, Mark at) {
  return fmt::format("{}:{}:{}", file, at.line, at.column);
}

class Compiler {
 public:
  Compiler(std::vector<SourceEvent> events, std::int64_t now_us, Diagnostics& out)
      : events_(std::move(events)), now_us_(now_us), out_(out) {}

  // Reports everything that is wrong with the events; the set is only for an empty report.
  void check() {
    order_events();
    order_tables();
    for (const auto& event : events_) times_.push_back(resolve_times(event, now_us_, out_));
    order_times();
    resolve();
    for (const auto& table : tables_) check_entries(events_[table.event], *table.source, out_);
    check_nesting();
    check_items(events_, out_);
    check_placements(events_, known_tables(), out_);
    check_worlds(events_, out_);
  }

  [[nodiscard]] LoadedRules build() const {
    LoadedRules loaded;
    model::RuleSet& set = loaded.set;
    for (std::size_t i = 0; i < events_.size(); ++i) set.events.push_back(event_of(i));
    for (const auto& time : ordered_times_) {
      set.times.push_back({time.name, time.event, times_[time.event].times[time.index]});
    }
    Items items;
    for (std::uint32_t i = 0; i < tables_.size(); ++i) add_table(i, items, set);
    find_stacked(set);
    for (std::size_t i = 0; i < events_.size(); ++i) {
      set.events[i].item_tiers = tiers_of(events_[i], items);
    }
    loaded.placements = placements_of(events_, known_tables());
    loaded.worlds = worlds_named_by(events_);
    set.version = version_of(set, loaded.placements);
    assert_invariants(set);
    return loaded;
  }

 private:
  using Items = std::map<std::string_view, std::uint32_t>;  // their indices in the set

  struct Table {
    SourceTable* source = nullptr;
    std::uint32_t event = 0;  // into events_
  };

  void add_table(std::uint32_t index, Items& items, model::RuleSet& set) const {
    const Table& table = tables_[index];
    const SourceTable& source = *table.source;
    model::LootTable flat;
    flat.name = source.name.text;
    flat.event = table.event;
    flat.first_entry = static_cast<std::uint32_t>(set.entries.size());
    flat.timed = !reachable_times_[index].empty();
    for_each_entry(source, [&](const SourceEntry& entry) {
      set.entries.push_back(flat_entry(table, entry, items, set));
    });
    flat.entry_count = static_cast<std::uint32_t>(set.entries.size()) - flat.first_entry;
    if (source.is_short()) {
      flat.total_weight = total_of(source.pools[0]);
    } else {
      flat.always_count = static_cast<std::uint8_t>(source.always.size());
      flat.first_pool = static_cast<std::uint32_t>(set.pools.size());
      flat.pool_count = static_cast<std::uint8_t>(source.pools.size());
      std::uint32_t first = flat.first_entry + flat.always_count;
      for (const auto& pool : source.pools) {
        const auto count = static_cast<std::uint32_t>(pool.entries.size());
        const bool timed = std::any_of(pool.entries.begin(), pool.entries.end(),
                                       [](const auto& one) { return !one.during.text.empty(); });
        set.pools.push_back(
            {first, count, total_of(pool), pool.chance, pool.rolls, pool.distinct, timed});
        first += count;
      }
    }
    set.tables.push_back(std::move(flat));
  }

  [[nodiscard]] static std::uint64_t total_of(const SourcePool& pool) {
    std::uint64_t total = 0;
    for (const auto& entry : pool.entries) total += entry.weight;
    return total;
  }

  [[nodiscard]] model::LootEntry flat_entry(const Table& table, const SourceEntry& entry,
                                            Items& items, model::RuleSet& set) const {
    model::LootEntry flat{entry.weight, entry.is_table(), entry.table, during_of(table, entry),
                          entry.count};
    if (entry.is_item()) {
      const auto next = static_cast<std::uint32_t>(set.items.size());
      const auto [item, fresh] = items.emplace(entry.target.text, next);
      if (fresh) set.items.push_back(entry.target.text);
      flat.index = item->second;
    } else if (!entry.is_table()) {
      flat.count = {0, 0};
    }
    return flat;
  }

  // From the tables below up.
  void find_stacked(model::RuleSet& set) const {
    for (const auto i : order_) {
      model::LootTable& table = set.tables[i];
      const auto stacks = [&set](const model::LootEntry& entry) {
        return entry.is_table ? set.tables[entry.index].stacked : entry.count != model::Range{};
      };
      const auto entries = set.entries_of(table);
      table.stacked = !table.is_short() || std::any_of(entries.begin(), entries.end(), stacks);
    }
  }

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
      for (auto& table : events_[i].tables) {
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

  // All named times by event and name, whatever their order in the files.
  void order_times() {
    for (std::uint32_t i = 0; i < events_.size(); ++i) {
      for (std::uint32_t k = 0; k < events_[i].times.size(); ++k) {
        ordered_times_.push_back({events_[i].times[k].name.text, i, k});
      }
    }
    std::sort(ordered_times_.begin(), ordered_times_.end());
  }

  // As in model::LootEntry; 0 also for a name that there is not.
  [[nodiscard]] std::uint16_t during_of(const Table& table, const SourceEntry& entry) const {
    if (entry.during.text.empty()) return 0;
    for (std::size_t i = 0; i < ordered_times_.size(); ++i) {
      if (ordered_times_[i].event == table.event && ordered_times_[i].name == entry.during.text) {
        return static_cast<std::uint16_t>(i + 1);
      }
    }
    return 0;
  }

  // Which named times the odds of each table depend on, through the tables below.
  void find_reachable_times() {
    for (const auto i : order_) {
      std::set<std::uint16_t>& times = reachable_times_[i];
      for_each_entry(*tables_[i].source, [&](const SourceEntry& entry) {
        const std::uint16_t during = during_of(tables_[i], entry);
        if (during != 0) times.insert(during);
      });
      for (const auto below : references_[i]) {
        times.insert(reachable_times_[below].begin(), reachable_times_[below].end());
      }
      if (times.size() <= limits::times_per_table_max) continue;
      out_.error(file_of(tables_[i]), tables_[i].source->name.at,
                 fmt::format("the odds of \"{}\" depend on {} named times, with the tables that it "
                             "draws from; more than {}",
                             name_of(i), times.size(), limits::times_per_table_max));
      times.clear();  // else the tables above would repeat it
    }
  }

  [[nodiscard]] model::EventRules event_of(std::size_t index) const {
    const SourceEvent& source = events_[index];
    model::EventRules event;
    event.name = source.name.text;
    event.trigger = source.trigger;
    event.hint_radius_tiles = source.hint_radius_tiles;
    event.starts_us = source.starts_us;
    event.ends_us = source.ends_us;
    event.enabled = source.enabled;
    event.openings = times_[index].open;
    event.zone = source.zone.name();
    for (const auto& tier : source.tiers) event.tiers.push_back(tier.text);
    for (const auto& world : source.worlds) event.worlds.push_back(model::world_ref_of(world.text));
    std::sort(event.worlds.begin(), event.worlds.end());
    event.rollout_percent = source.rollout_percent;
    if (source.announce) {
      const auto at = std::find(event.tiers.begin(), event.tiers.end(), source.announce->text);
      event.announce_from = static_cast<std::uint32_t>(at - event.tiers.begin());
    }
    return event;
  }

  [[nodiscard]] static std::vector<model::ItemTier> tiers_of(
      const SourceEvent& event, const std::map<std::string_view, std::uint32_t>& items) {
    std::vector<model::ItemTier> out;
    for (const auto& item : event.items) {
      const auto index = items.find(item.name.text);
      const auto tier = std::find_if(event.tiers.begin(), event.tiers.end(),
                                     [&](const auto& one) { return one.text == item.tier.text; });
      if (index == items.end() || tier == event.tiers.end()) continue;
      out.push_back({index->second, static_cast<std::uint32_t>(tier - event.tiers.begin())});
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.item < b.item; });
    return out;
  }

  [[nodiscard]] std::optional<std::uint32_t> find_table(std::string_view name) const {
    const auto at = std::lower_bound(
        tables_.begin(), tables_.end(), name,
        [](const Table& t, std::string_view n) { return t.source->name.text < n; });
    if (at == tables_.end() || at->source->name.text != name) return {};
    return static_cast<std::uint32_t>(at - tables_.begin());
  }

  // Fills references_ and sources_.
  void resolve() {
    std::vector<std::string_view> names;
    for (std::uint32_t i = 0; i < tables_.size(); ++i) names.push_back(name_of(i));
    references_.resize(tables_.size());
    reachable_times_.resize(tables_.size());
    sources_.resize(tables_.size());
    for (std::uint32_t i = 0; i < tables_.size(); ++i) {
      for_each_entry(*tables_[i].source, [&](SourceEntry& entry) {
        entry.table = unknown_table;
        if (!entry.is_table() || entry.target.text.empty()) return;
        const auto target = find_table(entry.target.text);
        if (target) {
          entry.table = *target;
          references_[i].push_back(*target);
          sources_[i].push_back(&entry);
        } else {
          // Bound: the search for the nearest name runs for as many errors as are shown.
          const std::string near =
              out_.full() ? std::string{} : did_you_mean(entry.target.text, names);
          out_.error(file_of(tables_[i]), entry.target.at,
                     fmt::format("there is no table \"{}\"{}", entry.target.text, near));
        }
      });
    }
  }

  [[nodiscard]] std::vector<KnownTable> known_tables() const {
    std::vector<KnownTable> all;
    for (const auto& table : tables_) {
      all.push_back({table.source->name.text, table.event, table.source->name.at, false, {}});
    }
    for (std::uint32_t i = 0; i < tables_.size(); ++i) {
      for (const auto below : references_[i]) {
        if (all[below].drawn) continue;
        all[below].drawn = true;
        all[below].drawn_by = name_of(i);
      }
    }
    return all;
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
    order_.resize(tables_.size());
    std::iota(order_.begin(), order_.end(), 0U);
    std::stable_sort(order_.begin(), order_.end(),
                     [&nesting](auto a, auto b) { return nesting.levels[a] < nesting.levels[b]; });
    find_reachable_times();
    std::vector<TableInFile> tables;
    for (const auto& table : tables_) tables.push_back({table.source, file_of(table)});
    check_finds(tables, order_, out_);
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

  struct OrderedTime {
    std::string name;
    std::uint32_t event = 0;  // into events_ and times_
    std::uint32_t index = 0;  // into the event's times
    friend bool operator<(const OrderedTime& a, const OrderedTime& b) {
      return std::tie(a.event, a.name, a.index) < std::tie(b.event, b.name, b.index);
    }
  };

  std::vector<SourceEvent> events_;
  std::int64_t now_us_;
  Diagnostics& out_;
  std::vector<Table> tables_;
  std::vector<std::uint32_t> order_;  // of tables, each behind those that it draws from
  References references_;
  std::vector<std::vector<const SourceEntry*>> sources_;  // where each reference stands
  std::vector<EventTimes> times_;                         // of each event
  std::vector<OrderedTime> ordered_times_;
  std::vector<std::set<std::uint16_t>> reachable_times_;  // of each table, as in LootEntry::during
};

RulesResult compile_all(std::span<const RulesFile* const> files, std::int64_t now_us) {
  Diagnostics out;
  if (files.empty() || files.size() > limits::rules_files_max) {
    out.error(
        "", {},
        fmt::format("{} rules files; expected 1 to {}", files.size(), limits::rules_files_max));
    return tl::unexpected(out.take());
  }
  std::vector<SourceEvent> events;
  bool all_read = true;
  for (const auto* file : files) {
    auto root = read_yaml(file->name, file->text);
    if (root) {
      events.push_back(parse_event(*root, file->name, out));
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
  LoadedRules loaded = compiler.build();
  loaded.warnings = out.take();
  return loaded;
}

std::vector<Diagnostic> not_as_locked(const RulesFile& file, const Lock& lock,
                                      const std::string& version) {
  const std::string data = zone_data_version();
  const std::string zones =
      lock.zone_data.empty() || lock.zone_data == data
          ? ""
          : fmt::format(" The time zone data are {} there and {} here.", lock.zone_data, data);
  return {Diagnostic{
      file.name, lock.version_at, Severity::error,
      fmt::format("the lock is for version {}, but the files beside it come to {}: they are not "
                  "all here, or were changed without it. Write it anew with: hunt rules lock.{}",
                  lock.version, version, zones)}};
}

}  // namespace

RulesResult compile_rules(std::span<const RulesFile> files, std::int64_t now_us) {
  std::vector<const RulesFile*> events;
  const RulesFile* locked = nullptr;
  for (const auto& file : files) {
    if (is_lock_file(file.name)) {
      locked = &file;
    } else {
      events.push_back(&file);
    }
  }
  auto loaded = compile_all(events, now_us);
  if (!loaded || locked == nullptr) return loaded;
  const auto lock = read_lock(locked->name, locked->text);
  if (!lock) return tl::unexpected(lock.error());
  loaded->lock = *lock;
  if (lock->version == loaded->set.version) return loaded;
  return tl::unexpected(not_as_locked(*locked, *lock, loaded->set.version));
}

}  // namespace hunt::rules
