// Reader: every read that is neither a chunk nor the feed: grants, tiles, worlds, the ledger.
//
// Not fast on large stores where it has to see all of it (world_stats, read_ledger). Thread: one,
// that of its connection.
#pragma once
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "adapters/sqlite/connection.h"
#include "model/claim.h"
#include "model/spawn.h"
#include "ports/clock.h"
#include "ports/ledger.h"
#include "ports/store_care.h"

namespace hunt::sqlite {

class Reader {
 public:
  Reader(Connection& connection, const ports::Clock& clock);

  [[nodiscard]] Result<std::optional<model::Grant>> find_grant(model::ClaimId claim);
  [[nodiscard]] Result<model::GrantPage> grants_after(std::uint64_t cursor, std::uint32_t limit);
  [[nodiscard]] Result<model::GrantsFound> find_grants(const model::GrantSearch& search);
  [[nodiscard]] Result<model::TilePage> list_tiles(model::WorldId world,
                                                   const model::TileRect& rect, model::TileId from,
                                                   std::uint32_t limit);
  [[nodiscard]] Result<std::vector<model::World>> worlds();
  [[nodiscard]] Result<model::WorldStats> world_stats(model::WorldId world);
  [[nodiscard]] Result<std::vector<model::TableCount>> open_tables();
  [[nodiscard]] Result<void> read_ledger(ports::LedgerVisitor& visitor);
  [[nodiscard]] Result<ports::StoreInfo> info();
  [[nodiscard]] Result<ports::StoreSecrets> secrets();

 private:
  [[nodiscard]] Result<void> read_spawns(ports::LedgerVisitor& visitor);
  [[nodiscard]] Error lost_identity() const;
  [[nodiscard]] Result<void> require_world(model::WorldId world);
  [[nodiscard]] Result<void> count_grants();
  [[nodiscard]] Result<std::int64_t> grant_time(std::uint64_t cursor);

  Connection& connection_;
  const ports::Clock& clock_;
  Statement world_;
  Statement grant_;
  Statement grants_;
  Statement grant_ends_;
  Statement grant_time_;
  Statement grants_of_player_;
  Statement grants_of_spawn_;
  Statement tiles_;
  Statement worlds_;
  Statement stock_of_tiles_;
  Statement grant_counts_;
  Statement open_tables_;
  Statement open_spawns_;
  Statement done_spawns_;
  Statement lone_stock_;
  Statement ledger_;
  Statement info_;
  Statement secrets_;
  // The ledger only grows: it is counted from where the last count ended.
  std::uint64_t counted_to_ = 0;
  std::unordered_map<model::WorldId, std::uint64_t> granted_;  // by world, up to there
};

}  // namespace hunt::sqlite
