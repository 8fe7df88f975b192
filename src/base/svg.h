// svg_text() and svg_page(): what every picture here has: a line of text, and the page around all.
//
// Not the pictures: each draws its own bars, curves and axes. Units are those of the picture, which
// scales with where it is shown.
#pragma once
#include <string>
#include <string_view>

namespace hunt {

// The text of all pictures; what is drawn has classes of its picture's own.
inline constexpr std::string_view svg_text_style =
    "text{font:13px system-ui,sans-serif;fill:#1c2330}.title{font-weight:600;font-size:15px}"
    ".soft{fill:#5c6675}";

// `kind`: its class. `anchor`: start, middle or end of it is at x. `content` is escaped.
[[nodiscard]] std::string svg_text(double x, double y, std::string_view kind,
                                   std::string_view anchor, std::string_view content);

// `style`: beside that of text. A white page of that size.
[[nodiscard]] std::string svg_page(double width, double height, std::string_view style,
                                   std::string_view body);

}  // namespace hunt
