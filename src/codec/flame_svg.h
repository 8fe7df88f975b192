// A profile as a flame graph: one SVG file that needs nothing else, with search and zoom.
//
// Wide is much; above a function stand those that it calls. What is too narrow to be seen is left
// out, and told.
#pragma once
#include <string>
#include <string_view>

#include "model/profile.h"

namespace hunt::codec {

// `before`: null, or what the widths of colours are compared with: red grew, blue shrank, in shares
// of the whole.
[[nodiscard]] std::string write_flame_svg(const model::Profile& profile, std::string_view title,
                                          const model::Profile* before = nullptr);

}  // namespace hunt::codec
