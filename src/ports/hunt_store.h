// HuntStore: the truth. Tiles, stock, ledger and worlds of one shard, and the map of all shards.
//
// Not a cache, and the only part that decides a grant. Safe to call from any lane's coroutine; the
// caller is resumed on its own executor. Every call may fail with: unavailable, overloaded (its
// queue is full), io, corrupt; writes also with disk_full (nothing was written), unknown_outcome
// and epoch_stale (the server was promoted and its relay has not raised the epoch yet).
// Implementations: SqliteStore. The contract is ports/hunt_store_contract.h, run over every one.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/claim.h"
#include "model/shard_map.h"
#include "model/spawn.h"

namespace hunt::ports {

// Receives a whole snapshot of the ledger, on the store's own thread: it must not call the store.
class LedgerVisitor {
 public:
  struct Spawn {
    model::SpawnId spawn = 0;
    model::WorldId world = 0;  // 0 when the spawn is done: its tile has another one now
    model::TileId tile;
    std::uint32_t budget = 0;
    std::int64_t remaining = 0;
    bool done = false;      // re-buried since
    bool sold_out = false;  // as the tile says; false when done
  };
  virtual ~LedgerVisitor() = default;
  virtual void on_spawn(const Spawn& spawn) = 0;         // every spawn, before any grant
  virtual void on_grant(const model::Grant& grant) = 0;  // every row, aborted ones too
};

struct StoreInfo {
  std::uint32_t shard = 0;
  std::uint64_t epoch = 0;
  model::SeedId seed = 0;                // the event seed kept with the store
  std::vector<std::uint8_t> seed_bytes;  // 32 bytes; secret until revealed: never logged
  std::uint64_t ledger_end = 0;          // nothing will come at or before this cursor any more
};

class HuntStore {
 public:
  virtual ~HuntStore() = default;

  // The rows of each chunk, in the order of `keys`, with the epochs of their ranges (0: not owned
  // here), all from one snapshot of the primary.
  // Bound: limits::chunks_per_load_max keys.
  [[nodiscard]] virtual boost::asio::awaitable<Result<std::vector<model::ChunkRows>>> load_chunks(
      std::vector<model::ChunkKey> keys) = 0;

  // PROTOCOLS 4: one transaction; verdicts in the order of the claims; the same claims again give
  // the same grants. Committed (durably) when it returns a value; after an error nothing is known
  // to have happened (unknown_outcome) or nothing has (any other code): call again with the same.
  // Bound: limits::claims_per_call_max claims.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::GrantCall>> grant_claims(
      std::vector<model::Claim> claims) = 0;

  // The ledger's row of a claim, aborted ones too; nothing means "not yet".
  [[nodiscard]] virtual boost::asio::awaitable<Result<std::optional<model::Grant>>> find_grant(
      model::ClaimId claim) = 0;

  // Granted rows after `cursor` in ledger order. Bound: limits::grants_per_page_max.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::GrantPage>> grants_after(
      std::uint64_t cursor, std::uint32_t limit) = 0;

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

  [[nodiscard]] virtual boost::asio::awaitable<Result<std::vector<model::World>>> worlds() = 0;
  // Creates, or returns the existing one when id and name match. `id` 0: the next free one.
  // Errors: already_exists (the id or the name is another world's).
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::World>> create_world(
      model::WorldId id, std::string name) = 0;
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::WorldStats>> world_stats(
      model::WorldId world) = 0;

  // Shows one consistent snapshot of every spawn and every ledger row to `visitor`.
  // Lifetime: the visitor outlives the call.
  [[nodiscard]] virtual boost::asio::awaitable<Result<void>> read_ledger(
      LedgerVisitor& visitor) = 0;

  [[nodiscard]] virtual boost::asio::awaitable<Result<StoreInfo>> info() = 0;

  // The map kept in this shard, the same in all of them. A store that keeps none is the only one.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::ShardMap>> shard_map();
  // Errors: already_exists (that version or a newer one is there), invalid_argument (loot lies in
  // what this shard would give away), unsupported (this store keeps no map).
  [[nodiscard]] virtual boost::asio::awaitable<Result<void>> set_shard_map(model::ShardMap map);
};

}  // namespace hunt::ports
