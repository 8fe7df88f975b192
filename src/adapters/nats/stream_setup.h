// The streams and consumers of the hunt in JetStream: made where they are missing, else verified.
//
// Not their use (nats_bus.h, nats_stream.h). Blocks, over a connection of its own: run it on a
// thread that may wait.
#pragma once
#include <string>
#include <vector>

#include "adapters/nats/connection.h"

namespace hunt::nats {

// Errors: as Connection::prepare().
[[nodiscard]] Result<void> set_up_streams(const NatsOptions& options, const ServerList& servers,
                                          const StreamSettings& settings,
                                          const std::vector<std::string>& shards);

}  // namespace hunt::nats
