// TileWriter: burials, closing and worlds, inside the writer's transaction.
//
// Not the checks of names against rules: those are the callers'. Thread: the writer's.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/ranges.h"
#include "model/spawn.h"
#include "ports/clock.h"

namespace hunt::sqlite {

class TileWriter {
 public:
  TileWriter(Connection& connection, const ports::Clock& clock);

  [[nodiscard]] Result<std::vector<model::Buried>> bury(model::WorldId world,
                                                        const std::vector<model::Burial>& burials);
  [[nodiscard]] Result<std::uint64_t> close(model::WorldId world,
                                            const std::vector<model::Tile>& tiles);
  [[nodiscard]] Result<model::World> create_world(model::WorldId id, const std::string& name);

 private:
  [[nodiscard]] Result<void> require_world(model::WorldId world);
  [[nodiscard]] Result<model::Buried> bury_one(model::WorldId world, const model::Burial& burial,
                                               std::int64_t now_us);
  [[nodiscard]] Result<model::SpawnId> bury_spawn(model::WorldId world, model::TileId tile,
                                                  const model::Burial& burial, std::int64_t now_us);

  Connection& connection_;
  const ports::Clock& clock_;
  Ranges ranges_;
  Statement world_;
  Statement known_key_;
  Statement new_stock_;
  Statement update_tile_;
  Statement insert_tile_;
  Statement remember_key_;
  Statement close_tile_;
  Statement conflicting_worlds_;
  Statement last_world_;
  Statement insert_world_;
};

}  // namespace hunt::sqlite
