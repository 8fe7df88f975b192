// hunt rules odds: the exact probability of every item of a table.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>

#include "apps/rules_commands.h"
#include "apps/rules_json.h"
#include "rules/count_odds.h"
#include "rules/diff.h"
#include "rules/event_text.h"
#include "rules/odds.h"

namespace hunt::apps {

namespace {

namespace json = boost::json;

struct OddsFlags {
  RulesFrom from;
  std::string table;
  bool counts = false;
  bool json = false;
};

constexpr std::size_t count_rows_max = 32;
constexpr std::size_t bar_columns = 40;

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
  heading += rules::reach_text(set.events[table.event]);
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

// How many of an item one find gives; or a sentence why that is not told.
using Counts = tl::expected<std::vector<rules::CountOdds>, std::string>;

// Of each item, in the order of the odds.
std::vector<Counts> counts_of(const model::RuleSet& set, std::uint32_t table,
                              const rules::TableOdds& odds) {
  std::vector<Counts> out;
  for (const auto& item : odds.items) {
    const auto at = std::find(set.items.begin(), set.items.end(), item.item) - set.items.begin();
    out.push_back(rules::count_odds(set, table, static_cast<std::uint32_t>(at), odds.open));
  }
  return out;
}

// A row for each number, or for some together where there are very many.
void print_counts(const std::string& item, const Counts& told) {
  if (!told) return print_line("  " + told.error());
  const std::vector<rules::CountOdds>& counts = *told;
  const std::uint64_t low = counts.front().count;
  const std::uint64_t step = (counts.back().count - low) / count_rows_max + 1;
  std::vector<std::pair<std::string, double>> rows;
  for (std::size_t i = 0; i < counts.size();) {
    const std::uint64_t first = low + (counts[i].count - low) / step * step;
    double sum = 0;
    for (; i < counts.size() && counts[i].count < first + step; ++i) sum += counts[i].probability;
    rows.emplace_back(
        step == 1 ? fmt::format("{}", first) : fmt::format("{} to {}", first, first + step - 1),
        sum);
  }
  double most = 0;
  std::size_t width = 5;
  for (const auto& [label, share] : rows) {
    most = std::max(most, share);
    width = std::max(width, label.size());
  }
  print_line(fmt::format("  how many {}", item));
  for (const auto& [label, share] : rows) {
    const auto bar = static_cast<std::size_t>(share / most * bar_columns + 0.5);
    print_line(fmt::format("    {:>{}}  {:>10}  {}", label, width, rules::percent_text(share),
                           std::string(bar, '#')));
  }
}

void put_counts(const std::vector<Counts>& counts, json::object& out) {
  json::array& items = out["items"].as_array();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (!counts[i]) {
      items[i].as_object()["counts"] = nullptr;
      items[i].as_object()["why"] = counts[i].error();
      continue;
    }
    json::array list;
    for (const auto& one : *counts[i]) {
      json::object row = json_of_odds(one);
      row["count"] = one.count;
      list.push_back(std::move(row));
    }
    items[i].as_object()["counts"] = std::move(list);
  }
}

// One table, in each case of the time.
Result<void> show_table(const model::RuleSet& set, std::uint32_t table, const OddsFlags& flags,
                        json::array& out) {
  std::vector<rules::TableOdds> cases;
  std::vector<std::vector<Counts>> counts;
  for (const auto& [open, as_of_us] : rules::time_cases(set, table)) {
    auto odds = rules::table_odds(set, table, open);
    if (!odds) return fail(Errc::too_large, odds.error(), "table");
    if (!flags.json) print_case(set, set.tables[table], set.tables[table].timed, *odds);
    if (flags.counts) {
      auto of_case = counts_of(set, table, *odds);
      for (std::size_t i = 0; i < of_case.size() && odds->stacked && !flags.json; ++i) {
        print_counts(odds->items[i].item, of_case[i]);
      }
      if (!odds->stacked && !flags.json) print_line("  each find is one item: no more of any");
      counts.push_back(std::move(of_case));
    }
    cases.push_back(std::move(*odds));
  }
  if (!flags.json) return {};
  json::object one = json_of_table(set, table, cases);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    put_counts(counts[i], set.tables[table].timed ? one["cases"].as_array()[i].as_object() : one);
  }
  out.push_back(std::move(one));
  return {};
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
    const auto shown = show_table(*set, i, flags, tables);
    if (!shown) return report(shown.error());
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
  command->add_flag("--counts", flags->counts, "also how likely each number of an item is");
  command->add_flag("--json", flags->json, "print the result as JSON");
  command->footer(
      "Examples:\n"
      "  hunt rules odds --builtin\n"
      "  hunt rules odds examples/rules --table winter_chest\n"
      "  hunt rules odds examples/rules --table harvest_chest --counts\n"
      "  hunt rules odds examples/rules --json | jq '.tables[0].items'");
  command->callback([&line, flags] { line.run = [flags] { return run_odds(*flags); }; });
}

}  // namespace hunt::apps
