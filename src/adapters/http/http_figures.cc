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

std::string_view name_of(RouteGroup group) noexcept {
  constexpr std::array<std::string_view, route_group_count> names = {
      "none", "positions", "stream", "ledger", "worlds", "operators", "probes"};
  return names[static_cast<std::size_t>(group)];
}

RouteGroup group_of(std::string_view path) noexcept {
  if (path == "/v1/positions") return RouteGroup::positions;
  if (path == "/v1/stream") return RouteGroup::stream;
  if (path.starts_with("/v1/claims") || path == "/v1/grants") return RouteGroup::ledger;
  if (path.starts_with("/v1/worlds")) return RouteGroup::worlds;
  if (path == "/livez" || path == "/readyz") return RouteGroup::probes;
  return RouteGroup::operators;
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
