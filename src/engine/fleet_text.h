// The words of what a fleet's verdicts come to. Internal to fleet_why.h.
//
// Not which place is the worst (fleet_why.cc). Pure.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "model/fleet_why.h"

namespace hunt::engine {

// Names, by what they are.
struct FleetRoll {
  std::vector<std::string> all;   // orchestrators that answered
  std::vector<std::string> fine;  // of them, those that nothing holds up
  std::vector<std::string> idle;  // and those that nothing was asked of
  std::vector<std::string> absent;
};

// The lanes and the HTTP thread are of one process; all else is everybody's.
[[nodiscard]] bool is_own(const std::string& resource);
// "both orchestrators", "1 of 5 orchestrators (a)".
[[nodiscard]] std::string who(const std::vector<std::string>& names, const FleetRoll& roll);
[[nodiscard]] std::string verdict_of(const model::FleetPlace& place, const model::Asked& worst,
                                     const FleetRoll& roll, const std::string& disagreement);
// "; also …": the second place, or nothing.
[[nodiscard]] std::string text_of_second(const model::FleetPlace& place, const FleetRoll& roll);
[[nodiscard]] std::string text_of_disagreement(
    const std::map<model::Cause, std::vector<std::string>>& by_cause);
[[nodiscard]] std::string next_of(const model::FleetPlace& place, const model::Asked& worst,
                                  const FleetRoll& roll);
// Fills in the sentence where nobody names a cause.
void say_nothing_wrong(const std::vector<const model::Asked*>& orchestrators, const FleetRoll& roll,
                       model::Why& why);
// Which lane of a process is the busy one, where it is not all of them.
void add_uneven_lanes(const std::vector<const model::Asked*>& orchestrators,
                      model::FleetWhy& fleet);
// Each warning once, with who has it, though its seconds differ.
void add_warnings(const std::vector<model::Asked>& asked, model::FleetWhy& fleet);

}  // namespace hunt::engine
