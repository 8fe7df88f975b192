#include "plan/autoscale_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/svg.h"

namespace hunt::plan {

namespace {

constexpr double width = 760;
constexpr double plot_height = 200;
constexpr double chart_height = 270;
constexpr double left = 90;
constexpr double right = 16;
constexpr double top_of_plot = 44;

constexpr const char* style =
    "path{fill:none;stroke-width:2}.load{stroke:#1c2330}"
    ".c0{stroke:#0072b2}.c1{stroke:#d55e00}.c2{stroke:#009e73}.grid{stroke:#d8dce3}";

// "1.2 M": what fits beside an axis.
std::string short_number(double value) {
  if (value >= 1e6) return fmt::format("{:.3g} M", value / 1e6);
  if (value >= 1e3) return fmt::format("{:.3g} k", value / 1e3);
  return fmt::format("{:.3g}", value);
}

std::string curve(const Course& course, std::string_view kind, double most, double top,
                  const std::function<double(const Second&)>& value) {
  std::string path;
  const double step = (width - left - right) / static_cast<double>(course.seconds.size());
  // A point every five seconds: more are not seen.
  for (std::size_t i = 0; i < course.seconds.size(); i += 5) {
    const double y = top + top_of_plot + plot_height * (1 - value(course.seconds[i]) / most);
    path += fmt::format("{}{:.1f} {:.1f}", i == 0 ? "M" : " L",
                        left + step * static_cast<double>(i), y);
  }
  return fmt::format("<path class=\"{}\" d=\"{}\"/>\n", kind, path);
}

std::string drawn(const Chart& chart, double top) {
  double most = 1;
  for (const auto& [name, course] : chart.courses)
    for (const Second& one : course.seconds) most = std::max({most, one.load, one.capacity});
  std::string out = svg_text(16, top + 18, "title", "start", chart.title);
  for (const int quarter : {0, 2, 4}) {
    const double y = top + top_of_plot + plot_height * (1 - quarter / 4.0);
    out += fmt::format("<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
                       left, width - right, y, y);
    out += svg_text(left - 8, y + 4, "soft", "end", short_number(most * quarter / 4));
  }
  if (chart.courses.empty()) return out;
  const auto seconds = static_cast<double>(chart.courses.front().second.seconds.size());
  for (double at = 0; at <= seconds; at += 300) {
    out +=
        svg_text(left + (width - left - right) * at / seconds, top + top_of_plot + plot_height + 18,
                 "soft", "middle", fmt::format("{:.0f} min", at / 60));
  }
  out += curve(chart.courses.front().second, "load", most, top,
               [](const Second& one) { return one.load; });
  double x = left;
  const auto legend = [&](std::string_view kind, std::string_view name) {
    out += fmt::format("<path class=\"{}\" d=\"M{:.0f} {:.0f} h24\"/>\n", kind, x, top + 32);
    out += svg_text(x + 30, top + 36, "soft", "start", name);
    x += 60 + 7.5 * static_cast<double>(name.size());
  };
  legend("load", "positions/s that come");
  for (std::size_t i = 0; i < chart.courses.size(); ++i) {
    const auto& [name, course] = chart.courses[i];
    const std::string kind = fmt::format("c{}", i);
    out += curve(course, kind, most, top, [](const Second& one) { return one.capacity; });
    legend(kind, name);
  }
  return out;
}

}  // namespace

std::string autoscale_svg(const std::vector<Chart>& charts) {
  std::string body;
  double top = 8;
  for (const Chart& chart : charts) {
    body += drawn(chart, top);
    top += chart_height;
  }
  return svg_page(width, top, style, body);
}

}  // namespace hunt::plan
