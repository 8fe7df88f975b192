// The live page: one self-contained HTML document, embedded at build time from page.html.
#pragma once
#include <string_view>

namespace hunt::http {

[[nodiscard]] std::string_view page_html() noexcept;

}  // namespace hunt::http
