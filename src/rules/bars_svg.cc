#include "rules/bars_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/svg.h"
#include "base/text.h"

namespace hunt::rules {

namespace {

constexpr double width = 760;
constexpr double label_width = 220;
constexpr double number_width = 120;
constexpr double row_height = 22;
constexpr double head_height = 52;
constexpr double margin = 16;

constexpr const char* style = ".seen{fill:#0072b2}.expected{stroke:#d55e00;stroke-width:2}";

std::string picture(const Bars& one, double top) {
  double most = 0;
  for (const auto& bar : one.bars) most = std::max({most, bar.seen, bar.expected});
  const double room = width - 2 * margin - label_width - number_width;
  const double left = margin + label_width;
  const auto length = [&](double value) { return most > 0 ? room * value / most : 0; };
  std::string out = svg_text(margin, top + 18, "title", "start", one.title);
  out += svg_text(margin, top + 37, "soft", "start", one.note);
  double y = top + head_height;
  for (const auto& bar : one.bars) {
    out += svg_text(left - 8, y + 15, "label", "end", printable(bar.label, 28));
    out += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.1f}\" class=\"seen\"/>\n",
        left, y + 4, length(bar.seen), row_height - 8);
    const double at = left + length(bar.expected);
    out += fmt::format(
        "<line x1=\"{0:.2f}\" x2=\"{0:.2f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\" class=\"expected\"/>\n",
        at, y + 1, y + row_height - 1);
    out += svg_text(width - margin, y + 15, "soft", "end",
                    with_commas(static_cast<std::uint64_t>(std::llround(bar.seen))));
    y += row_height;
  }
  return out;
}

}  // namespace

std::string bars_svg(const std::vector<Bars>& all) {
  std::string body;
  double top = margin;
  for (const auto& one : all) {
    body += picture(one, top);
    top += head_height + row_height * static_cast<double>(one.bars.size()) + margin;
  }
  return svg_page(width, top, style, body);
}

}  // namespace hunt::rules
