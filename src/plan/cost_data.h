// cost_data(): prices, the model's settings and what each system took, from the files beside this:
// prices.json (written by hand, with sources) and measured.json (`script/bench before-after
// --publish` writes it).
//
// Not read at run time: they are a part of the program. bench/before_cost.py reads the same files.
#pragma once
#include <string>
#include <vector>

#include "plan/cost.h"

namespace hunt::plan {

struct CostData {
  CostModel model;
  std::vector<UnitCost> units;  // in the order of the file; those that kept up with some load
  std::string machine;          // on which they were measured
  std::string note;             // what a reader has to know of the measurement
};

// Thread: any.
[[nodiscard]] const CostData& cost_data();
// The one of that name; a name that there is not is a mistake of the program.
[[nodiscard]] const UnitCost& unit_cost(const CostData& data, std::string_view name);

}  // namespace hunt::plan
