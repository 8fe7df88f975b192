// Relay: from one store's change feed to invalidations, cache rows and told grants (PROTOCOLS 8).
//
// Not a cache and not the authority. "Told granted" implies "in the ledger", because grants are
// told from what was committed and survives a failover. Tells at least once; who credits items does
// so by claim id. Several relays may run for one store: only the one that holds the feed works.
// Silence of the feed stops the heartbeat, and lanes then stop trusting old copies by themselves.
// Thread: its lane's.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <deque>

#include "ports/bus.h"
#include "ports/change_feed.h"
#include "ports/clock.h"
#include "ports/tile_cache.h"
#include "service/task_group.h"

namespace hunt::service {

struct RelayOptions {
  model::ShardId shard = 0;
  std::uint64_t identity = 1;  // new at each start of a relay
};

class Relay {
 public:
  // `cache` may be nullptr.
  Relay(RelayOptions options, ports::ChangeFeed& feed, ports::Bus& bus, ports::TileCache* cache,
        const ports::Clock& clock, ports::Timer& timer, boost::asio::any_io_executor lane);

  // Takes the feed, or keeps trying to in the background. Errors: those of the first try.
  [[nodiscard]] boost::asio::awaitable<Result<void>> start();
  // Tells what is committed by now, for at most five seconds, then stops.
  [[nodiscard]] boost::asio::awaitable<void> drain();

  [[nodiscard]] bool holds_feed() const noexcept { return holding_; }

 private:
  // What was read from the feed and has to reach the cache, or the bus.
  struct Rows {
    std::vector<model::TileChange> tiles;
    std::uint64_t until = 0;  // of the feed's cursor
    std::int64_t read_ns = 0;
  };
  struct Grants {
    std::vector<model::ClaimEvent> events;
    model::FeedCursor until;
  };

  void hold(const model::FeedStart& start);
  void let_go();
  [[nodiscard]] boost::asio::awaitable<void> follow();
  [[nodiscard]] boost::asio::awaitable<void> follow_held();
  [[nodiscard]] boost::asio::awaitable<bool> repair();
  void spread(model::ChangeBatch batch);
  void bound_rows();
  [[nodiscard]] boost::asio::awaitable<void> write_cache();
  [[nodiscard]] boost::asio::awaitable<void> tell_grants();
  [[nodiscard]] boost::asio::awaitable<bool> tell_first();
  [[nodiscard]] boost::asio::awaitable<void> confirm();
  [[nodiscard]] boost::asio::awaitable<void> pause(std::int64_t& backoff_ns);
  [[nodiscard]] bool idle() const noexcept { return rows_.empty() && grants_.empty(); }
  [[nodiscard]] bool too_late() const noexcept;

  const RelayOptions options_;
  ports::ChangeFeed& feed_;
  ports::Bus& bus_;
  ports::TileCache* cache_;
  const ports::Clock& clock_;
  ports::Timer& timer_;
  model::FeedCursor cursor_;     // read until here
  model::FeedCursor done_;       // written and told until here
  model::FeedCursor confirmed_;  // and confirmed
  std::int64_t confirmed_ns_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t seq_ = 0;
  std::uint64_t hold_count_ = 0;  // a new hold voids what the one before had not told
  std::int64_t spread_ns_ = 0;
  std::deque<Rows> rows_;
  std::deque<Grants> grants_;
  std::size_t rows_waiting_ = 0;    // in all of rows_
  std::size_t grants_waiting_ = 0;  // in all of grants_
  bool gap_ = false;                // the feed had one that is not repaired yet, as far as is known
  bool holding_ = false;
  bool writing_ = false;
  bool telling_ = false;
  bool stopping_ = false;
  std::int64_t stop_by_ns_ = 0;
  TaskGroup tasks_;
};

}  // namespace hunt::service
