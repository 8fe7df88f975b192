// The gateway's answer to /v1/why: where the time of its requests goes, as `hunt why` shows it.
//
// Not the orchestrator's (engine/attribution.h): a request has three parts here, and one thread.
// The shape of the answer is the same. Thread: the gateway's.
#pragma once
#include <chrono>
#include <string>

#include "gateway/gateway.h"

namespace hunt::gateway {

// JSON, of the last ten seconds.
[[nodiscard]] std::string why_body(const Gateway& gateway,
                                   std::chrono::steady_clock::time_point now);

}  // namespace hunt::gateway
