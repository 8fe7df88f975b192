// Ledger: all grants of one shard in their order, for streams, pages and audits.
//
// Not for the news of a moment (ports/change_feed.h), and not several as one (ports/ledgers.h).
// Errors and threads: ports/hunt_store.h.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>

#include "base/result.h"
#include "model/claim.h"
#include "model/hunt.h"
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
  model::SeedId seed = 0;        // of the event seed that is kept with the store
  std::uint64_t ledger_end = 0;  // nothing will come at or before this cursor any more
  model::Hunt hunt;              // whose it is
  model::LedgerId ledger;
  // Grants up to this cursor were told; nothing: nobody ever followed the ledger. What was told in
  // the last second or two may not be counted yet.
  std::optional<std::uint64_t> told;
};

class Ledger {
 public:
  virtual ~Ledger() = default;

  // Whose ledger it is, of which history, and how far it goes.
  [[nodiscard]] virtual boost::asio::awaitable<Result<StoreInfo>> info() = 0;

  // Granted rows after `cursor` in ledger order. Bound: limits::grants_per_page_max.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::GrantPage>> grants_after(
      std::uint64_t cursor, std::uint32_t limit) = 0;

  // Rows by player or spawn, newest first: the newest limits::grants_searched_max rows of the time
  // that is asked for are looked at one by one, since no index of the ledger has either.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::GrantsFound>> find_grants(
      model::GrantSearch search) = 0;

  // Shows one consistent snapshot of every spawn and every ledger row to `visitor`.
  // Lifetime: the visitor outlives the call.
  [[nodiscard]] virtual boost::asio::awaitable<Result<void>> read_ledger(
      LedgerVisitor& visitor) = 0;
};

}  // namespace hunt::ports
