// StreamWatch: looks every few seconds, and after each connect, whether the streams and consumers
// of the hunt are still there and as they must be, and makes again what is gone.
//
// Internal to nats_bus.h. Not the first making: Connection::prepare() is done before. A look is a
// few small requests over the lane's connection; what looks wrong is verified and made over one of
// its own, as prepare() does. What was stored in a lost stream is gone: it says so, and whoever
// kept a copy (the relay, from the ledger) tells it again. Lifecycle: make_shared, start(),
// co_await stop(). Thread: the lane's.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/nats/connection.h"
#include "adapters/nats/link.h"
#include "base/prng.h"
#include "model/change.h"

namespace hunt::nats {

class StreamWatch : public std::enable_shared_from_this<StreamWatch> {
 public:
  struct Ears {
    std::function<void(std::string)> on_trouble;  // one sentence, or empty: it is over
    // The highest number of a claim in the stream that was acknowledged to us so far.
    std::function<std::uint64_t()> acknowledged;
    std::function<void(const model::ClaimsKept&)> on_claims_kept;
  };

  // Lifetime: the connection outlives stop().
  StreamWatch(Connection& connection, StreamSettings settings, std::vector<std::string> shards,
              Ears ears);

  void start();
  // Returns when the look under way is over: within some seconds.
  [[nodiscard]] boost::asio::awaitable<void> stop();

 private:
  // What a look saw of one stream or consumer.
  struct Seen {
    std::string config;   // JSON
    std::string created;  // empty: it is not there
    std::uint64_t first = 0;
    std::uint64_t newest = 0;
    // Of a consumer.
    std::uint64_t pending = 0;
    std::uint64_t at_work = 0;
    std::uint64_t redelivered = 0;
  };
  struct Wrong {
    std::vector<std::string> gone;  // to be made again
    bool changed = false;           // settings, since the last look
  };

  [[nodiscard]] boost::asio::awaitable<void> run();
  [[nodiscard]] boost::asio::awaitable<void> look();
  // Errors: unavailable, when nothing can be said about it.
  [[nodiscard]] boost::asio::awaitable<Result<Seen>> look_at(std::string subject);
  [[nodiscard]] boost::asio::awaitable<Result<void>> look_at_all(Wrong& wrong);
  void compare(const std::string& name, const Seen& now, Wrong& wrong);
  void tell_claims_kept(const Seen& seen, std::uint64_t acknowledged);
  void remember_sizes(const std::string& name, const std::string& config);
  void say();

  Connection& connection_;
  const std::shared_ptr<Link> link_;
  StreamSettings settings_;  // sizes as the operator had them, once seen
  const std::vector<std::string> shards_;
  const Ears ears_;
  Prng prng_;
  boost::asio::steady_timer timer_;
  Link::Listener listener_;
  std::map<std::string, Seen> seen_;  // by name, streams and consumers
  std::size_t next_consumer_ = 0;
  std::string trouble_;              // lasts until a look finds all well
  std::vector<std::string> losses_;  // not said yet
  std::string note_;                 // lasts until note_until_ns_
  std::int64_t note_until_ns_ = 0;
  std::string said_;
  bool running_ = false;
  bool stopping_ = false;
};

}  // namespace hunt::nats
