// Long reads of one snapshot, each over a connection of its own that is closed after it.
//
// Not for lanes: blocking. Rows come one by one, so memory does not grow with the ledger.
#pragma once
#include <cstdint>
#include <optional>

#include "adapters/postgres/postgres_url.h"
#include "base/result.h"
#include "model/spawn.h"
#include "ports/hunt_store.h"

namespace hunt::postgres {

[[nodiscard]] Result<void> read_ledger(const PostgresUrl& url, ports::LedgerVisitor& visitor);
// Errors: not_found (the world).
[[nodiscard]] Result<model::WorldStats> world_stats(const PostgresUrl& url, model::WorldId world,
                                                    std::optional<std::int64_t> test_now_us);

}  // namespace hunt::postgres
