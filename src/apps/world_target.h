// WorldTarget: where `hunt world` works: a store, or a running server.
//
// Not a port: it blocks, one call at a time, and has only what that command needs. The two differ
// in who checks: a server knows the rules and refuses loot tables they do not have. One thread.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/spawn.h"

namespace hunt::apps {

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
                                            const std::vector<model::Burial>& burials) = 0;
  // Bound: limits::tiles_per_request_max. Of several requests, those before an error have happened:
  // `count` grows by what each did.
  [[nodiscard]] virtual Result<void> bury(model::WorldId world, std::vector<model::Burial> burials,
                                          BuryCount& count) = 0;
  // All tiles with a spawn, by tile id, a page at a time.
  [[nodiscard]] virtual Result<model::TilePage> list(model::WorldId world, model::TileId from) = 0;
  [[nodiscard]] virtual Result<model::WorldStats> stats(model::WorldId world) = 0;
};

// The stores of all shards, as in check_store_urls(). With `read_only` they must be there already.
[[nodiscard]] Result<std::unique_ptr<WorldTarget>> open_store_target(
    const std::vector<std::string>& store_urls, bool read_only);
// `url`: "http://host[:port]". Nothing is sent yet.
[[nodiscard]] std::unique_ptr<WorldTarget> make_http_target(std::string url, std::string token);

}  // namespace hunt::apps
