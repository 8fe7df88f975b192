// hunt rules check | schema | keys, and what all commands on rules share.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <iterator>
#include <memory>
#include <span>

#include "adapters/system/system_clock.h"
#include "apps/rules_commands.h"
#include "apps/rules_json.h"
#include "apps/rules_store.h"
#include "apps/shared_flags.h"
#include "base/hide_user.h"
#include "base/text.h"
#include "rules/disclose.h"
#include "rules/event_text.h"
#include "rules/keys.h"
#include "rules/placement_checks.h"
#include "rules/world_checks.h"
#include "rules/zones.h"

namespace hunt::apps {

namespace {

namespace json = boost::json;

json::array json_of(std::span<const rules::Diagnostic> diagnostics) {
  json::array out;
  for (const auto& diagnostic : diagnostics) {
    json::object one;
    one["file"] = diagnostic.file;
    one["line"] = diagnostic.at.line;
    one["column"] = diagnostic.at.column;
    one["severity"] = rules::name_of(diagnostic.severity);
    one["message"] = diagnostic.message;
    out.push_back(std::move(one));
  }
  return out;
}

std::string_view word_of(model::Trigger trigger) {
  return trigger == model::Trigger::step ? "step" : "dig";
}

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", with_commas(count), count == 1 ? one : many);
}

std::string window_text(const model::EventRules& event) {
  if (!event.enabled) return "switched off";
  const bool starts = event.starts_us != model::time_us_min;
  const bool ends = event.ends_us != model::time_us_max;
  if (!starts && !ends) return "always open";
  const std::string openings =
      event.openings.empty() ? ""
                             : fmt::format(", {}, first {} to {}",
                                           counted(event.openings.size(), "opening", "openings"),
                                           rules::moment_text(event, event.openings[0].opens_us),
                                           rules::moment_text(event, event.openings[0].closes_us));
  return fmt::format("{}{}{}{}", starts ? "from " + format_time_us(event.starts_us) : "",
                     starts && ends ? " " : "", ends ? "to " + format_time_us(event.ends_us) : "",
                     openings);
}

std::string shape_of(const model::LootTable& table) {
  if (table.is_short()) return "total weight " + with_commas(table.total_weight);
  const std::string pools = counted(table.pool_count, "pool", "pools");
  return table.always_count == 0
             ? pools
             : fmt::format("{} of them always, {}", with_commas(table.always_count), pools);
}

void print_set(const model::RuleSet& set) {
  print_line(fmt::format(
      "OK: version {}, {}, {}, {}", set.version, counted(set.events.size(), "event", "events"),
      counted(set.tables.size(), "table", "tables"), counted(set.items.size(), "item", "items")));
  for (std::uint32_t i = 0; i < set.events.size(); ++i) {
    const auto& event = set.events[i];
    print_line(fmt::format("  event {}: trigger {}, hint radius {}, {}{}", event.name,
                           word_of(event.trigger), event.hint_radius_tiles, window_text(event),
                           rules::reach_text(event)));
    for (const auto& time : set.times) {
      if (time.event != i) continue;
      print_line(fmt::format("    time {}: {}, first {} to {}", time.name,
                             counted(time.openings.size(), "opening", "openings"),
                             rules::moment_text(event, time.openings[0].opens_us),
                             rules::moment_text(event, time.openings[0].closes_us)));
    }
    for (const auto& table : set.tables) {
      if (table.event != i) continue;
      print_line(fmt::format("    table {}: {}, {}", table.name,
                             counted(table.entry_count, "entry", "entries"), shape_of(table)));
    }
  }
  const bool zoned = std::any_of(set.events.begin(), set.events.end(),
                                 [](const auto& event) { return event.zone != "UTC"; });
  if (zoned) print_line(fmt::format("  time zone data {}", rules::zone_data_version()));
}

json::array json_of(const model::Openings& openings) {
  json::array out;
  for (const auto& opening : openings) {
    json::object one;
    one["opens"] = format_time_us(opening.opens_us);
    one["closes"] = format_time_us(opening.closes_us);
    out.push_back(std::move(one));
  }
  return out;
}

json::object json_of(const model::RuleSet& set) {
  json::array events;
  for (const auto& event : set.events) {
    json::object one;
    one["event"] = event.name;
    one["trigger"] = word_of(event.trigger);
    one["hint_radius"] = event.hint_radius_tiles;
    if (event.starts_us != model::time_us_min) one["starts"] = format_time_us(event.starts_us);
    if (event.ends_us != model::time_us_max) one["ends"] = format_time_us(event.ends_us);
    one["enabled"] = event.enabled;
    one["zone"] = event.zone;
    put_reach(event, one);
    if (!event.openings.empty()) one["open"] = json_of(event.openings);
    json::object times;
    for (const auto& time : set.times) {
      if (time.event == events.size()) times[time.name] = json_of(time.openings);
    }
    if (!times.empty()) one["times"] = std::move(times);
    events.push_back(std::move(one));
  }
  json::array tables;
  for (const auto& table : set.tables) {
    json::object one;
    one["table"] = table.name;
    one["event"] = set.events[table.event].name;
    one["entries"] = table.entry_count;
    if (table.is_short()) {
      one["total_weight"] = table.total_weight;
    } else {
      one["always"] = table.always_count;
      one["pools"] = table.pool_count;
    }
    tables.push_back(std::move(one));
  }
  json::object out;
  out["version"] = set.version;
  out["zone_data"] = rules::zone_data_version();
  out["events"] = std::move(events);
  out["tables"] = std::move(tables);
  return out;
}

struct CheckFlags {
  std::string path;
  std::vector<node::StoreUrl> stores;
  std::uint64_t players = 0;  // 0: nothing is said of them
  bool json = false;
};

void print_placements(const rules::LoadedRules& loaded) {
  for (const auto& one : loaded.placements) {
    print_line(fmt::format("  placement {} of {}: {} in {}, {} x {}{}", one.number,
                           loaded.set.events[one.event].name, loaded.set.tables[one.table].name,
                           one.world, with_commas(one.spawns), with_commas(one.budget),
                           one.every_us == 0 ? "" : ", again and again"));
  }
}

json::array json_of(const rules::LoadedRules& loaded) {
  json::array out;
  for (const auto& placement : loaded.placements) {
    json::object one;
    one["event"] = loaded.set.events[placement.event].name;
    one["placement"] = placement.number;
    one["table"] = loaded.set.tables[placement.table].name;
    one["world"] = placement.world;
    one["spawns"] = placement.spawns;
    one["budget"] = placement.budget;
    out.push_back(std::move(one));
  }
  return out;
}

int run_check(const CheckFlags& flags) {
  auto loaded = rules::load_rules(flags.path, system::SystemClock().wall_us());
  if (!loaded) return refuse_rules(loaded.error(), flags.json);
  std::vector<rules::Diagnostic>& warnings = loaded->warnings;
  if (!flags.stores.empty()) {
    const auto found = facts_of_store(flags.stores);
    if (!found) return report(found.error());
    const auto unknown = rules::unknown_worlds(loaded->worlds, found->worlds);
    if (!unknown.empty()) return refuse_rules(unknown, flags.json);
    std::ranges::move(rules::buried_without_table(loaded->set, found->open_tables, flags.path),
                      std::back_inserter(warnings));
  }
  std::ranges::move(rules::rare_items(loaded->set, loaded->placements),
                    std::back_inserter(warnings));
  if (flags.players > 0) {
    std::ranges::move(rules::short_supply(loaded->set, loaded->placements, flags.players),
                      std::back_inserter(warnings));
  }
  print_diagnostics(warnings);
  if (!flags.json) {
    print_set(loaded->set);
    print_placements(*loaded);
    return 0;
  }
  json::object out = json_of(loaded->set);
  out["ok"] = true;
  if (!loaded->placements.empty()) out["placements"] = json_of(*loaded);
  out["diagnostics"] = json_of(warnings);
  print_line(json::serialize(out));
  return 0;
}

}  // namespace

void print_line(const std::string& line) {
  std::fprintf(stdout, "%s\n", line.c_str());
}

void print_diagnostics(std::span<const rules::Diagnostic> diagnostics) {
  for (const auto& diagnostic : diagnostics) {
    std::fprintf(stderr, "%s\n", hide_user(rules::format(diagnostic)).c_str());
  }
}

int refuse_rules(const std::vector<rules::Diagnostic>& diagnostics, bool as_json) {
  print_diagnostics(diagnostics);
  if (as_json) {
    json::object out;
    out["ok"] = false;
    out["diagnostics"] = json_of(diagnostics);
    print_line(json::serialize(out));
  }
  return 1;
}

int report_unknown_table(const model::RuleSet& set, const std::string& name) {
  std::vector<std::string_view> known;
  for (const auto& table : set.tables) known.emplace_back(table.name);
  return report(
      {Errc::not_found,
       fmt::format("there is no table \"{}\"{}", printable(name), did_you_mean(name, known)),
       "table"});
}

void RulesFrom::add_to(CLI::App& command) {
  auto* source = command.add_option_group("source", "whose rules");
  source->add_option("path", path, "an event file, or a directory of *.yaml files");
  source->add_flag("--builtin", builtin, "the event that is in force without --rules");
  source->require_option(1);
}

std::optional<rules::LoadedRules> RulesFrom::load_all(bool as_json) const {
  if (builtin) return rules::LoadedRules{rules::builtin_rules(), {}};
  auto result = rules::load_rules(path, system::SystemClock().wall_us());
  if (!result) {
    refuse_rules(result.error(), as_json);
    return {};
  }
  print_diagnostics(result->warnings);
  return std::move(*result);
}

std::optional<model::RuleSet> RulesFrom::load(bool as_json) const {
  auto loaded = load_all(as_json);
  if (!loaded) return {};
  return std::move(loaded->set);
}

void add_rules_check(CommandLine& line, CLI::App& rules) {
  auto* command = rules.add_subcommand("check", "read, check and compile rules; change nothing");
  auto flags = std::make_shared<CheckFlags>();
  command->add_option("path", flags->path, "an event file, or a directory of *.yaml files")
      ->required();
  command
      ->add_option("--players", flags->players,
                   "how many are expected: says where less is placed than they could take")
      ->check(CLI::Range(1, 100'000'000));
  add_stores(*command, flags->stores)
      ->description(
          "also say which worlds are not in this store, and what lies there without a table: "
          "sqlite:FILE or postgres://HOST:PORT/DATABASE; of several shards, once for each");
  command->add_flag("--json", flags->json, "print the result as JSON");
  command->footer(
      "Examples:\n"
      "  hunt rules check examples/rules/starlight.yaml\n"
      "  hunt rules check events/ --store sqlite:hunt.db\n"
      "  hunt rules check examples/rules --json | jq .version\n"
      "Mistakes are on stderr as FILE:LINE:COLUMN: sentence; then the exit code is 1.");
  command->callback([&line, flags] { line.run = [flags] { return run_check(*flags); }; });
}

// What is made from the table of keys.
void add_texts(CommandLine& line, CLI::App& rules) {
  auto* schema = rules.add_subcommand("schema", "print the JSON Schema of an event file");
  schema->footer("Examples:\n  hunt rules schema > rules.schema.json\nEditors take it.");
  schema->callback([&line] {
    line.run = [] {
      std::fputs(rules::schema_text().c_str(), stdout);
      return 0;
    };
  });
  auto* keys = rules.add_subcommand("keys", "print the reference of all keys, as Markdown");
  keys->footer("Examples:\n  hunt rules keys");
  keys->callback([&line] {
    line.run = [] {
      std::fputs(rules::reference_text().c_str(), stdout);
      return 0;
    };
  });
}

void add_rules(CommandLine& line) {
  auto* rules =
      line.app.add_subcommand("rules", "check rules files, print their odds and what changes");
  rules->require_subcommand(1);
  rules->footer(
      "Examples:\n"
      "  hunt rules check examples/rules\n"
      "  hunt rules odds --builtin\n"
      "  hunt rules diff old.yaml new.yaml\n"
      "The language is in docs/RULES.md.");
  add_rules_check(line, *rules);
  add_rules_odds(line, *rules);
  add_rules_simulate(line, *rules);
  add_rules_diff(line, *rules);
  add_rules_disclose(line, *rules);
  add_rules_lock(line, *rules);
  add_rules_status(line, *rules);
  add_rules_bury(line, *rules);
  add_rules_try(line, *rules);
  add_rules_stop(line, *rules);
  add_rules_push(line, *rules);
  add_rules_rollback(line, *rules);
  add_rules_import(line, *rules);
  add_texts(line, *rules);
}

}  // namespace hunt::apps
