// Arrays as PostgreSQL writes them: {1,2}, {"a b","say \"x\""}.
//
// One dimension only. Pure; thread: any.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hunt::data_api {

// Nothing where it has several dimensions, NULL in it, or is no such text. Bounds before the
// braces ("[0:1]={…}") are left out.
[[nodiscard]] std::optional<std::vector<std::string>> read_array(std::string_view text);

}  // namespace hunt::data_api
