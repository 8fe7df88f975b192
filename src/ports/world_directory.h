// WorldDirectory: a store's worlds by id and by name, kept in memory and read again when one is not
// among them.
//
// Not the worlds' tiles, and not what a lane knows of ids: it asks the shard that a batch is of,
// once a second at most, because anybody may send any id. Worlds are never renamed or removed, so a
// hit needs no check. Thread: the lane's.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <vector>

#include "model/world_ref.h"
#include "ports/world_store.h"

namespace hunt::ports {

class WorldDirectory {
 public:
  // Lifetime: the store outlives this.
  explicit WorldDirectory(WorldStore& store) : store_(store) {}

  // Errors: not_found, naming the nearest; those of the store. Suspends: when it is not known yet.
  [[nodiscard]] boost::asio::awaitable<Result<model::World>> find(model::WorldRef ref);

  // nullptr: not known yet. Until the next find().
  [[nodiscard]] const model::World* known(const model::WorldRef& ref) const noexcept;

 private:
  WorldStore& store_;
  std::vector<model::World> worlds_;
};

}  // namespace hunt::ports
