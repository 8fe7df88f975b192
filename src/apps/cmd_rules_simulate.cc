// hunt rules simulate: rolls like the engine and compares what came with what should come.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <memory>

#include "apps/rules_commands.h"
#include "base/prng.h"
#include "base/sha256.h"
#include "base/text.h"
#include "codec/output_file.h"
#include "engine/roll.h"
#include "rules/bars_svg.h"
#include "rules/chi_square.h"
#include "rules/diff.h"
#include "rules/odds.h"

namespace hunt::apps {

namespace {

namespace json = boost::json;

constexpr double p_min = 1e-6;
constexpr std::size_t bar_columns = 40;

struct SimulateFlags {
  RulesFrom from;
  std::string table;
  std::uint64_t rolls = 1'000'000;
  std::uint64_t seed = 1;
  std::string svg;
  bool json = false;
};

struct Simulated {
  rules::TableOdds odds;
  std::vector<std::uint64_t> finds;   // of odds.items: that gave at least one
  std::vector<std::uint64_t> counts;  // and how many of it they gave together
  std::uint64_t nothing = 0;          // finds that gave nothing
  std::uint64_t strangers = 0;        // stacks that the odds do not have
  rules::Fit fit;
  [[nodiscard]] bool fits() const { return strangers == 0 && fit.p >= p_min; }
};

engine::Roller roller_of(std::uint64_t seed) {
  std::array<std::uint8_t, 8> bytes{};
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(seed >> (8 * i));
  const Digest256 event_seed = Sha256().of(bytes);
  return engine::Roller(event_seed);
}

Simulated simulate(const model::RuleSet& set, std::uint32_t table, std::int64_t as_of_us,
                   rules::TableOdds odds, const SimulateFlags& flags) {
  struct Seen {
    std::uint64_t finds = 0;
    std::uint64_t count = 0;
  };
  engine::Roller roller = roller_of(flags.seed);
  Prng prng(flags.seed);
  std::vector<Seen> by_item(set.items.size());
  Simulated out;
  std::uint64_t stacks = 0;
  for (std::uint64_t i = 0; i < flags.rolls; ++i) {
    const auto found = roller.roll(set, table, {prng.next(), prng.next()}, as_of_us).all();
    for (const auto& stack : found) {
      ++by_item[stack.item].finds;
      by_item[stack.item].count += stack.count;
    }
    stacks += found.size();
    out.nothing += found.empty() ? 1 : 0;
  }
  std::map<std::string_view, Seen> seen;
  for (std::size_t i = 0; i < by_item.size(); ++i) seen[set.items[i]] = by_item[i];
  std::vector<double> probabilities;
  for (const auto& item : odds.items) {
    const Seen& one = seen[item.item];
    out.finds.push_back(one.finds);
    out.counts.push_back(one.count);
    probabilities.push_back(item.probability);
    stacks -= one.finds;
  }
  out.strangers = stacks;
  if (odds.stacked) {
    std::vector<std::uint64_t> finds = out.finds;
    finds.push_back(out.nothing);
    probabilities.push_back(odds.nothing ? odds.nothing->probability : 0);
    out.fit = rules::each_alone(finds, probabilities, flags.rolls);
  } else {
    out.fit = rules::chi_square(out.finds, probabilities);
  }
  out.odds = std::move(odds);
  return out;
}

void print_row(const std::string& item, std::size_t width, std::uint64_t finds, double expected,
               const std::string& average, double most) {
  const double share = most == 0 ? 0 : static_cast<double>(finds) / most;
  const auto columns = static_cast<std::size_t>(share * bar_columns + 0.5);
  print_line(fmt::format("  {:<{}}  {:>13}  {:>15.1f}{}  {}", item, width, with_commas(finds),
                         expected, average, std::string(columns, '#')));
}

void print_simulated(const std::string& heading, const Simulated& result, std::uint64_t rolls) {
  const auto all = static_cast<double>(rolls);
  const bool stacked = result.odds.stacked;
  std::size_t width = result.odds.nothing ? 7 : 4;
  double most = static_cast<double>(result.nothing);
  for (std::size_t i = 0; i < result.finds.size(); ++i) {
    width = std::max(width, result.odds.items[i].item.size());
    most = std::max(most, static_cast<double>(result.finds[i]));
  }
  print_line(heading);
  print_line(fmt::format("  {:<{}}  {:>13}  {:>15}{}", "item", width, stacked ? "finds" : "rolled",
                         "expected", stacked ? "    average   expected" : ""));
  for (std::size_t i = 0; i < result.finds.size(); ++i) {
    const auto& item = result.odds.items[i];
    const std::string average =
        stacked ? fmt::format("  {:>9.4g}  {:>9.4g}", static_cast<double>(result.counts[i]) / all,
                              item.expected.value)
                : "";
    print_row(item.item, width, result.finds[i], item.probability * all, average, most);
  }
  if (result.odds.nothing) {
    print_row("nothing", width, result.nothing, result.odds.nothing->probability * all,
              fmt::format("{:22}", ""), most);
  }
  const std::string verdict = result.fits() ? "as the odds say" : "NOT as the odds say";
  print_line(stacked
                 ? fmt::format("  largest chi-square of one item {:.2f}, p = {:.3g} over {} of "
                               "them: {}",
                               result.fit.statistic, result.fit.p, result.fit.freedom, verdict)
                 : fmt::format("  chi-square {:.2f} with {} degrees of freedom, p = {:.3g}: {}",
                               result.fit.statistic, result.fit.freedom, result.fit.p, verdict));
}

json::object json_of(const model::RuleSet& set, const std::string& table, const Simulated& result) {
  json::object out;
  out["table"] = table;
  json::array during;
  for (const auto time : result.odds.open) during.emplace_back(set.times[time].name);
  if (!during.empty()) out["during"] = std::move(during);
  json::array items;
  for (std::size_t i = 0; i < result.finds.size(); ++i) {
    json::object one;
    one["item"] = result.odds.items[i].item;
    one["rolled"] = result.finds[i];
    one["count"] = result.counts[i];
    one["probability"] = result.odds.items[i].probability;
    one["expected"] = result.odds.items[i].expected.value;
    items.push_back(std::move(one));
  }
  out["items"] = std::move(items);
  if (result.odds.nothing) {
    json::object nothing;
    nothing["rolled"] = result.nothing;
    nothing["probability"] = result.odds.nothing->probability;
    out["nothing"] = std::move(nothing);
  }
  out["chi_square"] = result.fit.statistic;
  out["freedom"] = result.fit.freedom;
  out["p"] = result.fit.p;
  out["fits"] = result.fits();
  return out;
}

rules::Bars bars_of(std::string title, const Simulated& result, std::uint64_t rolls) {
  rules::Bars out;
  out.title = std::move(title);
  out.note = fmt::format("p = {:.3g}; bars: {}, lines: expected", result.fit.p,
                         result.odds.stacked ? "finds that gave it" : "rolled");
  const auto all = static_cast<double>(rolls);
  for (std::size_t i = 0; i < result.finds.size(); ++i) {
    const auto& item = result.odds.items[i];
    out.bars.push_back({item.item, static_cast<double>(result.finds[i]), item.probability * all});
  }
  if (result.odds.nothing) {
    out.bars.push_back(
        {"nothing", static_cast<double>(result.nothing), result.odds.nothing->probability * all});
  }
  return out;
}

Result<void> write_svg(const std::string& path, const std::vector<rules::Bars>& pictures) {
  HUNT_TRY(file, codec::OutputFile::open(path));
  HUNT_CHECK(file.write(rules::bars_svg(pictures)));
  return file.close();
}

int run_simulate(const SimulateFlags& flags) {
  const auto set = flags.from.load(flags.json);
  if (!set) return 1;
  if (!flags.table.empty() && !set->find_table(flags.table)) {
    return report_unknown_table(*set, flags.table);
  }
  std::vector<bool> drawn(set->tables.size(), false);
  for (const auto& entry : set->entries) {
    if (entry.is_table) drawn[entry.index] = true;
  }
  bool fits = true;
  std::vector<rules::Bars> pictures;
  json::array tables;
  for (std::uint32_t i = 0; i < set->tables.size(); ++i) {
    const std::string& name = set->tables[i].name;
    if (flags.table.empty() ? drawn[i] : name != flags.table) continue;
    for (const auto& [open, as_of_us] : rules::time_cases(*set, i)) {
      auto odds = rules::table_odds(*set, i, open);
      if (!odds) return report({Errc::too_large, odds.error(), "table"});
      const Simulated result = simulate(*set, i, as_of_us, std::move(*odds), flags);
      fits = fits && result.fits();
      const std::string during = rules::names_of(*set, open);
      const std::string title =
          fmt::format("table {}{}{}: {} rolls", name, during.empty() ? "" : ", during ", during,
                      with_commas(flags.rolls));
      if (!flags.svg.empty()) pictures.push_back(bars_of(title, result, flags.rolls));
      if (flags.json) {
        tables.push_back(json_of(*set, name, result));
      } else {
        print_simulated(title, result, flags.rolls);
      }
    }
  }
  if (!flags.svg.empty()) {
    if (const auto written = write_svg(flags.svg, pictures); !written) {
      return report(written.error());
    }
  }
  if (flags.json) {
    json::object out;
    out["version"] = set->version;
    out["rolls"] = flags.rolls;
    out["seed"] = flags.seed;
    out["tables"] = std::move(tables);
    print_line(json::serialize(out));
  }
  return fits ? 0 : 1;
}

}  // namespace

void add_rules_simulate(CommandLine& line, CLI::App& rules) {
  auto* command =
      rules.add_subcommand("simulate", "roll as the engine does, and compare with the odds");
  auto flags = std::make_shared<SimulateFlags>();
  flags->from.add_to(*command);
  command->add_option("--table", flags->table,
                      "only this table (else all that no other one draws from)");
  command->add_option("--rolls", flags->rolls, "rolls of each table")
      ->check(CLI::Range(1'000, 100'000'000))
      ->capture_default_str();
  command->add_option("--seed", flags->seed, "another seed gives other rolls")
      ->capture_default_str();
  command->add_option("--svg", flags->svg, "also write the bars as a picture");
  command->add_flag("--json", flags->json, "print the result as JSON");
  command->footer(
      "Examples:\n"
      "  hunt rules simulate --builtin\n"
      "  hunt rules simulate examples/rules --table winter_chest --rolls 10000000\n"
      "  hunt rules simulate examples/rules --svg bars.svg\n"
      "The exit code is 1 where chance alone would hardly ever give such counts (p below 1e-6).");
  command->callback([&line, flags] { line.run = [flags] { return run_simulate(*flags); }; });
}

}  // namespace hunt::apps
