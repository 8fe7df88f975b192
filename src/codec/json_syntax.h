// Where a text stops being JSON: the sentence with the byte offset for a body that was refused.
//
// Not on the good path: it reads the text a second time, with an independent parser, only when
// something was wrong anyway, so that syntax is reported before meaning.
#pragma once
#include <optional>
#include <string_view>

#include "base/result.h"

namespace hunt::codec {

// The first syntax error, or nesting deeper than limits::json_depth_max; nothing when it is JSON.
[[nodiscard]] std::optional<Error> find_syntax_error(std::string_view body);

}  // namespace hunt::codec
