// TileWriter: burials, closing and worlds, inside the writer's transaction.
//
// Not the checks of names against rules: those are the callers'. Thread: the writer's.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/ranges.h"
#include "model/hunt.h"
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
  [[nodiscard]] Result<void> join_hunt(const model::Hunt& hunt, const model::HuntKey& key);

 private:
  // One request on its way: what it buries on tiles without a row waits for others of its kind.
  struct Request {
    struct Fresh {
      model::TileId tile;
      model::SpawnId spawn = 0;
      const model::Burial* burial = nullptr;
    };
    model::WorldId world = 0;
    std::int64_t now_us = 0;
    Ranges::Epochs owned;
    model::SpawnId next_spawn = 0;
    std::vector<Fresh> fresh;
  };
  [[nodiscard]] Result<void> require_world(model::WorldId world);
  [[nodiscard]] Result<model::SpawnId> next_spawn();
  [[nodiscard]] Result<model::Buried> bury_one(Request& request, const model::Burial& burial);
  [[nodiscard]] Result<void> bury_again(const Request& request, const Request::Fresh& one);
  [[nodiscard]] Result<void> insert(Request& request);

  Connection& connection_;
  const ports::Clock& clock_;
  Ranges ranges_;
  Statement world_;
  Statement known_key_;
  Statement next_spawn_;
  Statement has_row_;
  Statement new_stock_;
  Statement update_tile_;
  Statement insert_tile_;
  Statement new_stocks_;    // of many
  Statement insert_tiles_;  // of many
  Statement remember_key_;
  Statement close_tile_;
  Statement conflicting_worlds_;
  Statement last_world_;
  Statement insert_world_;
  Statement hunt_;
  Statement join_hunt_;
};

}  // namespace hunt::sqlite
