// ChangeFeed: what was committed to one store, in commit order, at least once.
//
// Not a cache and not the bus: the relay (service/relay.h) reads it and tells the others. Sees
// changes made by any writer, plain SQL too. One relay at a time holds a feed; a standby asks
// resume() until it gets it. Every call may fail with: unavailable, io, and epoch_stale once the
// caller does not hold the feed any more (resume() again). Implementations: SqliteStore.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>

#include "base/result.h"
#include "model/change.h"

namespace hunt::ports {

class ChangeFeed {
 public:
  virtual ~ChangeFeed() = default;

  // Takes the feed. Goes on after what was confirmed last, which is kept; where nothing ever was,
  // tiles from now and grants from the start of the ledger: nobody waits for the first relay.
  // Errors: unavailable also while another relay holds it.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::FeedStart>> resume() = 0;

  // The cursor of what is committed now: start here to see only what comes.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::FeedCursor>> now() = 0;

  // What follows `after`: waits up to `wait_ns` for something, then returns an empty batch.
  // Bound: 4,096 tiles and 4,096 grants a batch; more is left for the next call. Suspends: yes.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::ChangeBatch>> next(
      model::FeedCursor after, std::int64_t wait_ns) = 0;

  // The synchronous barrier of PROTOCOLS 8: returns once all up to `cursor` survives a failover.
  // A wait that was cancelled is an error: the commits may still be lost.
  [[nodiscard]] virtual boost::asio::awaitable<Result<void>> secure(model::FeedCursor cursor) = 0;

  // All up to `cursor` was told: resume() need not go back behind it. May be forgotten in a crash,
  // then a little is told again.
  [[nodiscard]] virtual boost::asio::awaitable<Result<void>> confirm(model::FeedCursor cursor) = 0;

  // After a gap: makes what a feed needs anew and raises the epoch of the store and its ranges, in
  // one transaction. Returns where to go on. Tiles changed before that cursor are not told: copies
  // of earlier epochs are void. Grants are told from where they were confirmed, or from the start.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::FeedStart>> repair() = 0;
};

}  // namespace hunt::ports
