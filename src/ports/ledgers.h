// Ledgers: the ledgers of all shards, read as one.
//
// Not an order among them: each ledger has its own, and a page holds a part of each. Who reads them
// keeps a LedgerPlace, whose text is `next` of GET /v1/grants and of the stream. It says whose
// ledger it is a place in and which row stands there, because a store that was replaced or restored
// gives the same numbers to other grants.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/claim.h"
#include "ports/ledger.h"

namespace hunt::ports {

// A place in one ledger: after the row at `cursor`; 0 is its beginning.
struct LedgerCursor {
  std::uint64_t cursor = 0;
  std::uint32_t ledger = 0;  // short_id() of the ledger; 0: not said
  std::uint32_t mark = 0;    // mark_of() the row at `cursor`; 0: not said
  friend bool operator==(const LedgerCursor&, const LedgerCursor&) = default;
};

[[nodiscard]] std::uint32_t short_id(model::LedgerId ledger) noexcept;
// Another grant, and the same one given again after a restore, have another mark.
[[nodiscard]] std::uint32_t mark_of(model::ClaimId claim, std::int64_t at_us) noexcept;

// A cursor of each ledger, by shard. Text: numbers with dots between them. One that begins with 0
// and goes on is what the cursor before it says of its ledger and its row: "17.0684512347". Plain
// cursors, "17" or "17.562949953421", say nothing of these.
struct LedgerPlace {
  std::vector<LedgerCursor> cursors;

  [[nodiscard]] std::string text() const;
  // The text of fewer ledgers means the beginning of the others: shards may have been added.
  // Errors: invalid_argument (`after`).
  [[nodiscard]] static Result<LedgerPlace> parse(std::string_view text, std::size_t ledgers);
};

struct CheckedPlace {
  LedgerPlace place;    // with the ids of the ledgers
  std::string refusal;  // a sentence when it is no place in these ledgers, or not any more
};

// Whether `place` is a place in these ledgers: not of another one, not ahead of it, and the row is
// the one that the place says. What cannot be read now is not checked. Lifetime: the stores outlive
// the call. Requires: as many cursors as stores.
[[nodiscard]] boost::asio::awaitable<CheckedPlace> check_place(std::vector<Ledger*> stores,
                                                               LedgerPlace place);

struct LedgersPage {
  std::vector<model::Grant> grants;  // of each ledger in its order; none: nothing is new
  LedgerPlace next;
};

// Bound: limits::grants_per_page_max grants. A shard that cannot be read stays where it is while
// others have news. Errors: those of Ledger::grants_after() when no other ledger has any.
// Lifetime: the stores outlive the call. Requires: as many cursors as stores.
[[nodiscard]] boost::asio::awaitable<Result<LedgersPage>> read_ledgers(std::vector<Ledger*> stores,
                                                                       LedgerPlace after,
                                                                       std::uint32_t limit);

// The place after all that is decided by now. Errors: those of Ledger::info().
[[nodiscard]] boost::asio::awaitable<Result<LedgerPlace>> end_of_ledgers(
    std::vector<Ledger*> stores);

}  // namespace hunt::ports
