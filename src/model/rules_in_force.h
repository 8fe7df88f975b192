// RulesInForce: the compiled rules of a timeline, for whoever judges and rolls by them.
//
// Not the timeline (rules_timeline.h), which the stores keep. Immutable and shared: a lane takes a
// new one whole. Sets of stopped events say so themselves (EventRules::stopped).
#pragma once
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "model/rule_set.h"

namespace hunt::model {

using RuleSetPtr = std::shared_ptr<const RuleSet>;

struct RulesInForce {
  struct Turn {
    std::int64_t from_us = 0;
    RuleSetPtr set;
    bool made = true;  // false: not here, and the set is a stand-in that nothing is answered by
  };
  std::uint64_t seq = 0;    // of the timeline; 0: of none
  std::vector<Turn> turns;  // as in the timeline, the last few; never empty

  // The one in force as of then; the first where none is yet.
  [[nodiscard]] const Turn& turn_at(std::int64_t as_of_us) const noexcept {
    for (std::size_t i = turns.size(); i-- > 1;) {
      if (turns[i].from_us <= as_of_us) return turns[i];
    }
    return turns.front();
  }
  [[nodiscard]] const RuleSetPtr& at(std::int64_t as_of_us) const noexcept {
    return turn_at(as_of_us).set;
  }
};
using RulesInForcePtr = std::shared_ptr<const RulesInForce>;

// Of a process that no store tells what is in force.
[[nodiscard]] inline RulesInForcePtr only_rules(RuleSetPtr set) {
  RulesInForce alone;
  alone.turns.push_back({time_us_min, std::move(set)});
  return std::make_shared<const RulesInForce>(std::move(alone));
}

}  // namespace hunt::model
