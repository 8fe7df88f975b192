// The JSON of GET /v1/explain.
//
// Times are RFC 3339 in UTC, ids as everywhere (json_replies.h).
#pragma once
#include <string>

#include "model/explanation.h"

namespace hunt::codec {

// {"answer","complete","stories":[{"fate","certain","sentence","claim"?,"player"?,"world"?,"x"?,
// "y"?,"at"?,"item"?,"items"?,"rules"?,"told"?,"lines":[…]}],"notes":[…],"missing":[…]}
[[nodiscard]] std::string write_explanation(const model::Explanation& explanation);

}  // namespace hunt::codec
