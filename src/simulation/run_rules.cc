#include "simulation/run_rules.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "rules/load.h"

namespace hunt::simulation {

namespace {

void add_side_event(model::RuleSet& rules) {
  model::EventRules event = rules.events.at(0);
  event.name = side_event;
  rules.events.push_back(std::move(event));
  model::LootTable table = rules.tables.at(0);
  HUNT_ASSERT(table.is_short() && table.name == main_event);
  table.name = side_event;
  table.event = 1;
  const std::uint32_t first = table.first_entry;
  table.first_entry = static_cast<std::uint32_t>(rules.entries.size());
  for (std::uint32_t i = 0; i < table.entry_count; ++i) {
    const model::LootEntry entry = rules.entries[first + i];
    rules.entries.push_back(entry);
  }
  rules.tables.push_back(std::move(table));
}

void reweigh(model::RuleSet& rules, std::uint64_t number) {
  for (auto& entry : rules.entries) entry.weight = 1 + (entry.weight * 7 + number % 97) % 900;
  for (auto& table : rules.tables) {
    table.total_weight = 0;
    for (std::uint32_t i = 0; i < table.entry_count; ++i) {
      table.total_weight += rules.entries[table.first_entry + i].weight;
    }
  }
}

void change_reach(model::EventRules& event, std::uint64_t number) {
  event.hint_radius_tiles = 0;
  event.rollout_percent = number == 0 ? 60 : 1 + static_cast<std::uint32_t>((number >> 8) % 100);
  const std::uint64_t worlds = (number >> 8) / 100 % 8;
  if (number != 0 && worlds < 2) {
    event.worlds = {model::WorldId{1 + static_cast<model::WorldId>(worlds)}};
  }
}

constexpr std::string_view for_some = " some";

}  // namespace

model::RuleSetPtr unchanging_rules(bool some) {
  auto rules = std::make_shared<model::RuleSet>(rules::builtin_rules());
  if (!some) return rules;
  change_reach(rules->events.at(0), 0);
  rules->version = "0000000000000060";
  return rules;
}

model::RulesFiles run_rules_files(std::uint64_t number, bool some) {
  model::RulesFiles files;
  files.push_back({"run.yaml", fmt::format("{}{}", number, some ? for_some : "")});
  return files;
}

Result<model::RuleSetPtr> compile_run_rules(const model::RulesFiles& files) {
  std::uint64_t number = 0;
  if (files.size() != 1) return fail(Errc::invalid_argument, "expected one file", "files");
  std::string_view text = files[0].text;
  const bool some = text.ends_with(for_some);
  if (some) text.remove_suffix(for_some.size());
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
    return fail(Errc::invalid_argument, "expected a number", "files");
  }
  auto rules = std::make_shared<model::RuleSet>(rules::builtin_rules());
  add_side_event(*rules);
  if (number != 0) reweigh(*rules, number);
  if (some) change_reach(rules->events.at(0), number);
  rules->version = fmt::format("{:016x}", number);
  return std::shared_ptr<const model::RuleSet>(std::move(rules));
}

service::RulesOffer run_rules_offer(std::uint64_t number, std::uint64_t revision, bool some) {
  service::RulesOffer offer;
  offer.files = run_rules_files(number, some);
  offer.set = compile_run_rules(offer.files).value();
  offer.revision = revision;
  return offer;
}

}  // namespace hunt::simulation
