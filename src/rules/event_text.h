// What people are told of an event beside its times: where it is, for whom, and what is announced.
//
// Pure; any thread.
#pragma once
#include <string>
#include <vector>

#include "model/rule_set.h"

namespace hunt::rules {

// "main, 7"; "all"
[[nodiscard]] std::string worlds_text(const model::EventRules& event);
// "legendary"; "nothing"
[[nodiscard]] std::string announce_text(const model::EventRules& event);

// A sentence for each of them that is not as it is without the key, for players.
[[nodiscard]] std::vector<std::string> reach_sentences(const model::EventRules& event);
// The same in few words, for designers: ", worlds main, 7, for 10 % of the players, announces
// legendary". Empty: none.
[[nodiscard]] std::string reach_text(const model::EventRules& event);

}  // namespace hunt::rules
