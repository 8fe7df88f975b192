// The rules of a simulated run: two events, whose weights follow from a number, and in some runs
// for whom the first one is.
//
// Not their language (rules/): the one file of a set is its number, so that a run makes as many
// sets as it likes. Number 0 is where a run begins. Pure.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "model/rules_in_force.h"
#include "model/rules_timeline.h"
#include "service/rules_book.h"

namespace hunt::simulation {

// Each has one table, of its own name.
inline constexpr std::string_view main_event = "starlight";
inline constexpr std::string_view side_event = "moonlight";
// Whose turn it is when files with a revision are pushed by hand.
inline constexpr std::string_view by_a_push = "a push";

// Those of a run in which they do not change: the main event alone; `some`: for some players.
[[nodiscard]] model::RuleSetPtr unchanging_rules(bool some);

// `some`: the main event is for some of the players and worlds, which follow from the number, too.
[[nodiscard]] model::RulesFiles run_rules_files(std::uint64_t number, bool some);
// Errors: invalid_argument (no such file).
[[nodiscard]] Result<model::RuleSetPtr> compile_run_rules(const model::RulesFiles& files);
// What the files of a pod come to. `revision`: of their lock; 0: they have none.
[[nodiscard]] service::RulesOffer run_rules_offer(std::uint64_t number, std::uint64_t revision,
                                                  bool some);

}  // namespace hunt::simulation
