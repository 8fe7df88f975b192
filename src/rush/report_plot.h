// Plots of a report as SVG text: lines and stacked areas over one axis, with their legend.
//
// Not a chart library: what the pages of `hunt rush` need. Colours are CSS classes of report_html.
// Pure functions.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace hunt::rush {

struct Plot {
  std::string title;
  std::string note;  // what the axes are, in a few words
  // Positions of the x axis and their labels.
  std::vector<std::pair<double, std::string>> x_ticks;
  double x_begin = 0;
  double x_end = 1;
  double shaded_until = 0;  // from x_begin on: the warm-up
  bool log_y = false;       // y in seconds, from 1 microsecond, ticks at powers of ten
};

struct Curve {
  std::string name;
  std::string colour;                             // CSS class
  std::vector<std::pair<double, double>> points;  // by x
};

// A <figure>. Lines break nowhere: what is unknown has no point.
[[nodiscard]] std::string line_plot(const Plot& plot, const std::vector<Curve>& curves);
// Areas on top of each other, the first at the bottom; all have the same x.
[[nodiscard]] std::string area_plot(const Plot& plot, const std::vector<Curve>& curves);

// About `count` round positions from `low` to `high`, with labels.
[[nodiscard]] std::vector<std::pair<double, std::string>> round_ticks(double low, double high,
                                                                      int count);
// "0.25 ms", "1.2 s": three digits and the unit that fits.
[[nodiscard]] std::string duration_text(double seconds);

}  // namespace hunt::rush
