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

struct HttpFigures {
  std::size_t connections = 0;
  std::size_t connections_max = 0;
  std::size_t streams = 0;
  std::size_t body_bytes = 0;
  std::size_t answer_bytes = 0;
  std::array<std::uint64_t, refusal_count> refused{};

  void count(Refusal refusal) { ++refused[static_cast<std::size_t>(refusal)]; }
};

// The member `"http":{…}` of /v1/stats.
void append_figures(const HttpFigures& figures, std::string& out);

}  // namespace hunt::http
