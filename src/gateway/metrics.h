// The gateway's figures as Prometheus text. Names are those of docs/DATA_API.md.
//
// Not the orchestrator's (adapters/http/metrics_text.h). One snapshot in, one page of text out.
#pragma once
#include <cstddef>
#include <string>

#include "gateway/gateway.h"

namespace hunt::gateway {

[[nodiscard]] std::string metrics_text(const Gateway& gateway, std::size_t clients);

}  // namespace hunt::gateway
