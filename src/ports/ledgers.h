// Ledgers: the ledgers of all shards, read as one.
//
// Not an order among them: each ledger has its own, and a page holds a part of each. Who reads them
// keeps a LedgerPlace, whose text is `next` of GET /v1/grants and of the stream.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/claim.h"
#include "ports/hunt_store.h"

namespace hunt::ports {

// A cursor of each ledger, by shard; 0 is its beginning. Text: "17", or of several
// "17.562949953421".
struct LedgerPlace {
  std::vector<std::uint64_t> cursors;

  [[nodiscard]] std::string text() const;
  // The text of fewer ledgers means the beginning of the others: shards may have been added.
  // Errors: invalid_argument (`after`).
  [[nodiscard]] static Result<LedgerPlace> parse(std::string_view text, std::size_t ledgers);
};

struct LedgersPage {
  std::vector<model::Grant> grants;  // of each ledger in its order; none: nothing is new
  LedgerPlace next;
};

// Bound: limits::grants_per_page_max grants. A shard that cannot be read stays where it is while
// others have news. Errors: those of HuntStore::grants_after() when no other ledger has any.
// Lifetime: the stores outlive the call. Requires: as many cursors as stores.
[[nodiscard]] boost::asio::awaitable<Result<LedgersPage>> read_ledgers(
    std::vector<HuntStore*> stores, LedgerPlace after, std::uint32_t limit);

// The place after all that is decided by now. Errors: those of HuntStore::info().
[[nodiscard]] boost::asio::awaitable<Result<LedgerPlace>> end_of_ledgers(
    std::vector<HuntStore*> stores);

}  // namespace hunt::ports
