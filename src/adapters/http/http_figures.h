// HttpFigures: what the HTTP server counts, for /metrics and /v1/stats.
//
// Not figures of the hunt (model/stats.h). Thread: the server's lane.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hunt::http {

// Why somebody was refused before anything was asked of the hunt.
enum class Refusal : std::uint8_t {
  connections,  // all are in use, or the last ones are kept for probes
  evicted,      // one idle longest was closed for one that came
  silent,       // no whole header or body in time
  bodies,       // no bytes left for one more body
  answers,      // no bytes left for one more answer
  withheld,     // bytes were short, and this one was waited for longest
  slow_stream,  // a stream that has more to take than it may have waiting
  framing,      // no request that every parser reads alike
  host,         // a name that is not ours, or another site's page
  token,        // none, or a wrong one
};
inline constexpr std::size_t refusal_count = 10;
[[nodiscard]] std::string_view name_of(Refusal refusal) noexcept;

// Whom a route is for. `none`: no route, or what was sent is no request.
enum class RouteGroup : std::uint8_t { none, positions, stream, ledger, worlds, operators, probes };
inline constexpr std::size_t route_group_count = 7;
[[nodiscard]] std::string_view name_of(RouteGroup group) noexcept;
// By the path in the table of routes.
[[nodiscard]] RouteGroup group_of(std::string_view path) noexcept;

struct HttpFigures {
  std::size_t connections = 0;
  std::size_t connections_max = 0;
  std::int64_t connections_ns = 0;  // each for as long as it was there, since the start
  double connections_used = 0;      // of the limit, the mean of the last ten seconds
  std::size_t streams = 0;
  std::size_t body_bytes = 0;
  std::size_t answer_bytes = 0;
  std::array<std::uint64_t, refusal_count> refused{};

  // Responses by group and class of the status: 1xx (a stream begins) to 5xx.
  std::array<std::array<std::uint64_t, 5>, route_group_count> responses{};

  void count(RouteGroup group, unsigned status) {
    const unsigned status_class = status < 200 ? 0 : status < 600 ? status / 100 - 1 : 4;
    ++responses[static_cast<std::size_t>(group)][status_class];
  }
  void count(Refusal refusal) { ++refused[static_cast<std::size_t>(refusal)]; }
};

// The member `"http":{…}` of /v1/stats.
void append_figures(const HttpFigures& figures, std::string& out);

}  // namespace hunt::http
