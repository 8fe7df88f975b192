// The JSON of /v1/why and `hunt why --json`. Times in seconds, shares from 0 to 1.
//
// Not the other replies (json_replies.h): this one is small, rare and shown to people, so it is
// written with Boost.JSON.
#pragma once
#include <string>

#include "model/why.h"

namespace hunt::codec {

[[nodiscard]] std::string write_why(const model::Why& why);

}  // namespace hunt::codec
