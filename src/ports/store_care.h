// StoreCare: what a process that stands on a store sees to: whose it is, its secrets, and whether
// it can grant.
//
// Not a repair of its data. Errors and threads: ports/hunt_store.h.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "model/hunt.h"
#include "model/spawn.h"

namespace hunt::ports {

// Never logged, and not for whoever only reads.
struct StoreSecrets {
  std::vector<std::uint8_t> seed_bytes;  // 32 bytes, secret until revealed; none for a relay's user
  model::HuntKey hunt_key{};             // the same in all shards of a hunt
};

class StoreCare {
 public:
  virtual ~StoreCare() = default;

  // Errors: unauthorized (the store's user may only read).
  [[nodiscard]] virtual boost::asio::awaitable<Result<StoreSecrets>> secrets() = 0;
  // The store is that hunt's from here on. With a name it is for ever; until then it may be
  // another's. Errors: already_exists (it is named otherwise, or another hunt's).
  [[nodiscard]] virtual boost::asio::awaitable<Result<void>> join_hunt(model::Hunt hunt,
                                                                       model::HuntKey key) = 0;

  // Whether claims can be granted now, with all that this stands on: rights, tables, triggers,
  // functions, connections, room to write. Makes anew what is missing and may be made by this user;
  // that is told as an error, too, once. Errors: what is wrong.
  [[nodiscard]] virtual boost::asio::awaitable<Result<void>> verify() { co_return Result<void>{}; }
  // Open spawns of all worlds, by table, in the order of their names. Reads all tiles.
  // Bound: limits::tables_counted_max.
  [[nodiscard]] virtual boost::asio::awaitable<Result<std::vector<model::TableCount>>>
  open_tables() {
    co_return std::vector<model::TableCount>{};
  }
};

}  // namespace hunt::ports
