#include "rush/report_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/markup.h"

namespace hunt::rush {

namespace {

using Points = std::vector<std::pair<double, double>>;

// In the units of the picture, which scales with the page.
constexpr double width = 480;
constexpr double height = 232;
constexpr double left = 58;
constexpr double right = 10;
constexpr double top = 8;
constexpr double bottom = 24;
constexpr double log_y_low = 1e-6;

class Axes {
 public:
  Axes(const Plot& plot, double y_high) : plot_(plot) {
    if (plot.log_y) {
      low_ = std::log10(log_y_low);
      high_ = std::ceil(std::log10(std::max(y_high, 10 * log_y_low)) - 1e-9);
    } else {
      high_ = y_high > 0 ? y_high * 1.05 : 1;
    }
  }
  [[nodiscard]] double x(double value) const {
    const double span = std::max(plot_.x_end - plot_.x_begin, 1e-9);
    return left + (width - left - right) * (value - plot_.x_begin) / span;
  }
  [[nodiscard]] double y(double value) const {
    const double at = plot_.log_y ? std::log10(std::max(value, log_y_low)) : value;
    const double part = std::clamp((at - low_) / (high_ - low_), 0.0, 1.0);
    return height - bottom - (height - top - bottom) * part;
  }
  [[nodiscard]] std::vector<std::pair<double, std::string>> y_ticks() const {
    if (!plot_.log_y) return round_ticks(0, high_, 5);
    std::vector<std::pair<double, std::string>> ticks;
    for (double power = low_; power <= high_ + 0.1; ++power) {
      ticks.emplace_back(std::pow(10.0, power), duration_text(std::pow(10.0, power)));
    }
    return ticks;
  }

 private:
  const Plot& plot_;
  double low_ = 0;
  double high_ = 1;
};

std::string frame_of(const Plot& plot, const Axes& axes) {
  std::string out;
  if (plot.shaded_until > plot.x_begin) {
    out += fmt::format(
        "<rect class=\"warm\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>", left,
        top, axes.x(std::min(plot.shaded_until, plot.x_end)) - left, height - top - bottom);
  }
  for (const auto& [value, label] : axes.y_ticks()) {
    const double y = axes.y(value);
    out += fmt::format(
        "<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/>"
        "<text x=\"{3:.1f}\" y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>",
        left, width - right, y, left - 6, y + 4, escape_markup(label));
  }
  for (const auto& [value, label] : plot.x_ticks) {
    const double x = axes.x(value);
    out += fmt::format(
        "<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\"/>"
        "<text x=\"{0:.1f}\" y=\"{3:.1f}\" text-anchor=\"{4}\">{5}</text>",
        x, top, height - bottom, height - 6, x > width - right - 14 ? "end" : "middle",
        escape_markup(label));
  }
  return out;
}

std::string figure(const Plot& plot, const std::vector<Curve>& curves, const std::string& inside) {
  std::string legend;
  for (const Curve& curve : curves) {
    legend +=
        fmt::format("<span><i class=\"{}\"></i>{}</span>", curve.colour, escape_markup(curve.name));
  }
  return fmt::format(
      "<figure><figcaption><b>{}</b> <small>{}</small></figcaption>"
      "<div class=\"legend\">{}</div>"
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">{}</svg></figure>\n",
      escape_markup(plot.title), escape_markup(plot.note), legend, width, height,
      escape_markup(plot.title), inside);
}

std::string path_of(const Axes& axes, const Points& points) {
  std::string path;
  for (const auto& [x, y] : points) {
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", axes.x(x), axes.y(y));
  }
  return path;
}

}  // namespace

std::string line_plot(const Plot& plot, const std::vector<Curve>& curves) {
  double high = 0;
  for (const Curve& curve : curves) {
    for (const auto& point : curve.points) high = std::max(high, point.second);
  }
  const Axes axes(plot, high);
  std::string inside = frame_of(plot, axes);
  for (const Curve& curve : curves) {
    if (curve.points.size() == 1) {  // a line of one point would be invisible
      inside +=
          fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"/>", curve.colour,
                      axes.x(curve.points[0].first), axes.y(curve.points[0].second));
    } else if (!curve.points.empty()) {
      inside += fmt::format("<path class=\"line {}\" d=\"{}\"/>", curve.colour,
                            path_of(axes, curve.points));
    }
  }
  return figure(plot, curves, inside);
}

std::string area_plot(const Plot& plot, const std::vector<Curve>& curves) {
  Points floor;
  std::vector<std::pair<Points, const Curve*>> layers;  // the upper edges
  for (const Curve& curve : curves) {
    Points upper = curve.points;
    for (std::size_t i = 0; i < upper.size() && i < floor.size(); ++i) {
      upper[i].second += floor[i].second;
    }
    floor = upper;
    layers.emplace_back(std::move(upper), &curve);
  }
  double high = 0;
  for (const auto& point : floor) high = std::max(high, point.second);
  const Axes axes(plot, high);
  std::string inside = frame_of(plot, axes);
  // From the top down, each to the ground: the next one covers what is not its own.
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    const Points& points = layer->first;
    if (points.empty()) continue;
    inside += fmt::format("<path class=\"area {}\" d=\"{}L{:.1f} {:.1f}L{:.1f} {:.1f}Z\"/>",
                          layer->second->colour, path_of(axes, points), axes.x(points.back().first),
                          axes.y(0), axes.x(points.front().first), axes.y(0));
  }
  return figure(plot, curves, inside);
}

std::vector<std::pair<double, std::string>> round_ticks(double low, double high, int count) {
  const double rough = std::max(high - low, 1e-9) / count;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = power;
  for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
    step = power * factor;
    if (step >= rough) break;
  }
  std::vector<std::pair<double, std::string>> ticks;
  for (double at = std::ceil(low / step) * step; at <= high + step * 1e-6; at += step) {
    std::string label = fmt::format("{:.10g}", at);
    if (high >= 1e6) {
      label = fmt::format("{:.10g} M", at / 1e6);
    } else if (high >= 1e4) {
      label = fmt::format("{:.10g} k", at / 1e3);
    }
    ticks.emplace_back(at, std::abs(at) < step / 2 ? "0" : label);
  }
  return ticks;
}

std::string duration_text(double seconds) {
  if (seconds < 0.9995e-3) return fmt::format("{:.3g} µs", seconds * 1e6);
  if (seconds < 0.9995) return fmt::format("{:.3g} ms", seconds * 1e3);
  return fmt::format("{:.3g} s", seconds);
}

}  // namespace hunt::rush
