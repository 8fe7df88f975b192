// autoscale_svg(): rushes against the autoscaler as a picture, one below the other.
//
// Not the plots of a page (rush/report_plot.h): a file of its own, in SVG, without scripts. Pure.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "plan/autoscale.h"

namespace hunt::plan {

struct Chart {
  std::string title;
  std::vector<std::pair<std::string, Course>> courses;  // of one rush, by name; at most three
};

[[nodiscard]] std::string autoscale_svg(const std::vector<Chart>& charts);

}  // namespace hunt::plan
