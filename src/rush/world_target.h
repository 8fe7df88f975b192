// WorldTarget: where `hunt world` works: a store, or a running server.
//
// Not a port: it blocks, one call at a time, and has only what that command needs. The two differ
// in who checks: a server knows the rules and refuses loot tables they do not have. One thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/spawn.h"
#include "node/store_url.h"

namespace hunt::rush {

struct BuryCount {
  std::uint64_t buried = 0;
  std::uint64_t unchanged = 0;  // their keys were known
};

class WorldTarget {
 public:
  virtual ~WorldTarget() = default;
  [[nodiscard]] virtual Result<std::vector<model::World>> worlds() = 0;
  [[nodiscard]] virtual Result<model::World> create(model::WorldId id, const std::string& name) = 0;
  // What is going to be buried in a world: shards without any loot yet get about as much each.
  [[nodiscard]] virtual Result<void> expect(model::WorldId world,
                                            std::vector<model::TileId> tiles) = 0;
  // How many burials it takes at a time.
  [[nodiscard]] virtual std::size_t burials_max() const noexcept = 0;
  // It may be several requests, each of them all or nothing: `count` grows by what those did that
  // happened, also where another one failed. Errors that are about one burial name its place with
  // the field "tiles[3]…".
  [[nodiscard]] virtual Result<void> bury(model::WorldId world, std::vector<model::Burial> burials,
                                          BuryCount& count) = 0;
  // All tiles with a spawn, by tile id, a page at a time.
  [[nodiscard]] virtual Result<model::TilePage> list(model::WorldId world, model::TileId from) = 0;
  [[nodiscard]] virtual Result<model::WorldStats> stats(model::WorldId world) = 0;
  // What places and rolls follow from; secret. Errors: unsupported (a server does not tell it),
  // unauthorized (the store's user may not read it).
  [[nodiscard]] virtual Result<std::vector<std::uint8_t>> event_seed() = 0;
};

// Makes the place that an error of a part names, "tiles[3]…", one of the whole.
void move_place(Error& error, std::size_t part_begins);

// The stores of all shards, as in node::check_stores(). With `read_only` they must be there
// already.
[[nodiscard]] Result<std::unique_ptr<WorldTarget>> open_store_target(
    const std::vector<node::StoreUrl>& stores, bool read_only);
// `url`: "http://host[:port]". Nothing is sent yet.
[[nodiscard]] std::unique_ptr<WorldTarget> make_http_target(std::string url, std::string token);

}  // namespace hunt::rush
