#include "rush/report_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/markup.h"
#include "base/text.h"
#include "rush/report_page.h"
#include "rush/report_plot.h"

namespace hunt::rush {

namespace {

using model::Outcome;

double seconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

std::uint64_t count_of(const OutcomeCounts& outcomes, Outcome outcome) {
  return outcomes[static_cast<std::size_t>(outcome)];
}

std::string head(const RunReport& r) {
  const DriverBooks& books = r.books;
  const Histogram& latency = books.latency;
  const std::string after =
      r.warmup_ns == 0 ? "" : fmt::format(" after {:.1f} s warm-up", seconds(r.warmup_ns));
  std::string out = fmt::format(
      "<h1>hunt rush: {}</h1>\n<p class=\"soft\">{} · {} UTC · {:.1f} s · up to {} players</p>\n",
      escape_markup(r.scenario), escape_markup(r.target),
      format_time_us(r.started_us).substr(0, 19), seconds(r.sending_ns), with_commas(r.players));
  out += "<div class=\"cards\">\n";
  out += report_card(
      with_commas(static_cast<std::uint64_t>(std::llround(achieved_rate(r)))),
      fmt::format("positions/s answered, of {} asked{}",
                  with_commas(static_cast<std::uint64_t>(std::llround(r.offered_per_second))),
                  after));
  out += report_card(duration_text(seconds(latency.quantile_ns(5'000))), "median answer");
  out += report_card(duration_text(seconds(latency.quantile_ns(9'900))), "99 % are faster");
  out += report_card(duration_text(seconds(latency.quantile_ns(9'990))), "99.9 % are faster");
  out += report_card(duration_text(seconds(latency.max_ns())), "slowest");
  out += report_card(with_commas(books.sent), "positions sent");
  out += report_card(with_commas(lost(r)), "lost: no answer, or a claim never told");
  out += report_card(with_commas(books.grants), "new grants in the ledger");
  out += report_card(with_commas(books.duplicate_grants), "duplicate grants");
  out += "</div>\n";
  if (const auto text = limit_text(r); !text.empty()) {
    out += fmt::format("<p class=\"warn\">{}</p>\n", escape_markup(text));
  }
  if (books.refused + books.unanswered > 0) {
    out += fmt::format(
        "<p class=\"warn\">{} positions were refused and {} got no answer; the last reason: "
        "{}</p>\n",
        with_commas(books.refused), with_commas(books.unanswered), escape_markup(books.last_error));
  }
  if (r.bottleneck) {
    out += fmt::format("<p class=\"why\"><b>Where the time went:</b> {}<br><small>{}</small></p>\n",
                       escape_markup(r.bottleneck->verdict), escape_markup(r.bottleneck->next));
  }
  return out;
}

// What the plots over time share, and the cells of the run without its drain.
class Timeline {
 public:
  Timeline(const RunReport& report, const Series& series, const load::Schedule& schedule)
      : series_(series), schedule_(schedule), cell_s_(seconds(series.cell_ns)) {
    end_s_ = seconds(std::min(schedule.duration_ns(), report.sending_ns));
    warmup_s_ = seconds(report.warmup_ns);
    cells_ = std::min(series.cells.size(), static_cast<std::size_t>(std::ceil(end_s_ / cell_s_)));
  }

  [[nodiscard]] Plot plot(std::string title, std::string note) const {
    Plot plot;
    plot.title = std::move(title);
    plot.note = std::move(note);
    plot.x_end = end_s_;
    plot.x_ticks = round_ticks(0, end_s_, 8);
    plot.shaded_until = warmup_s_;
    return plot;
  }

  // A point in the middle of each cell.
  template <class Value>
  [[nodiscard]] Curve curve(std::string name, std::string colour, Value value) const {
    Curve out{std::move(name), std::move(colour), {}};
    for (std::size_t i = 0; i < cells_; ++i) {
      const double begin_s = static_cast<double>(i) * cell_s_;
      out.points.emplace_back(begin_s + length_s(i) / 2, value(series_.cells[i], i));
    }
    return out;
  }
  // A count of a cell, per second.
  template <class Count>
  [[nodiscard]] Curve rate(std::string name, std::string colour, Count count) const {
    return curve(std::move(name), std::move(colour),
                 [this, &count](const Series::Cell& cell, std::size_t i) {
                   return static_cast<double>(count(cell, i)) / length_s(i);
                 });
  }
  [[nodiscard]] std::uint64_t due_in(std::size_t cell) const {
    const auto begin_ns = static_cast<std::int64_t>(cell) * series_.cell_ns;
    return schedule_.due_before(begin_ns + series_.cell_ns) - schedule_.due_before(begin_ns);
  }
  [[nodiscard]] std::int64_t middle_ns(std::size_t cell) const {
    return static_cast<std::int64_t>(cell) * series_.cell_ns + series_.cell_ns / 2;
  }
  [[nodiscard]] const load::Schedule& schedule() const { return schedule_; }

 private:
  // The last cell may be cut by the end.
  [[nodiscard]] double length_s(std::size_t cell) const {
    return std::clamp(end_s_ - static_cast<double>(cell) * cell_s_, cell_s_ / 100, cell_s_);
  }

  const Series& series_;
  const load::Schedule& schedule_;
  double cell_s_ = 1;
  double end_s_ = 0;
  double warmup_s_ = 0;
  std::size_t cells_ = 0;
};

Curve quantile_curve(const Timeline& time, const char* name, const char* colour,
                     std::uint32_t per_ten_thousand) {
  Curve out = time.curve(name, colour, [per_ten_thousand](const Series::Cell& cell, std::size_t) {
    return per_ten_thousand == 10'000 ? seconds(cell.latency.max_ns())
                                      : seconds(cell.latency.quantile_ns(per_ten_thousand));
  });
  std::erase_if(out.points, [](const auto& point) { return point.second <= 0; });
  return out;
}

std::string outcomes_plot(const Timeline& time) {
  const auto of = [](Outcome outcome) {
    return [outcome](const Series::Cell& cell, std::size_t) {
      return count_of(cell.outcomes, outcome);
    };
  };
  // What has no band of its own.
  const auto refused = [](const Series::Cell& cell, std::size_t) {
    std::uint64_t sum = std::accumulate(cell.outcomes.begin(), cell.outcomes.end(), 0ULL);
    for (const Outcome other :
         {Outcome::nothing, Outcome::hint, Outcome::granted, Outcome::sold_out, Outcome::busy}) {
      sum -= count_of(cell.outcomes, other);
    }
    return sum;
  };
  return area_plot(time.plot("What positions came to", "positions/s over seconds"),
                   {time.rate("nothing", "grey", of(Outcome::nothing)),
                    time.rate("hint", "sky", of(Outcome::hint)),
                    time.rate("answered granted, repeats too", "green", of(Outcome::granted)),
                    time.rate("sold out", "yellow", of(Outcome::sold_out)),
                    time.rate("refused by rules or closed", "pink", refused),
                    time.rate("busy", "red", of(Outcome::busy)),
                    time.rate("no answer", "orange", [](const Series::Cell& cell, std::size_t) {
                      return cell.unanswered;
                    })});
}

// How slow the slowest 1 in 2, 10, 100, ... answers are: the x axis is the logarithm of that.
std::string percentile_plot(const Histogram& latency) {
  Plot plot;
  plot.title = "Latency by percentile";
  plot.note = "of all answers after the warm-up";
  plot.log_y = true;
  const double most = std::max(2.0, std::log10(static_cast<double>(latency.count()) + 1));
  plot.x_end = std::min(most, 6.0);
  const std::pair<double, const char*> ticks[] = {{0, "0"},       {0.30103, "50 %"}, {1, "90 %"},
                                                  {2, "99 %"},    {3, "99.9 %"},     {4, "99.99 %"},
                                                  {5, "99.999 %"}};
  for (const auto& [at, label] : ticks) {
    if (at <= plot.x_end) plot.x_ticks.emplace_back(at, label);
  }
  Curve curve{"answers", "blue", {}};
  std::int64_t last_ns = -1;
  for (std::size_t i = 0; i < Histogram::bucket_count && latency.count() > 0; ++i) {
    const std::int64_t edge_ns = std::min(Histogram::upper_edge_ns(i), latency.max_ns());
    const std::uint64_t below = latency.count_at_or_below(Histogram::upper_edge_ns(i));
    if (below == 0) continue;
    if (edge_ns == last_ns) break;
    last_ns = edge_ns;
    const double above = static_cast<double>(latency.count() - std::min(below, latency.count()));
    const double x =
        above == 0 ? plot.x_end : -std::log10(above / static_cast<double>(latency.count()));
    curve.points.emplace_back(std::min(x, plot.x_end), seconds(edge_ns));
  }
  return line_plot(plot, {curve});
}

std::string plots(const RunReport& r, const Timeline& time) {
  Plot latency = time.plot("Latency over time", "from the intended send time, over seconds");
  latency.log_y = true;
  std::string out = "<div class=\"plots\">\n";
  out += line_plot(latency, {quantile_curve(time, "max", "red", 10'000),
                             quantile_curve(time, "p99", "orange", 9'900),
                             quantile_curve(time, "p50", "blue", 5'000)});
  out += line_plot(
      time.plot("Rate", "positions/s over seconds"),
      {time.rate("asked", "grey",
                 [&time](const Series::Cell&, std::size_t i) { return time.due_in(i); }),
       time.rate("sent", "sky", [](const Series::Cell& cell, std::size_t) { return cell.sent; }),
       time.rate("answered", "blue",
                 [](const Series::Cell& cell, std::size_t) { return cell.answered; })});
  out += outcomes_plot(time);
  out += percentile_plot(r.books.latency);
  out += line_plot(time.plot("Players", "over seconds"),
                   {time.curve("players", "green", [&time](const Series::Cell&, std::size_t i) {
                     return static_cast<double>(time.schedule().players_at(time.middle_ns(i)));
                   })});
  return out + "</div>\n";
}

std::string tables(const RunReport& r) {
  std::string out = "<h2>Figures</h2>\n<table>\n";
  const auto row = [&out](std::string_view name, const std::string& value) {
    out += fmt::format("<tr><th>{}</th><td class=\"n\">{}</td></tr>\n", escape_markup(name),
                       escape_markup(value));
  };
  for (std::size_t i = 0; i < model::outcome_count; ++i) {
    const auto outcome = static_cast<Outcome>(i);
    if (r.books.outcomes[i] == 0) continue;
    row(model::name_of(outcome), with_commas(r.books.outcomes[i]));
  }
  if (r.books.redelivered > 0) row("sent again for claims", with_commas(r.books.redelivered));
  if (r.changes > 0) row("tiles buried again meanwhile", with_commas(r.changes));
  if (r.stats) {
    row("grant call p50 / p99",
        duration_text(seconds(r.stats->since_start.store_grant.p50_ns)) + " / " +
            duration_text(seconds(r.stats->since_start.store_grant.p99_ns)));
    row("commit to every memory p50 / p99",
        duration_text(seconds(r.stats->since_start.invalidation.p50_ns)) + " / " +
            duration_text(seconds(r.stats->since_start.invalidation.p99_ns)));
  }
  if (r.serve_cpu_ns) row("CPU of the lanes", fmt::format("{:.2f} s", seconds(*r.serve_cpu_ns)));
  if (r.rest_cpu_ns) {
    row("CPU of the store and the rest", fmt::format("{:.2f} s", seconds(*r.rest_cpu_ns)));
  }
  row("CPU of the generator", fmt::format("{:.2f} s", seconds(r.driver_cpu_ns)));
  return out + "</table>\n";
}

std::string foot(const RunReport& r) {
  return fmt::format(
      "<h2>How it was measured</h2>\n"
      "<p><code>{}</code></p>\n<p class=\"soft\">Generator: {}; hunt {}.</p>\n"
      "<p class=\"soft\">Open loop: batches leave by a fixed schedule, whatever the answers do, "
      "and latency counts from the intended moment, so a stall shows as what players felt. Rate "
      "and latencies leave out the warm-up (shaded); all counts hold the whole run. Quantiles are "
      "within 3.2 %, the slowest is exact.{}</p>\n",
      escape_markup(r.command), escape_markup(r.machine), HUNT_VERSION,
      r.serve_cpu_ns ? "" : " The figures of the target are since it started.");
}

}  // namespace

std::string report_html(const RunReport& report, const Series& series,
                        const load::Schedule& schedule) {
  const Timeline time(report, series, schedule);
  return report_page("hunt rush: " + report.scenario,
                     head(report) + plots(report, time) + tables(report) + foot(report));
}

}  // namespace hunt::rush
