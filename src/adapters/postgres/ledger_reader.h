// Long reads of one snapshot, each over a connection of its own that is closed after it.
//
// Not for lanes: blocking. Rows come one by one, so memory does not grow with the ledger.
#pragma once
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "adapters/postgres/interrupt.h"
#include "adapters/postgres/postgres_url.h"
#include "base/result.h"
#include "model/spawn.h"
#include "ports/ledger.h"

namespace hunt::postgres {

[[nodiscard]] Result<model::GrantsFound> find_grants(const PostgresUrl& url,
                                                     const model::GrantSearch& search,
                                                     Interrupt& interrupt);
[[nodiscard]] Result<void> read_ledger(const PostgresUrl& url, ports::LedgerVisitor& visitor,
                                       Interrupt& interrupt);
// The ledger only grows, so its rows are counted from where the last count ended.
struct CountedGrants {
  std::uint64_t to = 0;  // a settled cursor
  std::unordered_map<model::WorldId, std::uint64_t> by_world;
};
[[nodiscard]] Result<std::vector<model::TableCount>> open_tables(
    const PostgresUrl& url, std::optional<std::int64_t> test_now_us, Interrupt& interrupt);
// Errors: not_found (the world).
[[nodiscard]] Result<model::WorldStats> world_stats(const PostgresUrl& url, model::WorldId world,
                                                    std::optional<std::int64_t> test_now_us,
                                                    CountedGrants& counted, Interrupt& interrupt);

}  // namespace hunt::postgres
