// ChangeFeed: what was committed to one store, in commit order, at least once.
//
// Not a cache and not the bus: the relay (service/relay.h) reads it and tells the others. Sees
// changes made by any writer, plain SQL too. Implementations: SqliteStore.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>

#include "base/result.h"
#include "model/change.h"

namespace hunt::ports {

class ChangeFeed {
 public:
  virtual ~ChangeFeed() = default;

  // The cursor of what is committed now: start here to see only what comes.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::FeedCursor>> now() = 0;

  // What follows `after`: waits up to `wait_ns` for something, then returns an empty batch.
  // Bound: 4,096 tiles and 4,096 grants a batch; more is left for the next call.
  // Errors: unavailable, io. Suspends: yes.
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::ChangeBatch>> next(
      model::FeedCursor after, std::int64_t wait_ns) = 0;
};

}  // namespace hunt::ports
