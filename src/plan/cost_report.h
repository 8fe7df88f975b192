// cost_text() and cost_json(): what crowds need and cost, for people and for programs.
//
// Not the reckoning (cost.h). `model` is the one of the lines, which may differ from the file's.
// Pure.
#pragma once
#include <string>
#include <vector>

#include "plan/cost.h"
#include "plan/cost_data.h"

namespace hunt::plan {

// One crowd served by one system.
struct CostLine {
  Crowd crowd;
  UnitCost unit;
  Need need;
  std::vector<Varied> varied;
};
[[nodiscard]] CostLine cost_line(const Crowd& crowd, const UnitCost& unit, const CostModel& model);

[[nodiscard]] std::string cost_text(const std::vector<CostLine>& lines, const CostModel& model,
                                    const CostData& data);
[[nodiscard]] std::string cost_json(const std::vector<CostLine>& lines, const CostModel& model,
                                    const CostData& data);

}  // namespace hunt::plan
