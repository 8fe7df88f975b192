// hunt rules diff: what changes for players when one set of rules replaces another.
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>

#include "apps/rules_commands.h"
#include "apps/rules_json.h"
#include "rules/diff.h"

namespace hunt::apps {

namespace {

namespace json = boost::json;

constexpr int exit_odds_changed = 3;

struct DiffFlags {
  RulesFrom before;
  RulesFrom after;
  bool json = false;
};

// With the average number where that is not the probability: where a find can give several.
std::string text_of(const std::optional<rules::ItemOdds>& odds) {
  if (!odds) return "never";
  const bool average =
      !odds->expected.numerator.empty() && (odds->expected.numerator != odds->numerator ||
                                            odds->expected.denominator != odds->denominator);
  return fmt::format("{} ({}{})", rules::exact_text(*odds), rules::percent_text(odds->probability),
                     average ? ", on average " + rules::amount_text(odds->expected) : "");
}

json::object json_of_side(const rules::ItemOdds& odds) {
  json::object out = json_of_odds(odds);
  if (!odds.expected.numerator.empty()) out["expected"] = json_of_amount(odds.expected);
  return out;
}

void print_diff(const rules::RulesDiff& diff) {
  for (const auto& sentence : diff.events) print_line("event " + sentence);
  for (const auto& table : diff.tables_added) print_line("table " + table + ": new");
  for (const auto& table : diff.tables_removed) {
    print_line("table " + table + ": removed; loot that is buried with it yields nothing");
  }
  for (const auto& change : diff.odds) {
    print_line(fmt::format("table {}{}{}: {}: {} → {}", change.table,
                           change.during.empty() ? "" : ", during ", change.during,
                           change.item.empty() ? "nothing at all" : change.item,
                           text_of(change.before), text_of(change.after)));
  }
  for (const auto& table : diff.tables_reordered) {
    print_line("table " + table + ": the same odds, but other players get other items");
  }
}

json::array json_of(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

json::object json_of(const rules::RulesDiff& diff) {
  json::array odds;
  for (const auto& change : diff.odds) {
    json::object one;
    one["table"] = change.table;
    if (!change.during.empty()) one["during"] = change.during;
    if (change.item.empty()) {
      one["nothing"] = true;
    } else {
      one["item"] = change.item;
    }
    if (change.before) one["before"] = json_of_side(*change.before);
    if (change.after) one["after"] = json_of_side(*change.after);
    odds.push_back(std::move(one));
  }
  json::object out;
  out["events"] = json_of(diff.events);
  out["tables_added"] = json_of(diff.tables_added);
  out["tables_removed"] = json_of(diff.tables_removed);
  out["tables_reordered"] = json_of(diff.tables_reordered);
  out["odds"] = std::move(odds);
  return out;
}

int run_diff(const DiffFlags& flags) {
  const auto old = flags.before.load_all(flags.json);
  const auto now = old ? flags.after.load_all(flags.json) : std::nullopt;
  if (!old || !now) return 1;
  const model::RuleSet* const before = &old->set;
  const model::RuleSet* const after = &now->set;
  auto diff = rules::diff_rules(*before, *after);
  if (!diff) return report({Errc::too_large, diff.error(), "table"});
  for (auto& sentence : rules::placement_changes(*old, *now)) {
    diff->events.push_back(std::move(sentence));
  }
  if (flags.json) {
    json::object out = json_of(*diff);
    out["before"] = before->version;
    out["after"] = after->version;
    print_line(json::serialize(out));
  } else if (before->version == after->version) {
    print_line("the same rules, version " + after->version);
  } else {
    print_line(fmt::format("version {} → {}", before->version, after->version));
    print_diff(*diff);
  }
  return diff->odds.empty() ? 0 : exit_odds_changed;
}

}  // namespace

void add_rules_diff(CommandLine& line, CLI::App& rules) {
  auto* command =
      rules.add_subcommand("diff", "what changes for players when one replaces the other");
  auto flags = std::make_shared<DiffFlags>();
  command->add_option("before", flags->before.path, "an event file or a directory, as it was")
      ->required();
  command->add_option("after", flags->after.path, "the same, as it is to be")->required();
  command->add_flag("--json", flags->json, "print the result as JSON");
  command->footer(
      "Examples:\n"
      "  hunt rules diff old/ new/\n"
      "  git show main:event.yaml | hunt rules diff - event.yaml\n"
      "The exit code is 3 when the odds of a table have changed: tell your players.");
  command->callback([&line, flags] { line.run = [flags] { return run_diff(*flags); }; });
}

}  // namespace hunt::apps
