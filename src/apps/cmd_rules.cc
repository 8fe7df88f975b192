// hunt rules check | odds: what a designer runs before a rules file goes live.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>

#include "adapters/system/system_clock.h"
#include "apps/command.h"
#include "base/text.h"
#include "rules/load.h"
#include "rules/odds.h"

namespace hunt::apps {

namespace {

namespace json = boost::json;

void print_line(const std::string& line) {
  std::fprintf(stdout, "%s\n", line.c_str());
}

void print_diagnostics(std::span<const rules::Diagnostic> diagnostics) {
  for (const auto& diagnostic : diagnostics) {
    std::fprintf(stderr, "%s\n", rules::format(diagnostic).c_str());
  }
}

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

std::string window_text(const model::EventRules& event) {
  const bool starts = event.starts_us != model::time_us_min;
  const bool ends = event.ends_us != model::time_us_max;
  if (!starts && !ends) return "always open";
  return fmt::format("{}{}{}", starts ? "from " + format_time_us(event.starts_us) : "",
                     starts && ends ? " " : "", ends ? "to " + format_time_us(event.ends_us) : "");
}

void print_set(const model::RuleSet& set) {
  print_line(fmt::format("OK: version {}, {} {}, {} {}, {} items", set.version, set.events.size(),
                         set.events.size() == 1 ? "event" : "events", set.tables.size(),
                         set.tables.size() == 1 ? "table" : "tables", set.items.size()));
  for (std::uint32_t i = 0; i < set.events.size(); ++i) {
    const auto& event = set.events[i];
    print_line(fmt::format("  event {}: trigger {}, hint radius {}, {}", event.name,
                           word_of(event.trigger), event.hint_radius_tiles, window_text(event)));
    for (const auto& table : set.tables) {
      if (table.event != i) continue;
      print_line(fmt::format("    table {}: {} {}, total weight {}", table.name, table.entry_count,
                             table.entry_count == 1 ? "entry" : "entries",
                             with_commas(table.total_weight)));
    }
  }
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
    events.push_back(std::move(one));
  }
  json::array tables;
  for (const auto& table : set.tables) {
    json::object one;
    one["table"] = table.name;
    one["event"] = set.events[table.event].name;
    one["entries"] = table.entry_count;
    one["total_weight"] = table.total_weight;
    tables.push_back(std::move(one));
  }
  json::object out;
  out["version"] = set.version;
  out["events"] = std::move(events);
  out["tables"] = std::move(tables);
  return out;
}

int refuse(const std::vector<rules::Diagnostic>& diagnostics, bool as_json) {
  print_diagnostics(diagnostics);
  if (as_json) {
    json::object out;
    out["ok"] = false;
    out["diagnostics"] = json_of(diagnostics);
    print_line(json::serialize(out));
  }
  return 1;
}

struct CheckFlags {
  std::string path;
  bool json = false;
};

int run_check(const CheckFlags& flags) {
  const auto loaded = rules::load_rules(flags.path, system::SystemClock().wall_us());
  if (!loaded) return refuse(loaded.error(), flags.json);
  print_diagnostics(loaded->warnings);
  if (!flags.json) {
    print_set(loaded->set);
    return 0;
  }
  json::object out = json_of(loaded->set);
  out["ok"] = true;
  out["diagnostics"] = json_of(loaded->warnings);
  print_line(json::serialize(out));
  return 0;
}

struct OddsFlags {
  std::string path;
  bool builtin = false;
  std::string table;
  bool json = false;
};

// Nested tables with odd weights can give fractions of thousands of digits: those are for --json.
std::string exact_text(const rules::ItemOdds& odds) {
  constexpr std::size_t digits_max = 60;
  const std::size_t digits = odds.numerator.size() + odds.denominator.size();
  if (digits > digits_max) return fmt::format("({} digits, see --json)", digits);
  return fmt::format("{}/{}", odds.numerator, odds.denominator);
}

void print_odds(const model::LootTable& table, std::span<const rules::ItemOdds> odds) {
  std::size_t item_width = 4;
  std::size_t one_in_width = 4;
  std::size_t percent_width = 7;
  for (const auto& item : odds) {
    item_width = std::max(item_width, item.item.size());
    one_in_width = std::max(one_in_width, rules::one_in_text(item.probability).size());
    percent_width = std::max(percent_width, rules::percent_text(item.probability).size());
  }
  print_line(fmt::format("table {}", table.name));
  print_line(fmt::format("  {:<{}}  {:>{}}  {:>{}}  exactly", "item", item_width, "odds",
                         one_in_width, "percent", percent_width));
  for (const auto& item : odds) {
    print_line(fmt::format("  {:<{}}  {:>{}}  {:>{}}  {}", item.item, item_width,
                           rules::one_in_text(item.probability), one_in_width,
                           rules::percent_text(item.probability), percent_width, exact_text(item)));
  }
}

json::object json_of(const model::LootTable& table, std::span<const rules::ItemOdds> odds) {
  json::array items;
  for (const auto& item : odds) {
    json::object one;
    one["item"] = item.item;
    one["probability"] = item.probability;
    // Text: exact fractions do not fit a JSON number.
    one["numerator"] = item.numerator;
    one["denominator"] = item.denominator;
    items.push_back(std::move(one));
  }
  json::object out;
  out["table"] = table.name;
  out["items"] = std::move(items);
  return out;
}

int report_unknown_table(const model::RuleSet& set, const std::string& name) {
  std::vector<std::string_view> known;
  for (const auto& table : set.tables) known.emplace_back(table.name);
  return report(
      {Errc::not_found,
       fmt::format("there is no table \"{}\"{}", printable(name), did_you_mean(name, known)),
       "table"});
}

int run_odds(const OddsFlags& flags) {
  rules::LoadedRules loaded;
  if (flags.builtin) {
    loaded.set = rules::builtin_rules();
  } else {
    auto result = rules::load_rules(flags.path, system::SystemClock().wall_us());
    if (!result) return refuse(result.error(), flags.json);
    loaded = std::move(*result);
  }
  print_diagnostics(loaded.warnings);
  const model::RuleSet& set = loaded.set;
  std::optional<std::uint32_t> only;
  if (!flags.table.empty()) {
    only = set.find_table(flags.table);
    if (!only) return report_unknown_table(set, flags.table);
  }
  json::array tables;
  for (std::uint32_t i = 0; i < set.tables.size(); ++i) {
    if (only && *only != i) continue;
    const auto odds = rules::table_odds(set, i);
    if (flags.json) {
      tables.push_back(json_of(set.tables[i], odds));
    } else {
      print_odds(set.tables[i], odds);
    }
  }
  if (flags.json) {
    json::object out;
    out["version"] = set.version;
    out["tables"] = std::move(tables);
    print_line(json::serialize(out));
  }
  return 0;
}

void add_check(CommandLine& line, CLI::App& rules) {
  auto* command = rules.add_subcommand("check", "read, check and compile rules; change nothing");
  auto flags = std::make_shared<CheckFlags>();
  command->add_option("path", flags->path, "an event file, or a directory of *.yaml files")
      ->required();
  command->add_flag("--json", flags->json, "print the result as JSON");
  command->footer(
      "Examples:\n"
      "  hunt rules check examples/rules/starlight.yaml\n"
      "  hunt rules check examples/rules --json | jq .version\n"
      "Mistakes are on stderr as FILE:LINE:COLUMN: sentence; then the exit code is 1.");
  command->callback([&line, flags] { line.run = [flags] { return run_check(*flags); }; });
}

void add_odds(CommandLine& line, CLI::App& rules) {
  auto* command = rules.add_subcommand("odds", "the exact probability of every item of a table");
  auto flags = std::make_shared<OddsFlags>();
  auto* source = command->add_option_group("source", "whose odds");
  source->add_option("path", flags->path, "an event file, or a directory of *.yaml files");
  source->add_flag("--builtin", flags->builtin, "the event that is in force without --rules");
  source->require_option(1);
  command->add_option("--table", flags->table, "only this table (else all of them)");
  command->add_flag("--json", flags->json, "print the result as JSON");
  command->footer(
      "Examples:\n"
      "  hunt rules odds --builtin\n"
      "  hunt rules odds examples/rules --table winter_chest\n"
      "  hunt rules odds examples/rules --json | jq '.tables[0].items'");
  command->callback([&line, flags] { line.run = [flags] { return run_odds(*flags); }; });
}

}  // namespace

void add_rules(CommandLine& line) {
  auto* rules = line.app.add_subcommand("rules", "check rules files and print their odds");
  rules->require_subcommand(1);
  rules->footer(
      "Examples:\n"
      "  hunt rules check examples/rules\n"
      "  hunt rules odds --builtin\n"
      "The language is in docs/RULES.md.");
  add_check(line, *rules);
  add_odds(line, *rules);
}

}  // namespace hunt::apps
