// Long reads of one snapshot, each over a conversation of its own that is closed after it.
//
// Not for lanes: blocking. Rows come one by one, so memory does not grow with the ledger.
#pragma once
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "adapters/postgres/conversation.h"
#include "base/result.h"
#include "model/spawn.h"
#include "ports/ledger.h"

namespace hunt::postgres {

[[nodiscard]] Result<model::GrantsFound> find_grants(Conversation& talk,
                                                     const model::GrantSearch& search);
[[nodiscard]] Result<void> read_ledger(Conversation& talk, ports::LedgerVisitor& visitor);
// The ledger only grows, so its rows are counted from where the last count ended.
struct CountedGrants {
  std::uint64_t to = 0;  // a settled cursor
  std::unordered_map<model::WorldId, std::uint64_t> by_world;
};
[[nodiscard]] Result<std::vector<model::TableCount>> open_tables(
    Conversation& talk, std::optional<std::int64_t> test_now_us);
// Errors: not_found (the world).
[[nodiscard]] Result<model::WorldStats> world_stats(Conversation& talk, model::WorldId world,
                                                    std::optional<std::int64_t> test_now_us,
                                                    CountedGrants& counted);

}  // namespace hunt::postgres
