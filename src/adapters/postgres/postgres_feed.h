// PostgresFeed: the change feed of one shard: a logical replication slot for the tiles, the ledger
// for the grants.
//
// Not the store. Tiles come from the stream, in commit order, also where somebody changed them with
// plain SQL. Grants are read from the ledger in the order of their cursors; the stream only says
// when. A lost slot or a promoted server is a gap: repair() raises the epoch. While nobody follows,
// the server keeps its log, up to its max_slot_wal_keep_size. One relay at a time holds it. A
// thread of its own; safe to call from any lane.
#pragma once
#include <memory>

#include "adapters/postgres/postgres_url.h"
#include "base/result.h"
#include "ports/change_feed.h"
#include "ports/clock.h"

namespace hunt::postgres {

class PostgresFeed final : public ports::ChangeFeed {
 public:
  // Begins to follow at once; what fails is told by the calls. The database is a store already.
  // Lifetime: `clock` outlives the feed.
  PostgresFeed(const PostgresUrl& url, const ports::Clock& clock);
  ~PostgresFeed() override;
  PostgresFeed(const PostgresFeed&) = delete;
  PostgresFeed& operator=(const PostgresFeed&) = delete;

  // Lets go of the slot; calls under way fail.
  void close();

  [[nodiscard]] boost::asio::awaitable<Result<model::FeedStart>> resume() override;
  [[nodiscard]] boost::asio::awaitable<Result<model::FeedCursor>> now() override;
  [[nodiscard]] boost::asio::awaitable<Result<model::ChangeBatch>> next(
      model::FeedCursor after, std::int64_t wait_ns) override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> secure(model::FeedCursor cursor) override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> confirm(model::FeedCursor cursor) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::FeedStart>> repair() override;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace hunt::postgres
