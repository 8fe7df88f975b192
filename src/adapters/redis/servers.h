// Servers: the nodes behind a cache URL, and which of them has which hash slot.
//
// Not the cache's rules: it carries commands to where their slot is, all of one node together, and
// follows the cluster's redirections, a bounded number of times within the one deadline. The map
// of slots is read when it is first needed and again when something says that it is old; then from
// whichever node answered last. Thread: its lane's. Lifetime: outlives its calls.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/redis/hash_slot.h"
#include "adapters/redis/node.h"
#include "adapters/redis/redis_url.h"
#include "adapters/redis/scripts.h"
#include "base/result.h"
#include "model/stats.h"

namespace hunt::redis {

struct ServersOptions {
  std::chrono::nanoseconds deadline{50'000'000};  // of one exchange, redirections included
  std::uint64_t seed = 1;                         // of the jitter
};

struct Call {
  std::uint16_t slot = 0;
  std::string command;
  const Script* script = nullptr;  // that the command runs: loaded where it is missing
  bool write = false;              // without an answer its outcome is unknown
  bool timed = false;              // the answer has the server's clock, too
};

struct ServersFigures {
  std::uint64_t redirects = 0;
  std::uint64_t scripts_loaded = 0;
  std::uint64_t maps_read = 0;
  std::uint64_t timeouts = 0;  // commands without an answer by their deadline
  NodeFigures nodes;           // of all there are now
};

class Servers {
 public:
  Servers(boost::asio::any_io_executor lane, RedisUrl url, ServersOptions options);

  // One answer per call, in order. What Redis refuses is an error too: unavailable, overloaded
  // (its memory is full), unauthorized, corrupt (another type of key); and those of Node::send,
  // deadline_exceeded, for a write unknown_outcome.
  [[nodiscard]] boost::asio::awaitable<std::vector<Answer>> exchange(std::vector<Call> calls);

  // Asks each master for a sign of life, and whether all slots are covered; patiently, since a
  // start has time. Errors: the first.
  [[nodiscard]] boost::asio::awaitable<Result<void>> check();

  void close();
  [[nodiscard]] const RedisUrl& url() const noexcept { return url_; }
  [[nodiscard]] ServersFigures figures() const;
  [[nodiscard]] std::vector<model::CacheNode> nodes() const;

 private:
  using NodePtr = std::shared_ptr<Node>;
  struct Route {
    std::size_t call = 0;
    NodePtr node;         // where it went; none yet
    bool pinned = false;  // `node` was named by a redirection
    bool asking = false;
    bool load = false;  // the script first
  };
  using Loaded = std::vector<std::pair<const Node*, const Script*>>;
  enum class Next : std::uint8_t { done, again, later };

  [[nodiscard]] boost::asio::awaitable<std::vector<Answer>> exchange_by(std::vector<Call> calls,
                                                                        TimePoint deadline);
  [[nodiscard]] Result<NodePtr> route(std::uint16_t slot) const;
  void send(const Call& call, Route& route, const std::shared_ptr<Round>& round, std::size_t index,
            Loaded& loaded);
  [[nodiscard]] Next judge(const Call& call, Route& route, Answer& answer);
  [[nodiscard]] Next redirected(const Call& call, Route& route, const Reply& reply);
  [[nodiscard]] Error refused(const Reply& reply, const Node& node) const;
  // One TIME for all that is timed of a node's, behind it. Where each route's is in the round.
  [[nodiscard]] static std::vector<std::size_t> send_times(const std::vector<Call>& calls,
                                                           const std::vector<Route>& routes,
                                                           const std::shared_ptr<Round>& round);
  void add_time(Answer& answer, const Answer& time, const Node& node) const;
  [[nodiscard]] Error unanswered(const Call& call, const Route& route);

  [[nodiscard]] boost::asio::awaitable<void> refresh(TimePoint deadline);
  [[nodiscard]] boost::asio::awaitable<bool> read_map(NodePtr from, TimePoint deadline);
  [[nodiscard]] bool take_map(const Reply& reply, const HostPort& from);
  [[nodiscard]] bool take_range(const Reply& range, const HostPort& from,
                                std::vector<NodePtr>& slots, std::vector<NodePtr>& named);
  [[nodiscard]] NodePtr node_at(const HostPort& address);
  [[nodiscard]] NodePtr liveliest(const std::vector<NodePtr>& except) const;

  boost::asio::any_io_executor lane_;
  RedisUrl url_;
  ServersOptions options_;
  std::vector<NodePtr> nodes_;
  std::vector<NodePtr> slots_;  // by slot; nobody's is nullptr
  bool map_known_ = false;
  bool map_old_ = true;
  bool refreshing_ = false;
  TimePoint refresh_at_{};  // not before
  Error map_error_;         // why the last reading failed
  ServersFigures figures_;
};

}  // namespace hunt::redis
