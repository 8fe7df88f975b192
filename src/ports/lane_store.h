// LaneStore: what a lane asks of the store of one shard: chunks to answer from, and claims.
//
// Not a cache, and the only part that decides a grant. Errors and threads: ports/hunt_store.h.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <vector>

#include "base/result.h"
#include "model/claim.h"
#include "model/spawn.h"

namespace hunt::ports {

class LaneStore {
 public:
  virtual ~LaneStore() = default;

  // The rows of each chunk, in the order of `keys`, with the epochs of their ranges (0: not owned
  // here), all from one snapshot of the primary.
  // Bound: limits::chunks_per_load_max keys.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::LoadCall>> load_chunks(
      std::vector<model::ChunkKey> keys) = 0;

  // PROTOCOLS 4: one transaction; verdicts in the order of the claims; the same claims again give
  // the same grants. Claims that were rolled by other rules than the store has in force
  // are answered `stale`. Committed (durably) when it returns a value; after an error nothing is
  // known to have happened (unknown_outcome) or nothing has (any other code): call again with the
  // same. Bound: limits::claims_per_call_max claims.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::GrantCall>> grant_claims(
      std::vector<model::Claim> claims) = 0;

  // What the ledger says of these claims, and nothing is decided: `granted` (a repeat), `expired`,
  // or `nothing` where it has no row. Moved ranges answer `moved`, as with grant_claims. Sees all
  // that was committed when it was asked. Only id, world and tile of the claims count.
  // Bound: limits::claims_per_call_max claims.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::GrantCall>> look_up_claims(
      std::vector<model::Claim> claims) = 0;
};

}  // namespace hunt::ports
