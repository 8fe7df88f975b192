// WorldStore: worlds, their loot and what a claim on it came to, and which shard has which part:
// for whoever buries, lists and asks.
//
// Not for lanes (ports/lane_store.h). Errors and threads: ports/hunt_store.h.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/call_times.h"
#include "model/claim.h"
#include "model/shard_map.h"
#include "model/spawn.h"

namespace hunt::ports {

class WorldStore {
 public:
  virtual ~WorldStore() = default;

  // Buries in one transaction, all or nothing. A tile with a spawn is re-buried: new spawn id, the
  // old stock moves to spawns_done. Errors: not_found (the world). Results in order.
  // Bound: limits::tiles_per_request_max.
  [[nodiscard]] virtual boost::asio::awaitable<Result<std::vector<model::Buried>>> bury(
      model::WorldId world, std::vector<model::Burial> burials) = 0;

  // Closes the spawns on these tiles now; returns how many were open. Unknown tiles are not errors.
  [[nodiscard]] virtual boost::asio::awaitable<Result<std::uint64_t>> close_tiles(
      model::WorldId world, std::vector<model::Tile> tiles) = 0;

  // Rows with a spawn inside `rect`, by tile id, from `from` on. Bound: limits::tiles_per_page_max.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::TilePage>> list_tiles(
      model::WorldId world, model::TileRect rect, model::TileId from, std::uint32_t limit) = 0;

  // The ledger's row of a claim, aborted ones too; nothing means "not yet".
  [[nodiscard]] virtual boost::asio::awaitable<Result<std::optional<model::Grant>>> find_grant(
      model::ClaimId claim) = 0;

  // Next to nothing, for its round trip; and, where the store can tell, what other calls do there.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::StoreDoing>> doing();

  [[nodiscard]] virtual boost::asio::awaitable<Result<std::vector<model::World>>> worlds() = 0;
  // Creates, or returns the existing one when id and name match. `id` 0: the next free one.
  // Errors: already_exists (the id or the name is another world's).
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::World>> create_world(
      model::WorldId id, std::string name) = 0;
  // Exact, of one snapshot: reads all tiles of the world.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::WorldStats>> world_stats(
      model::WorldId world) = 0;
  // For whoever looks again and again: perhaps of a while ago (age_ns).
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::WorldStats>> recent_world_stats(
      model::WorldId world);

  // The map kept in this shard, the same in all of them. A store that keeps none is the only one.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::ShardMap>> shard_map();
  // Errors: already_exists (that version or a newer one is there), invalid_argument (loot lies in
  // what this shard would give away), unsupported (this store keeps no map).
  [[nodiscard]] virtual boost::asio::awaitable<Result<void>> set_shard_map(model::ShardMap map);
};

}  // namespace hunt::ports
