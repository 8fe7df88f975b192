// The live page: one self-contained HTML document, embedded at build time from page.html.
//
// Not a template: it holds no data of the server; its script asks /v1/stats and /v1/live.
#pragma once
#include <string_view>

namespace hunt::http {

[[nodiscard]] std::string_view page_html() noexcept;

}  // namespace hunt::http
