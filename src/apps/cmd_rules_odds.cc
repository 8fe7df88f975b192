// hunt rules odds: the exact probability of every item of a table.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>

#include "apps/rules_commands.h"
#include "apps/rules_json.h"
#include "rules/diff.h"
#include "rules/odds.h"

namespace hunt::apps {

namespace {

namespace json = boost::json;

struct OddsFlags {
  RulesFrom from;
  std::string table;
  bool json = false;
};

struct Row {
  std::string name;
  const rules::Odds* odds;
  std::string average;
};

// `averages`: with a column for them.
void print_odds(const std::string& heading, const std::vector<Row>& rows, bool averages) {
  std::size_t name_width = 4;
  std::size_t one_in_width = 4;
  std::size_t percent_width = 7;
  for (const auto& [name, odds, average] : rows) {
    name_width = std::max(name_width, name.size());
    one_in_width = std::max(one_in_width, rules::one_in_text(odds->probability).size());
    percent_width = std::max(percent_width, rules::percent_text(odds->probability).size());
  }
  print_line(heading);
  const auto with = [averages](const std::string& text) {
    return averages ? fmt::format("  {:>9}", text) : std::string();
  };
  print_line(fmt::format("  {:<{}}  {:>{}}  {:>{}}{}  exactly", "item", name_width, "odds",
                         one_in_width, "percent", percent_width, with("average")));
  for (const auto& [name, odds, average] : rows) {
    print_line(fmt::format("  {:<{}}  {:>{}}  {:>{}}{}  {}", name, name_width,
                           rules::one_in_text(odds->probability), one_in_width,
                           rules::percent_text(odds->probability), percent_width, with(average),
                           rules::exact_text(*odds)));
  }
}

void print_case(const model::RuleSet& set, const model::LootTable& table, bool timed,
                const rules::TableOdds& odds) {
  std::string heading = "table " + table.name;
  if (timed) {
    const std::string names = rules::names_of(set, odds.open);
    heading += names.empty() ? ", at other times" : ", during " + names;
  }
  std::vector<Row> rows;
  for (const auto& item : odds.items) {
    rows.push_back({item.item, &item, rules::amount_text(item.expected)});
  }
  for (const auto& tier : odds.tiers) {
    rows.push_back({"anything " + set.events[table.event].tiers[tier.tier], &tier,
                    rules::amount_text(tier.expected)});
  }
  if (odds.nothing) rows.push_back({"nothing at all", &*odds.nothing, ""});
  print_odds(heading, rows, odds.stacked);
}

int run_odds(const OddsFlags& flags) {
  const auto set = flags.from.load(flags.json);
  if (!set) return 1;
  std::optional<std::uint32_t> only;
  if (!flags.table.empty()) {
    only = set->find_table(flags.table);
    if (!only) return report_unknown_table(*set, flags.table);
  }
  json::array tables;
  for (std::uint32_t i = 0; i < set->tables.size(); ++i) {
    if (only && *only != i) continue;
    std::vector<rules::TableOdds> cases;
    for (const auto& [open, as_of_us] : rules::time_cases(*set, i)) {
      auto odds = rules::table_odds(*set, i, open);
      if (!odds) return report({Errc::too_large, odds.error(), "table"});
      if (!flags.json) print_case(*set, set->tables[i], set->tables[i].timed, *odds);
      cases.push_back(std::move(*odds));
    }
    if (flags.json) tables.push_back(json_of_table(*set, i, cases));
  }
  if (flags.json) {
    json::object out;
    out["version"] = set->version;
    out["tables"] = std::move(tables);
    print_line(json::serialize(out));
  }
  return 0;
}

}  // namespace

void add_rules_odds(CommandLine& line, CLI::App& rules) {
  auto* command = rules.add_subcommand("odds", "the exact probability of every item of a table");
  auto flags = std::make_shared<OddsFlags>();
  flags->from.add_to(*command);
  command->add_option("--table", flags->table, "only this table (else all of them)");
  command->add_flag("--json", flags->json, "print the result as JSON");
  command->footer(
      "Examples:\n"
      "  hunt rules odds --builtin\n"
      "  hunt rules odds examples/rules --table winter_chest\n"
      "  hunt rules odds examples/rules --json | jq '.tables[0].items'");
  command->callback([&line, flags] { line.run = [flags] { return run_odds(*flags); }; });
}

}  // namespace hunt::apps
