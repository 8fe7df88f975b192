// What was rolled beside what should come, as a picture: bars, one table below the other.
//
// Not the plots of a page (rush/report_plot.h): a file of its own, in SVG, without scripts. Pure.
#pragma once
#include <string>
#include <vector>

namespace hunt::rules {

struct Bar {
  std::string label;
  double seen = 0;
  double expected = 0;
};

struct Bars {
  std::string title;
  std::string note;  // below the title
  std::vector<Bar> bars;
};

[[nodiscard]] std::string bars_svg(const std::vector<Bars>& all);

}  // namespace hunt::rules
