#include "adapters/http/http_figures.h"

#include <fmt/format.h>

#include <iterator>

namespace hunt::http {

std::string_view name_of(Refusal refusal) noexcept {
  constexpr std::array<std::string_view, refusal_count> names = {
      "connections", "evicted",     "silent",  "bodies", "answers",
      "withheld",    "slow_stream", "framing", "host",   "token"};
  return names[static_cast<std::size_t>(refusal)];
}

void append_figures(const HttpFigures& figures, std::string& out) {
  fmt::format_to(std::back_inserter(out),
                 R"("http":{{"connections":{},"connections_max":{},"streams":{},"body_bytes":{},)"
                 R"("answer_bytes":{},"refused":{{)",
                 figures.connections, figures.connections_max, figures.streams, figures.body_bytes,
                 figures.answer_bytes);
  for (std::size_t i = 0; i < refusal_count; ++i) {
    fmt::format_to(std::back_inserter(out), R"({}"{}":{})", i == 0 ? "" : ",",
                   name_of(static_cast<Refusal>(i)), figures.refused[i]);
  }
  out += "}}";
}

}  // namespace hunt::http
