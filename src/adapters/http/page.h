// The live page: one self-contained HTML document, embedded at build time from page.html.
//
// Not a template: it holds no data of the server; its script asks /v1/stats and /v1/live.
#pragma once

namespace hunt::http {

extern const char page_html[];  // ends with a zero

}  // namespace hunt::http
