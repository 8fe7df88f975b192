// check_up(): whether a PostgreSQL server, the database in it and the user of --store suit a hunt.
//
// Not an audit of the ledger (hunt audit). With selects only, and with as many connections as `hunt
// serve` keeps, for a moment; no answer is waited for longer than a few seconds. What the user may
// not see is said, not guessed.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "adapters/postgres/data_api_url.h"
#include "adapters/postgres/postgres_url.h"
#include "ports/clock.h"
#include "ports/findings.h"

namespace hunt::postgres {

// The database stands at place `shard` of `shard_count` --store flags. `tables`: those of the
// rules, to see loot that has none; none: nobody looks.
[[nodiscard]] std::vector<ports::Finding> check_up(const PostgresUrl& url, std::uint32_t shard,
                                                   std::uint32_t shard_count,
                                                   const ports::Clock& clock,
                                                   const std::vector<std::string>& tables = {});
// The same over a Data API.
[[nodiscard]] std::vector<ports::Finding> check_up(const DataApiUrl& url, std::uint32_t shard,
                                                   std::uint32_t shard_count,
                                                   const ports::Clock& clock,
                                                   const std::vector<std::string>& tables = {});

}  // namespace hunt::postgres
