// escape_markup(): text as it stands in HTML, XML and SVG, between tags and in quoted attributes.
//
// Not for scripts or style sheets. Control characters, which XML has not, become spaces.
#pragma once
#include <string>
#include <string_view>

namespace hunt {

[[nodiscard]] std::string escape_markup(std::string_view text);

}  // namespace hunt
