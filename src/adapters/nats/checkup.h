// check_up(): whether NATS, its JetStream and the streams of the hunt in it are as they must be.
//
// Nothing is made or changed (stream_setup.h does that). Blocking, over connections of its own; no
// answer is waited for longer than a few seconds.
#pragma once
#include <string>
#include <vector>

#include "adapters/nats/nats_options.h"
#include "ports/clock.h"
#include "ports/findings.h"

namespace hunt::nats {

// `shards` as for Connection::prepare().
[[nodiscard]] std::vector<ports::Finding> check_up(const NatsOptions& options,
                                                   const std::vector<std::string>& shards,
                                                   const ports::Clock& clock);

}  // namespace hunt::nats
