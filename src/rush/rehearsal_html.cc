#include <fmt/format.h>

#include <algorithm>

#include "base/markup.h"
#include "base/text.h"
#include "rush/rehearsal_report.h"
#include "rush/report_page.h"
#include "rush/report_plot.h"

namespace hunt::rush {

namespace {

constexpr const char* colours[] = {"blue",   "orange", "green", "pink",
                                   "yellow", "sky",    "red",   "grey"};
constexpr std::size_t curves_max = 7;

std::string colour_of(std::size_t index) {
  return colours[std::min(index, std::size(colours) - 1)];
}

Plot over_hours(const Rehearsal& r, std::string title, std::string note) {
  Plot plot;
  plot.title = std::move(title);
  plot.note = std::move(note);
  plot.x_end = r.hours;
  plot.x_ticks = round_ticks(0, r.hours, 8);
  return plot;
}

double hour_of(const Rehearsal& r, std::size_t bucket) {
  return static_cast<double>(bucket) * r.bucket_s / 3'600;
}

std::string left_plot(const Rehearsal& r) {
  std::vector<Curve> curves;
  for (std::size_t k = 0; k < r.kinds.size() && k < curves_max; ++k) {
    Curve curve{r.kinds[k].table, colour_of(k), {}};
    for (std::size_t i = 0; i < r.buckets.size(); ++i) {
      curve.points.emplace_back(hour_of(r, i + 1), static_cast<double>(r.buckets[i].left[k]));
    }
    curves.push_back(std::move(curve));
  }
  return line_plot(over_hours(r, "What is left", "finds over hours, by table"), curves);
}

std::string finds_plot(const Rehearsal& r) {
  const ShownClasses classes = shown_classes(r, curves_max);
  std::vector<Curve> curves;
  const double per_hour = 3'600.0 / r.bucket_s;
  for (std::size_t k = 0; k < classes.shown.size(); ++k) {
    Curve curve{r.classes[classes.shown[k]], colour_of(k), {}};
    for (std::size_t i = 0; i < r.buckets.size(); ++i) {
      const auto finds = static_cast<double>(r.buckets[i].finds[classes.shown[k]]);
      curve.points.emplace_back(hour_of(r, i) + 0.5 / per_hour, finds * per_hour);
    }
    curves.push_back(std::move(curve));
  }
  return area_plot(over_hours(r, r.by_tier ? "Finds by tier" : "Finds by item",
                              classes.others ? "an hour, over hours; the most found ones"
                                             : "an hour, over hours"),
                   curves);
}

std::string none_plot(const Rehearsal& r) {
  Curve curve{"players without any find", "red", {{0, 100}}};
  for (std::size_t i = 0; i < r.buckets.size(); ++i) {
    curve.points.emplace_back(hour_of(r, i + 1),
                              100.0 * static_cast<double>(r.buckets[i].with_none) / r.players);
  }
  return line_plot(over_hours(r, "Who has none yet", "percent over hours"), {curve});
}

// How many finds the players have, from those with the fewest to those with the most.
std::string players_plot(const Rehearsal& r) {
  Plot plot;
  plot.title = "Finds of a player";
  plot.note = "from those with the fewest to those with the most, in percent of the players";
  plot.x_end = 100;
  plot.x_ticks = round_ticks(0, 100, 5);
  Curve curve{"finds", "blue", {}};
  constexpr std::size_t points = 200;
  for (std::size_t i = 0; i <= points; ++i) {
    const std::size_t at = (r.finds_of_players.size() - 1) * i / points;
    curve.points.emplace_back(100.0 * static_cast<double>(i) / points, r.finds_of_players[at]);
  }
  return line_plot(plot, {curve});
}

std::string kinds_table(const Rehearsal& r) {
  std::string out =
      "<h2>Supply</h2>\n<table>\n<tr><th>table</th><th>placed</th><th>found</th><th>expired</th>"
      "<th>left</th><th>sold out</th></tr>\n";
  for (const auto& kind : r.kinds) {
    out += fmt::format(
        "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td "
        "class=\"n\">{}</td><td>{}</td></tr>\n",
        escape_markup(kind.table), with_commas(kind.placed), with_commas(kind.found),
        with_commas(kind.expired), with_commas(kind.left()), sold_out_text(kind));
  }
  return out + "</table>\n";
}

std::string items_table(const Rehearsal& r) {
  std::string out =
      "<h2>Items</h2>\n<table>\n<tr><th>item</th><th>tier</th><th>finds</th>"
      "<th>in all</th></tr>\n";
  for (const auto& item : r.items) {
    out += fmt::format(
        "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
        escape_markup(item.item), escape_markup(item.tier), with_commas(item.finds),
        with_commas(item.count));
  }
  return out + "</table>\n";
}

}  // namespace

std::string rehearsal_html(const Rehearsal& r) {
  std::string body = fmt::format("<h1>Rehearsal</h1>\n<p class=\"soft\">{}</p>\n",
                                 escape_markup(conditions_text(r)));
  for (const auto& note : notes(r)) {
    body += fmt::format("<p class=\"soft\">{}</p>\n", escape_markup(note));
  }
  body += "<div class=\"cards\">\n";
  body += report_card(with_commas(r.finds()), "finds");
  body += report_card(fmt::format("{:.1f} %", 100 * share_with_none(r)),
                      "of the players found nothing");
  body += report_card(fmt::format("{:.2f}", static_cast<double>(r.finds()) / r.players),
                      "finds of a player on average");
  body += report_card(with_commas(r.finds_of_players.back()), "the most of one player");
  body += "</div>\n<div class=\"plots\">\n";
  body += left_plot(r) + finds_plot(r) + none_plot(r) + players_plot(r);
  body += "</div>\n" + kinds_table(r) + items_table(r);
  body += fmt::format(
      "<p class=\"soft\">hunt {}. Generated players walk a tile a second within the rectangle "
      "around all placements of their world, all of them all the time, and do not follow hints: "
      "real players find more in an "
      "hour of play, and play fewer. Places and rolls are those that the engine would make with "
      "another seed.</p>\n",
      HUNT_VERSION);
  return report_page("hunt rules try", body);
}

}  // namespace hunt::rush
