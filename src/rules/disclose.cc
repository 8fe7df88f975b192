#include "rules/disclose.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/markup.h"
#include "base/text.h"
#include "rules/diff.h"
#include "rules/event_text.h"
#include "rules/zones.h"

namespace hunt::rules {

namespace {

constexpr std::size_t openings_shown = 20;
constexpr std::uint32_t example_finds = 10;

constexpr std::string_view how_drawn =
    "Each find is rolled on its own: what was found before does not change it. Percents, \"1 in\" "
    "and averages are rounded to four digits; the fraction is exact.";
constexpr std::string_view how_many =
    "A find of this table can give several items, and several of one. The chance of a find is that "
    "it gives at least one of the item; the average is how many of it a find gives.";
constexpr std::string_view how_checked =
    "What a find yields is computed from a secret seed and the id of the claim, so the same claim "
    "always yields the same. Each grant names the version of the rules that it was drawn by.";

// One page as a list of parts, so that Markdown and HTML say the same.
struct Part {
  enum class Kind : std::uint8_t { title, heading, text, item, head, row };
  Kind kind = Kind::text;
  std::vector<std::string> cells;
};
using Parts = std::vector<Part>;

// How much there is of each table, where the file says it.
void add_supply(const model::RuleSet& set, const model::EventRules& event,
                const std::vector<Placement>& placements, Parts& out) {
  using Kind = Part::Kind;
  bool first = true;
  for (const auto& one : placements) {
    if (&set.events[one.event] != &event) continue;
    if (first) out.push_back({Kind::text, {"So much of it lies in the world:"}});
    first = false;
    out.push_back(
        {Kind::item, {fmt::format("{}: {}", set.tables[one.table].name, supply_text(one))}});
  }
}

void add_event(const model::RuleSet& set, const model::EventRules& event, Parts& out) {
  using Kind = Part::Kind;
  out.push_back({Kind::heading, {"Event " + event.name}});
  if (!event.enabled) out.push_back({Kind::text, {"The event is switched off."}});
  const bool starts = event.starts_us != model::time_us_min;
  const bool ends = event.ends_us != model::time_us_max;
  out.push_back({Kind::text,
                 {fmt::format("It starts {} and ends {}.",
                              starts ? moment_text(event, event.starts_us) : "at any time",
                              ends ? moment_text(event, event.ends_us) : "never")}});
  for (auto& sentence : reach_sentences(event)) {
    out.push_back({Kind::text, {std::move(sentence)}});
  }
  const auto list = [&](const std::string& what, const model::Openings& openings) {
    out.push_back({Kind::text, {what}});
    for (std::size_t i = 0; i < openings.size() && i < openings_shown; ++i) {
      out.push_back({Kind::item,
                     {fmt::format("{} to {}", moment_text(event, openings[i].opens_us),
                                  moment_text(event, openings[i].closes_us))}});
    }
    if (openings.size() <= openings_shown) return;
    out.push_back({Kind::item,
                   {fmt::format("and {} more, the last {} to {}",
                                with_commas(openings.size() - openings_shown),
                                moment_text(event, openings.back().opens_us),
                                moment_text(event, openings.back().closes_us))}});
  };
  if (!event.openings.empty()) list("Within that it is open:", event.openings);
  for (const auto& time : set.times) {
    if (&set.events[time.event] != &event) continue;
    list(fmt::format("The time \"{}\" is:", time.name), time.openings);
  }
}

// Which columns a table of the page has.
struct Columns {
  bool tiers = false;
  bool averages = false;
};

std::vector<std::string> cells_of(const std::string& name, const Odds& odds,
                                  const std::string& tier, const std::string& average,
                                  const Columns& columns) {
  std::vector<std::string> cells{name};
  if (columns.tiers) cells.push_back(tier);
  cells.push_back(percent_text(odds.probability));
  cells.push_back(one_in_text(odds.probability));
  cells.push_back(exact_text(odds));
  if (columns.averages) cells.push_back(average);
  cells.push_back(percent_text(at_least_once(odds.probability, example_finds)));
  return cells;
}

void add_table(const model::RuleSet& set, const DisclosedTable& table, Parts& out) {
  using Kind = Part::Kind;
  const auto index = set.find_table(table.name);
  const model::EventRules& event = set.events[set.tables[*index].event];
  const Columns columns{!event.tiers.empty(), set.tables[*index].stacked};
  for (const auto& odds : table.cases) {
    std::string heading = "Table " + table.name;
    if (!odds.open.empty()) {
      heading += ", during " + names_of(set, odds.open);
    } else if (table.cases.size() > 1) {
      heading += ", at all other times";
    }
    out.push_back({Kind::heading, {heading}});
    if (columns.averages) out.push_back({Kind::text, {std::string(how_many)}});
    std::vector<std::string> head{"item"};
    if (columns.tiers) head.emplace_back("tier");
    for (const auto* name : {"chance of a find", "about", "exactly"}) head.emplace_back(name);
    if (columns.averages) head.emplace_back("average");
    head.push_back(fmt::format("at least once in {} finds", example_finds));
    out.push_back({Kind::head, head});
    for (const auto& item : odds.items) {
      const std::string tier =
          item.tier < 0 ? "" : event.tiers[static_cast<std::size_t>(item.tier)];
      out.push_back(
          {Kind::row, cells_of(item.item, item, tier, amount_text(item.expected), columns)});
    }
    for (const auto& tier : odds.tiers) {
      out.push_back(
          {Kind::row, cells_of("anything " + event.tiers[tier.tier], tier, event.tiers[tier.tier],
                               amount_text(tier.expected), columns)});
    }
    if (odds.nothing) {
      out.push_back({Kind::row, cells_of("nothing at all", *odds.nothing, "", "", columns)});
    }
  }
}

Parts parts_of(const model::RuleSet& set, const Disclosure& disclosure) {
  using Kind = Part::Kind;
  Parts out;
  out.push_back({Kind::title, {"What can be found, and how likely it is"}});
  out.push_back({Kind::text, {fmt::format("Rules version {}.", set.version)}});
  out.push_back({Kind::text, {std::string(how_drawn)}});
  for (const auto& event : set.events) {
    add_event(set, event, out);
    add_supply(set, event, disclosure.placements, out);
    for (const auto& table : disclosure.tables) {
      if (table.event == event.name) add_table(set, table, out);
    }
  }
  out.push_back({Kind::heading, {"How it is drawn"}});
  out.push_back({Kind::text, {std::string(how_checked)}});
  return out;
}

std::string html_row(const std::vector<std::string>& cells, std::string_view tag) {
  std::string out = "<tr>";
  for (const auto& cell : cells) out += fmt::format("<{0}>{1}</{0}>", tag, escape_markup(cell));
  return out + "</tr>\n";
}

}  // namespace

double at_least_once(double probability, std::uint32_t finds) {
  if (probability == 1) return 1;
  return std::min(-std::expm1(finds * std::log1p(-probability)), std::nextafter(1.0, 0.0));
}

std::string moment_text(const model::EventRules& event, std::int64_t time_us) {
  const auto zone = Zone::find(event.zone);
  if (!zone || zone->name() == "UTC") return Zone::utc().text_of(time_us).substr(0, 19) + "Z";
  const std::string there = zone->text_of(time_us);
  const std::string utc = format_time_us(time_us).substr(0, 16);  // to the minute
  const bool same_day = there.substr(0, 10) == utc.substr(0, 10);
  return fmt::format("{} ({} UTC)", there, same_day ? utc.substr(11) : utc);
}

tl::expected<Disclosure, std::string> disclose(const model::RuleSet& set, std::string_view only) {
  std::vector<bool> drawn(set.tables.size(), false);
  for (const auto& entry : set.entries) {
    if (entry.is_table) drawn[entry.index] = true;
  }
  Disclosure out;
  for (std::uint32_t i = 0; i < set.tables.size(); ++i) {
    if (only.empty() ? drawn[i] : set.tables[i].name != only) continue;
    DisclosedTable table{set.tables[i].name, set.events[set.tables[i].event].name, {}};
    for (const auto& [open, as_of_us] : time_cases(set, i)) {
      auto odds = table_odds(set, i, open);
      if (!odds) return tl::unexpected(odds.error());
      table.cases.push_back(std::move(*odds));
    }
    out.tables.push_back(std::move(table));
  }
  return out;
}

std::string markdown_of(const model::RuleSet& set, const Disclosure& disclosure) {
  using Kind = Part::Kind;
  std::string out;
  for (const auto& [kind, cells] : parts_of(set, disclosure)) {
    const std::string line = fmt::format("{}", fmt::join(cells, " | "));
    switch (kind) {
      case Kind::title:
        out += fmt::format("# {}\n", line);
        break;
      case Kind::heading:
        out += fmt::format("\n## {}\n", line);
        break;
      case Kind::text:
        out += fmt::format("\n{}\n", line);
        break;
      case Kind::item:
        out += fmt::format("- {}\n", line);
        break;
      case Kind::head:
        out += fmt::format("\n| {} |\n|", line);
        for (std::size_t i = 0; i < cells.size(); ++i) out += i == 0 ? "---|" : "---:|";
        out += "\n";
        break;
      case Kind::row:
        out += fmt::format("| {} |\n", line);
        break;
    }
  }
  return out;
}

std::string html_of(const model::RuleSet& set, const Disclosure& disclosure) {
  using Kind = Part::Kind;
  std::string out = R"html(<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>What can be found, and how likely it is</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; }
th, td { border-bottom: 1px solid #ccc; padding: .2em .8em; text-align: right; }
th:first-child, td:first-child { text-align: left; }
</style>
)html";
  Kind before = Kind::text;
  for (const auto& [kind, cells] : parts_of(set, disclosure)) {
    const bool in_table = before == Kind::head || before == Kind::row;
    if (in_table && kind != Kind::row) out += "</table>\n";
    if (before == Kind::item && kind != Kind::item) out += "</ul>\n";
    if (kind == Kind::item && before != Kind::item) out += "<ul>\n";
    switch (kind) {
      case Kind::title:
        out += fmt::format("<h1>{}</h1>\n", escape_markup(cells[0]));
        break;
      case Kind::heading:
        out += fmt::format("<h2>{}</h2>\n", escape_markup(cells[0]));
        break;
      case Kind::text:
        out += fmt::format("<p>{}</p>\n", escape_markup(cells[0]));
        break;
      case Kind::item:
        out += fmt::format("<li>{}</li>\n", escape_markup(cells[0]));
        break;
      case Kind::head:
        out += "<table>\n" + html_row(cells, "th");
        break;
      case Kind::row:
        out += html_row(cells, "td");
        break;
    }
    before = kind;
  }
  return out + "</html>\n";
}

}  // namespace hunt::rules
