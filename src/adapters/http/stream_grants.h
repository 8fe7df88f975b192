// StreamGrants: what one stream is told of the ledgers: each one's grants in its order, without a
// gap, from the feed while that holds what comes next, else from pages of the store.
//
// Not the stream: that says how much it takes. Thread: the server's lane.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "adapters/http/claim_feed.h"
#include "ports/ledgers.h"

namespace hunt::http {

inline constexpr std::chrono::milliseconds store_retry{1'000};
inline constexpr std::chrono::milliseconds room_retry{50};  // bytes are short: look again

class StreamGrants {
 public:
  // What a stream does with them.
  struct Taker {
    std::function<bool(ClaimFeed::Text)> push;  // false: there is no room for it
    std::function<bool()> hungry;               // wants more than it has to send
  };

  // `after`: what it was told last; nothing: all that is granted by the time of begin(). Lifetime:
  // ledgers and feed outlive this.
  StreamGrants(boost::asio::any_io_executor lane, const std::vector<ports::Ledger*>& ledgers,
               const ClaimFeed& feed, std::optional<ports::LedgerPlace> after, Taker taker);

  [[nodiscard]] bool begun() const noexcept { return place_.has_value(); }
  // False when a ledger cannot be read now.
  [[nodiscard]] boost::asio::awaitable<bool> begin();

  // Tells what is new of every ledger, as far as it is taken. True when there may be more.
  // Requires: begun().
  [[nodiscard]] boost::asio::awaitable<bool> tell();
  // A ledger was restored: its places are void, and nothing more is told.
  [[nodiscard]] bool restored() const noexcept { return restored_; }

 private:
  [[nodiscard]] boost::asio::awaitable<bool> tell_shard(std::size_t shard);
  [[nodiscard]] boost::asio::awaitable<bool> read_page(std::size_t shard);
  [[nodiscard]] bool push(const std::string& event, std::size_t shard, std::uint64_t cursor,
                          std::uint32_t mark);

  const boost::asio::any_io_executor lane_;
  const std::vector<ports::Ledger*>& ledgers_;  // by shard
  const ClaimFeed& feed_;
  const Taker taker_;
  std::optional<ports::LedgerPlace> place_;  // after the last grants told; nothing: not known yet
  std::vector<bool> read_whole_;  // by shard: its ledger, before anything of it was told here
  std::vector<std::uint64_t> restores_;  // by shard: of its ledger, before this
  bool restored_ = false;
};

}  // namespace hunt::http
