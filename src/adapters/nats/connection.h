// Connection: one lane's connection to NATS, for its NatsBus and its NatsStream.
//
// Not the protocol of the hunt. Lifecycle: make(), connect(), then bus and stream are made on it
// and destroyed before it; close(). It comes back by itself after it broke. Thread: its lane's; the
// lane's loop outlives it.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/nats/nats_options.h"
#include "base/result.h"

namespace hunt::nats {

class Link;

// What the streams of the hunt are made with, where they do not exist yet.
struct StreamSettings {
  std::int64_t positions_bytes_max = 1'024LL * 1'024 * 1'024;  // HUNT_POS; full is `overloaded`
  std::int64_t claims_bytes_max = 1'024LL * 1'024 * 1'024;     // HUNT_CLAIMS; the oldest go first
  std::int64_t claims_age_ns_max = 7LL * 86'400 * 1'000'000'000;
  std::int64_t letters_bytes_max = 64LL * 1'024 * 1'024;  // HUNT_DLQ; the oldest go first
  // An unsettled delivery goes to somebody else after this; whoever works at it says so meanwhile.
  std::int64_t ack_wait_ns = 5'000'000'000;
  std::int64_t replicas = 1;
};

class Connection {
 public:
  [[nodiscard]] static std::unique_ptr<Connection> make(boost::asio::any_io_executor lane,
                                                        NatsOptions options);
  // Ends at once what close() did not end; waits for a connect under way.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Tries once. Errors: unauthorized, unavailable, invalid_argument (a file that is not there).
  [[nodiscard]] boost::asio::awaitable<Result<void>> connect();
  [[nodiscard]] boost::asio::awaitable<void> close();
  // Ends at once; what waits for answers hears that the connection broke.
  void shut();
  [[nodiscard]] bool connected() const noexcept;
  // Called on the lane after each loss and each connect to come. One watcher a connection.
  void watch(std::function<void(bool connected)> watcher);
  // "HOST:PORT,HOST:PORT", for people.
  [[nodiscard]] const std::string& shown() const noexcept;

  // Makes the streams HUNT_POS, HUNT_CLAIMS and HUNT_DLQ and a durable consumer of HUNT_POS for
  // each of `shards` ("0", "7", "any"), or verifies those that exist: what decides about loss must
  // be as here; sizes, ages and replicas are the operator's. Over a connection and a thread of its
  // own. Errors: invalid_argument, naming the stream and the field; unsupported (no JetStream);
  // unauthorized, unavailable.
  [[nodiscard]] boost::asio::awaitable<Result<void>> prepare(StreamSettings settings,
                                                             std::vector<std::string> shards);

  [[nodiscard]] const std::shared_ptr<Link>& link() const noexcept { return link_; }

 private:
  explicit Connection(std::shared_ptr<Link> link);
  std::shared_ptr<Link> link_;
  std::shared_ptr<std::function<void(bool connected)>> watcher_;
};

}  // namespace hunt::nats
