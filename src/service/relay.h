// Relay: from the store's change feed to invalidations and told grants.
//
// Not a cache and not the authority. "Told granted" implies "in the ledger", because grants are
// told from what was committed. Tells at least once; who credits items does so by claim id. Silence
// of the feed stops the heartbeat, and lanes then stop trusting old copies by themselves. Thread:
// its lane's.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>

#include "ports/bus.h"
#include "ports/change_feed.h"
#include "ports/clock.h"
#include "service/task_group.h"

namespace hunt::service {

class Relay {
 public:
  // `identity` is new at each start of a relay.
  Relay(ports::ChangeFeed& feed, ports::Bus& bus, const ports::Clock& clock, ports::Timer& timer,
        boost::asio::any_io_executor lane, std::uint64_t identity);

  // Follows the feed from what is committed now. Errors: those of ChangeFeed::now.
  [[nodiscard]] boost::asio::awaitable<Result<void>> start();
  // Tells what is committed by now, then stops.
  [[nodiscard]] boost::asio::awaitable<void> drain();

 private:
  [[nodiscard]] boost::asio::awaitable<void> follow();
  [[nodiscard]] boost::asio::awaitable<void> tell(model::ChangeBatch batch);

  ports::ChangeFeed& feed_;
  ports::Bus& bus_;
  const ports::Clock& clock_;
  ports::Timer& timer_;
  const std::uint64_t identity_;
  model::FeedCursor cursor_;
  std::uint64_t epoch_ = 1;  // of this relay's sequence: bumped when something was missed
  std::uint64_t seq_ = 0;
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace hunt::service
