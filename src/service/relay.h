// Relay: from one store's change feed to invalidations, cache rows and told grants (PROTOCOLS 8).
//
// Not a cache and not the authority. "Told granted" implies "in the ledger", because grants are
// told from what was committed and survives a failover. Tells at least once; who credits items does
// so by claim id. Several relays may run for one store: only the one that holds the feed works.
// Silence of the feed stops the heartbeat, and lanes then stop trusting old copies by themselves.
// Thread: its lane's.
#pragma once
#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "ports/bus.h"
#include "ports/change_feed.h"
#include "ports/clock.h"
#include "ports/tile_cache.h"
#include "service/task_group.h"

namespace hunt::service {

struct RelayOptions {
  model::ShardId shard = 0;
  std::uint64_t identity = 1;  // new at each start of a relay
  // What keeps it from telling, in a sentence; empty: nothing any more. Called when that changes.
  std::function<void(std::string)> on_trouble = {};
  std::function<void()> on_gap = {};  // the feed had a gap, which is repaired now
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
  // What keeps it from taking or reading the feed, which is not that another holds it; empty:
  // nothing.
  [[nodiscard]] const std::string& feed_trouble() const noexcept {
    return troubles_[static_cast<std::size_t>(Need::feed)];
  }
  // Whether grants are being told again because what kept them was lost, and how many were so far.
  [[nodiscard]] bool tells_again() const noexcept { return telling_again_; }
  [[nodiscard]] std::uint64_t told_again() const noexcept { return told_again_; }

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
  // What a call came to that telling needs: of the feed, its barrier, or the bus.
  enum class Need : std::uint8_t { feed, barrier, bus };
  template <class T>
  void note(Need need, const Result<T>& done) {
    note(need, done ? std::string() : done.error().message);
  }
  void note(Need need, std::string trouble);
  void note_feed(const Result<model::FeedStart>& start);
  [[nodiscard]] boost::asio::awaitable<void> follow();
  [[nodiscard]] boost::asio::awaitable<void> follow_held();
  [[nodiscard]] boost::asio::awaitable<bool> repair();
  void spread(model::ChangeBatch batch);
  void invalidate(std::vector<model::TileChange> tiles, std::int64_t committed_ns);
  void bound_rows();
  [[nodiscard]] boost::asio::awaitable<void> write_cache();
  [[nodiscard]] boost::asio::awaitable<void> tell_grants();
  [[nodiscard]] boost::asio::awaitable<bool> tell_first();
  [[nodiscard]] boost::asio::awaitable<void> confirm();
  void look_at_kept();
  [[nodiscard]] boost::asio::awaitable<void> tell_again(model::ClaimsKept lost_in);
  [[nodiscard]] boost::asio::awaitable<std::uint64_t> first_grant_since(std::int64_t since_us,
                                                                        std::uint64_t until);
  [[nodiscard]] boost::asio::awaitable<bool> tell_again_from(std::uint64_t from,
                                                             std::uint64_t until);
  [[nodiscard]] boost::asio::awaitable<bool> tell_in_parts(std::vector<model::ClaimEvent> events);
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
  bool telling_again_ = false;
  std::uint64_t told_again_ = 0;
  std::array<std::string, 3> troubles_;  // by Need
  std::uint64_t occasion_ = 0;           // of telling again
  std::uint64_t next_look_ = 0;          // what was looked at before says nothing
  bool stopping_ = false;
  std::int64_t stop_by_ns_ = 0;
  TaskGroup tasks_;
};

}  // namespace hunt::service
