#include <fmt/format.h>

#include <algorithm>

#include "base/markup.h"
#include "base/text.h"
#include "rush/replay_report.h"
#include "rush/report_page.h"

namespace hunt::rush {

namespace {

constexpr std::size_t rows_max = 200;

std::string example_of(const ReplayChange& change) {
  if (change.examples.empty()) return {};
  const auto& one = change.examples.front();
  return fmt::format("{} at ({}, {}) in world {}", model::format_claim_id(one.claim), one.tile.x,
                     one.tile.y, one.world);
}

std::string changes_table(const ReplayComparison& compared) {
  std::string out =
      "<h2>What changed</h2>\n<table>\n<tr><th>claims</th><th>recorded</th><th>replayed</th>"
      "<th>why</th><th>for one</th></tr>\n";
  const std::size_t count = std::min(rows_max, compared.changes.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto& change = compared.changes[i];
    out += fmt::format(
        "<tr><td class=\"n\">{}</td><td>{}</td><td>{}</td><td>{}: {}</td><td>{}</td></tr>\n",
        with_commas(change.claims), escape_markup(or_none(change.then)),
        escape_markup(or_none(change.now)), name_of(change.why), reason_of(change.why),
        example_of(change));
  }
  return out + "</table>\n";
}

std::string items_table(const ReplayComparison& compared) {
  std::string out =
      "<h2>Items</h2>\n<table>\n<tr><th>item</th><th>recorded</th><th>replayed</th></tr>\n";
  const std::size_t count = std::min(rows_max, compared.items.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto& item = compared.items[i];
    out += fmt::format("<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
                       escape_markup(item.item), with_commas(item.then), with_commas(item.now));
  }
  return out + "</table>\n";
}

}  // namespace

std::string replay_html(const ReplayRun& run, const std::string& file, const std::string& target) {
  const ReplayComparison& compared = run.compared;
  std::string body =
      fmt::format("<p>{} against {}</p>\n", escape_markup(file), escape_markup(target));
  body += "<div class=\"cards\">\n";
  body += report_card(with_commas(run.positions), "positions");
  body += report_card(with_commas(compared.claims_then), "claims recorded");
  body += report_card(with_commas(compared.same), "the same again");
  body += report_card(with_commas(compared.differ), "changed");
  body += "</div>\n<pre>\n";
  for (const auto& line : replay_text(run)) {
    if (line.starts_with("  changed")) break;  // the tables below have it
    body += escape_markup(line) + "\n";
  }
  body += "</pre>\n";
  if (!compared.changes.empty()) body += changes_table(compared);
  if (!compared.items.empty()) body += items_table(compared);
  return report_page("hunt replay", body);
}

}  // namespace hunt::rush
