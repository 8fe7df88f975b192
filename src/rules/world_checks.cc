#include "rules/world_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <variant>

#include "base/text.h"

namespace hunt::rules {

namespace {

model::EventRules worlds_of(const SourceEvent& source) {
  model::EventRules event;
  for (const auto& world : source.worlds) event.worlds.push_back(model::world_ref_of(world.text));
  return event;
}

}  // namespace

bool may_be_in(const model::EventRules& event, const std::string& world) {
  const model::WorldRef ref = model::world_ref_of(world);
  return event.worlds.empty() ||
         std::any_of(event.worlds.begin(), event.worlds.end(), [&ref](const model::WorldRef& one) {
           return one == ref || one.index() != ref.index();
         });
}

void check_worlds(std::span<const SourceEvent> events, Diagnostics& out) {
  for (const auto& event : events) {
    const model::EventRules worlds = worlds_of(event);
    for (const auto& placement : event.placements) {
      const SourceName& world = placement.world;
      if (world.text.empty() || may_be_in(worlds, world.text)) continue;
      out.warning(event.file, world.at,
                  fmt::format("placement: \"{}\" is not among the worlds of the event; what lies "
                              "there is not found",
                              world.text));
    }
  }
}

std::vector<NamedWorld> worlds_named_by(std::span<const SourceEvent> events) {
  std::vector<NamedWorld> all;
  for (const auto& event : events) {
    for (const auto& world : event.worlds) {
      all.push_back({"worlds", world.text, event.file, world.at});
    }
    for (const auto& placement : event.placements) {
      all.push_back({"world", placement.world.text, event.file, placement.world.at});
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const NamedWorld& a, const NamedWorld& b) {
    return std::tie(a.file, a.at) < std::tie(b.file, b.at);
  });
  return all;
}

std::vector<Diagnostic> unknown_worlds(std::span<const NamedWorld> named,
                                       std::span<const model::World> known) {
  std::vector<std::string_view> names;
  for (const auto& world : known) names.emplace_back(world.name);
  std::vector<Diagnostic> out;
  for (const auto& one : named) {
    model::EventRules event;
    event.worlds = {model::world_ref_of(one.name)};
    if (std::any_of(known.begin(), known.end(),
                    [&](const model::World& world) { return event.in_world(world); })) {
      continue;
    }
    out.push_back({one.file, one.at, Severity::error,
                   fmt::format("{}: there is no world \"{}\" in the store{}", one.key, one.name,
                               did_you_mean(one.name, names))});
  }
  return out;
}

std::vector<Diagnostic> buried_without_table(const model::RuleSet& set,
                                             std::span<const model::TableCount> open,
                                             const std::string& path) {
  std::vector<std::string_view> names;
  for (const auto& table : set.tables) names.emplace_back(table.name);
  std::vector<Diagnostic> out;
  for (const auto& one : open) {
    if (set.find_table(one.table)) continue;
    out.push_back(
        {path,
         {},
         Severity::warning,
         fmt::format("the table \"{}\" is in no file, but {} open {} would find nothing{}",
                     printable(one.table), with_commas(one.spawns),
                     one.spawns == 1 ? "spawn uses it; it" : "spawns use it; they",
                     did_you_mean(one.table, names))});
  }
  return out;
}

}  // namespace hunt::rules
