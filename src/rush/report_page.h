// The frame of a page with plots: one self-contained HTML document, without scripts.
//
// Not the plots (report_plot.h) and not what stands in it. Pure functions.
#pragma once
#include <string>
#include <string_view>

namespace hunt::rush {

// `title` is plain text, `body` HTML.
[[nodiscard]] std::string report_page(std::string_view title, std::string_view body);
// A figure and what it is, both plain text; they stand in a <div class="cards">.
[[nodiscard]] std::string report_card(std::string_view value, std::string_view label);

}  // namespace hunt::rush
