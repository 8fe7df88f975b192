// explain(): what happened to a claim, or to a player's claims, in sentences that a person can pass
// on.
//
// Not the search (service/explainer.h finds the facts) and never more than they say: what was
// concluded and not seen is told as that. Pure: facts -> explanation.
#pragma once
#include "model/explanation.h"

namespace hunt::engine {

// Requires: a question that names a claim or a player.
[[nodiscard]] model::Explanation explain(const model::ExplanationFacts& facts);

}  // namespace hunt::engine
