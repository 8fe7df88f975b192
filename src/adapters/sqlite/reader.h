// Reader: every read that is neither a chunk nor the feed: grants, tiles, worlds, the ledger.
//
// Not fast on large stores where it has to see all of it (world_stats, read_ledger). Thread: one,
// that of its connection.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "adapters/sqlite/connection.h"
#include "model/claim.h"
#include "model/spawn.h"
#include "ports/clock.h"
#include "ports/hunt_store.h"

namespace hunt::sqlite {

class Reader {
 public:
  Reader(Connection& connection, const ports::Clock& clock);

  [[nodiscard]] Result<std::optional<model::Grant>> find_grant(model::ClaimId claim);
  [[nodiscard]] Result<model::GrantPage> grants_after(std::uint64_t cursor, std::uint32_t limit);
  [[nodiscard]] Result<model::TilePage> list_tiles(model::WorldId world,
                                                   const model::TileRect& rect, model::TileId from,
                                                   std::uint32_t limit);
  [[nodiscard]] Result<std::vector<model::World>> worlds();
  [[nodiscard]] Result<model::WorldStats> world_stats(model::WorldId world);
  [[nodiscard]] Result<void> read_ledger(ports::LedgerVisitor& visitor);
  [[nodiscard]] Result<ports::StoreInfo> info();

 private:
  [[nodiscard]] Result<void> require_world(model::WorldId world);

  Connection& connection_;
  const ports::Clock& clock_;
  Statement world_;
  Statement grant_;
  Statement grants_;
  Statement tiles_;
  Statement worlds_;
  Statement stock_of_tiles_;
  Statement grant_count_;
  Statement open_spawns_;
  Statement done_spawns_;
  Statement ledger_;
  Statement info_;
};

}  // namespace hunt::sqlite
