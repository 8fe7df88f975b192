#include "rules/placement_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/text.h"
#include "rules/odds.h"

namespace hunt::rules {

namespace {

// A warning where it is likelier than not that nobody gets one.
constexpr double half = 0.5;

const KnownTable* find_table(std::span<const KnownTable> tables, std::string_view name) {
  const auto at =
      std::lower_bound(tables.begin(), tables.end(), name,
                       [](const KnownTable& table, std::string_view n) { return table.name < n; });
  return at == tables.end() || at->name != name ? nullptr : &*at;
}

void check_table(std::span<const SourceEvent> events, const SourceEvent& event,
                 const SourcePlacement& placement, std::span<const KnownTable> tables,
                 Diagnostics& out) {
  const SourceName& name = placement.table;
  const KnownTable* table = find_table(tables, name.text);
  if (table == nullptr) {
    std::vector<std::string_view> names;
    for (const auto& one : event.tables) names.push_back(one.name.text);
    const std::string near = out.full() ? std::string{} : did_you_mean(name.text, names);
    out.error(event.file, name.at, fmt::format("there is no table \"{}\"{}", name.text, near));
  } else if (&events[table->event] != &event) {
    out.error(event.file, name.at,
              fmt::format("placement: the table \"{}\" is of the event \"{}\"; place it there, its "
                          "times are those of its loot",
                          name.text, events[table->event].name.text));
  }
}

void check_room(const SourceEvent& event, const SourcePlacement& placement, Diagnostics& out) {
  const std::uint64_t room = room_for(placement.area, placement.except, placement.apart_tiles);
  if (placement.spawns <= room) return;
  const std::string apart =
      placement.apart_tiles == 1 ? "" : fmt::format(" {} apart", placement.apart_tiles);
  out.error(event.file, placement.at,
            fmt::format("placement: {} spawns{} do not fit; of the {} x {} tiles at most {} can "
                        "have one",
                        with_commas(placement.spawns), apart, with_commas(width_of(placement.area)),
                        with_commas(height_of(placement.area)), with_commas(room)));
}

void check_every(const SourceEvent& event, const SourcePlacement& placement, Diagnostics& out) {
  if (placement.every_us == 0 || !event.times_are_right) return;
  if (event.starts_us == model::time_us_min) {
    out.error(event.file, placement.every_at, "every: needs starts; it is counted from there");
  }
}

std::string units_text(double units) {
  return with_commas(static_cast<std::uint64_t>(units));
}

// How many finds are placed in this file, by table; nothing: without end.
std::map<std::string_view, std::optional<double>> placed_in(const SourceEvent& event) {
  model::EventRules times;
  times.starts_us = event.starts_us;
  times.ends_us = event.ends_us;
  std::map<std::string_view, std::optional<double>> finds;
  for (const auto& source : event.placements) {
    Placement placement;
    placement.every_us = source.every_us;
    const auto turns = occurrences_of(times, placement);
    auto& sum = finds.emplace(source.table.text, 0.0).first->second;
    if (!turns) sum.reset();
    if (sum) *sum += static_cast<double>(*turns) * source.spawns * source.budget;
  }
  return finds;
}

void warn_of_tables(const SourceEvent& event, std::span<const KnownTable> tables,
                    Diagnostics& out) {
  const auto placed = placed_in(event);
  for (const auto& source : event.tables) {
    const KnownTable* table = find_table(tables, source.name.text);
    if (table == nullptr || table->at != source.name.at) continue;
    const auto here = placed.find(table->name);
    if (here == placed.end() && !table->drawn) {
      out.warning(event.file, source.name.at,
                  fmt::format("the table \"{}\" is drawn by no table and placed nowhere; is it "
                              "buried by hand?",
                              table->name));
    }
    if (here == placed.end() || !table->drawn) continue;
    out.warning(event.file, source.name.at,
                fmt::format("\"{}\" is placed for {} finds but also drawn from \"{}\"; it will "
                            "come more often",
                            table->name, here->second ? units_text(*here->second) : "ever more",
                            table->drawn_by));
  }
}

// How many finds there are at most; nothing: without end.
std::optional<double> units_of(const model::RuleSet& set, const Placement& placement) {
  const auto times = occurrences_of(set.events[placement.event], placement);
  if (!times) return {};
  return static_cast<double>(*times) * static_cast<double>(placement.units());
}

using Likely = std::map<std::string, double>;  // by item, the most of all times

// Of each table that is placed. All of them together may take as much work as the odds of one: what
// takes more is left out, and `hunt rules odds` says why.
std::map<std::uint32_t, Likely> likely_items(const model::RuleSet& set,
                                             std::span<const Placement> placements) {
  std::map<std::uint32_t, Likely> out;
  for (const auto& placement : placements) out[placement.table];
  std::uint64_t cases = 0;
  for (const auto& [table, likely] : out) cases += time_cases(set, table).size();
  for (auto& [table, likely] : out) {
    for (const auto& [open, as_of_us] : time_cases(set, table)) {
      const auto odds = table_odds(set, table, open, odds_work_max / cases);
      if (!odds) continue;
      for (const auto& one : odds->items) {
        double& most = likely[one.item];
        most = std::max(most, one.probability);
      }
    }
  }
  return out;
}

}  // namespace

void check_placements(std::span<const SourceEvent> events, std::span<const KnownTable> tables,
                      Diagnostics& out) {
  for (const auto& event : events) {
    for (const auto& placement : event.placements) {
      if (!placement.table.text.empty()) check_table(events, event, placement, tables, out);
      if (!placement.right) continue;
      check_room(event, placement, out);
      check_every(event, placement, out);
    }
    // With a mistake in one of them it is not known what is placed.
    if (!event.placements.empty() && out.errors() == 0) warn_of_tables(event, tables, out);
  }
}

std::vector<Placement> placements_of(std::span<const SourceEvent> events,
                                     std::span<const KnownTable> tables) {
  std::vector<Placement> all;
  for (std::uint32_t i = 0; i < events.size(); ++i) {
    std::uint32_t number = 0;
    for (const auto& source : events[i].placements) {
      const KnownTable* table = find_table(tables, source.table.text);
      all.push_back({i, ++number, static_cast<std::uint32_t>(table - tables.data()),
                     source.world.text, source.area, source.except, source.spawns, source.budget,
                     source.apart_tiles, source.every_us, events[i].file, source.at});
    }
  }
  return all;
}

std::vector<Diagnostic> rare_items(const model::RuleSet& set,
                                   std::span<const Placement> placements) {
  struct Item {
    const Placement* first = nullptr;
    double nobody = 0;  // the logarithm of the probability that no find gives it
    double units = 0;   // of all tables that can give it
    double best = 0;    // the probability of one find of the likeliest of them
    bool known = true;
  };
  const auto likely = likely_items(set, placements);
  std::map<std::pair<std::uint32_t, std::string>, Item> items;  // by event
  for (const auto& placement : placements) {
    const auto units = units_of(set, placement);
    for (const auto& [name, probability] : likely.at(placement.table)) {
      Item& item = items[{placement.event, name}];
      if (item.first == nullptr) item.first = &placement;
      item.known = item.known && units.has_value();
      item.units += units.value_or(0);
      item.best = std::max(item.best, probability);
      item.nobody += units.value_or(0) * std::log1p(-std::min(probability, 1 - 1e-16));
    }
  }
  std::vector<Diagnostic> out;
  for (const auto& [key, item] : items) {
    if (!item.known || std::exp(item.nobody) <= half) continue;
    out.push_back({item.first->file, item.first->at, Severity::warning,
                   fmt::format("{}: {} finds, and {} are placed; probably nobody gets one",
                               key.second, one_in_text(item.best), units_text(item.units))});
  }
  return out;
}

std::vector<Diagnostic> short_supply(const model::RuleSet& set,
                                     std::span<const Placement> placements, std::uint64_t players) {
  struct Supply {
    const Placement* first = nullptr;
    double units = 0;
    double spawns = 0;  // which is what one player can take
    bool known = true;
  };
  std::map<std::uint32_t, Supply> events;
  for (const auto& placement : placements) {
    Supply& supply = events[placement.event];
    if (supply.first == nullptr) supply.first = &placement;
    const auto units = units_of(set, placement);
    supply.known = supply.known && units.has_value();
    supply.units += units.value_or(0);
    supply.spawns += units.value_or(0) / placement.budget;
  }
  std::vector<Diagnostic> out;
  for (const auto& [event, supply] : events) {
    if (!supply.known || supply.units >= static_cast<double>(players) * supply.spawns) continue;
    const std::string some =
        supply.units < static_cast<double>(players)
            ? fmt::format("at least {} of them find nothing",
                          units_text(static_cast<double>(players) - supply.units))
            : fmt::format("{} for each, where one player could take {}",
                          fmt::format("{:.4g}", supply.units / static_cast<double>(players)),
                          units_text(supply.spawns));
    out.push_back({supply.first->file, supply.first->at, Severity::warning,
                   fmt::format("{}: {} finds are placed for {} players: {}", set.events[event].name,
                               units_text(supply.units), with_commas(players), some)});
  }
  return out;
}

}  // namespace hunt::rules
