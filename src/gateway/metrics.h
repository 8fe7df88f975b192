// The gateway's figures as Prometheus text. Names are those of docs/DATA_API.md.
//
// Not the orchestrator's (adapters/http/metrics_text.h). One snapshot in, one page of text out.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "gateway/gateway.h"

namespace hunt::gateway {

// What the HTTP server counts, from its start.
struct ClientFigures {
  std::size_t open = 0;  // connections
  std::size_t body_bytes = 0;
  std::size_t answer_bytes = 0;
  std::uint64_t evicted = 0;      // ended, for somebody else to have their place
  std::uint64_t turned_away = 0;  // nobody could be evicted, or only the probes' places were left
  std::uint64_t bodies = 0;       // requests refused for want of memory
  std::uint64_t answers = 0;      // answers that could not be kept
  std::uint64_t withheld = 0;     // ended in the middle of a body or an answer, for its memory
};

[[nodiscard]] std::string metrics_text(const Gateway& gateway, const ClientFigures& clients);

}  // namespace hunt::gateway
