// hunt rules disclose: the page that tells players the odds.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <memory>

#include "apps/rules_commands.h"
#include "apps/rules_json.h"
#include "rules/disclose.h"

namespace hunt::apps {

namespace {

namespace json = boost::json;

struct DiscloseFlags {
  RulesFrom from;
  std::string table;
  std::string format = "markdown";
};

std::string json_text(const model::RuleSet& set, const rules::Disclosure& disclosure) {
  json::array events;
  for (const auto& event : set.events) {
    json::object one;
    one["event"] = event.name;
    one["enabled"] = event.enabled;
    one["zone"] = event.zone;
    if (event.starts_us != model::time_us_min) {
      one["starts"] = rules::moment_text(event, event.starts_us);
    }
    if (event.ends_us != model::time_us_max) {
      one["ends"] = rules::moment_text(event, event.ends_us);
    }
    put_reach(event, one);
    events.push_back(std::move(one));
  }
  json::array tables;
  for (const auto& table : disclosure.tables) {
    json::object one = json_of_table(set, *set.find_table(table.name), table.cases);
    one["event"] = table.event;
    tables.push_back(std::move(one));
  }
  json::array supply;
  for (const auto& placement : disclosure.placements) {
    json::object one;
    one["event"] = set.events[placement.event].name;
    one["table"] = set.tables[placement.table].name;
    one["world"] = placement.world;
    one["places"] = placement.spawns;
    one["finds_each"] = placement.budget;
    if (placement.every_us != 0) one["every_s"] = placement.every_us / 1'000'000;
    supply.push_back(std::move(one));
  }
  json::object out;
  out["version"] = set.version;
  out["events"] = std::move(events);
  out["tables"] = std::move(tables);
  if (!supply.empty()) out["supply"] = std::move(supply);
  return json::serialize(out) + "\n";
}

int run_disclose(const DiscloseFlags& flags) {
  const auto loaded = flags.from.load_all(false);
  if (!loaded) return 1;
  const model::RuleSet* const set = &loaded->set;
  if (!flags.table.empty() && !set->find_table(flags.table)) {
    return report_unknown_table(*set, flags.table);
  }
  auto disclosure = rules::disclose(*set, flags.table);
  if (!disclosure) return report({Errc::too_large, disclosure.error(), "table"});
  disclosure->placements = loaded->placements;
  std::string text;
  if (flags.format == "json") {
    text = json_text(*set, *disclosure);
  } else if (flags.format == "html") {
    text = rules::html_of(*set, *disclosure);
  } else {
    text = rules::markdown_of(*set, *disclosure);
  }
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace

void add_rules_disclose(CommandLine& line, CLI::App& rules) {
  auto* command = rules.add_subcommand("disclose", "the page that tells players the odds");
  auto flags = std::make_shared<DiscloseFlags>();
  flags->from.add_to(*command);
  command->add_option("--table", flags->table,
                      "only this table (else all that no other one draws from)");
  command->add_option("--format", flags->format, "markdown, html or json")
      ->check(CLI::IsMember({"markdown", "html", "json"}))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  hunt rules disclose examples/rules --format html > odds.html\n"
      "  hunt rules disclose examples/rules --table winter_chest\n"
      "It is made from the tables that roll. Have somebody of yours read it: it is no legal "
      "advice.");
  command->callback([&line, flags] { line.run = [flags] { return run_disclose(*flags); }; });
}

}  // namespace hunt::apps
