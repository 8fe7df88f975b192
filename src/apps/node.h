// Node: a whole orchestrator process: store, rules, lanes, HTTP and, without NATS, the relay.
//
// Not a command: `up` and `serve` make one each. The only place where ports meet adapters.
// Lifecycle: open() checks and opens everything, start() begins to serve, stop() drains.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "apps/lane.h"
#include "base/result.h"
#include "model/limits.h"
#include "ports/change_feed.h"
#include "ports/hunt_store.h"
#include "service/observer.h"

namespace hunt::apps {

// Wounds on demand, so that `hunt why` can be tried. 0: none.
struct NodeWounds {
  std::int64_t slow_store_ns = 0;  // a round trip added to each call of the store
  std::int64_t slow_cache_ns = 0;  // and of the cache
  std::int64_t busy_cpu_ns = 0;    // CPU burnt for each batch
};

struct NodeOptions {
  std::vector<std::string> store_urls = {"sqlite:hunt.db"};  // by shard
  std::string cache_url = "none:";
  std::string bus_url = "inproc:";     // else nats://, and a relay elsewhere
  std::vector<model::ShardId> shards;  // served; none: all, and who does not follow the map
  std::string rules_path;              // empty: the built-in event
  std::string listen = "127.0.0.1:8080";
  std::size_t lanes = 1;
  std::uint64_t seed = 1;        // for jitter
  std::string event_seed_file;   // empty: the seed kept in the store
  std::string admin_token_file;  // empty: a fresh token, printed
  std::string server_token_file;
  std::size_t grant_calls_max = limits::claim_calls_inflight_max;  // per lane and shard
  bool stage_clock = true;  // off: only to measure what it costs
  bool prewarm = true;      // start() reads the loot ahead, before anything is answered
  NodeWounds wounds;
  std::vector<std::uint8_t> new_store_seed;  // 32 bytes: event seed of a store made now
};

class Node {
 public:
  // Opens the store, reads the rules, binds the address. Errors say which of them failed.
  [[nodiscard]] static Result<std::unique_ptr<Node>> open(NodeOptions options);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  [[nodiscard]] Result<void> start();
  // Loads the chunks of a world's loot into every lane. Call after start().
  [[nodiscard]] Result<void> prewarm(model::WorldId world, model::TileRect rect);
  // Stops taking requests, finishes what was accepted (claims for at most five seconds), closes.
  void stop();

  [[nodiscard]] inproc::InprocBus& hub() noexcept;
  // All shards as one.
  [[nodiscard]] ports::HuntStore& store() noexcept;
  // Before the first loot is buried: gives each shard about as much of it.
  [[nodiscard]] Result<void> split_evenly(std::vector<model::ChunkKey> loot);
  [[nodiscard]] Lane& lane(std::size_t index) noexcept;
  [[nodiscard]] service::Observer& observer() noexcept;
  [[nodiscard]] const ports::Clock& clock() const noexcept;
  // "http://127.0.0.1:8080/"
  [[nodiscard]] std::string address() const;
  [[nodiscard]] const std::string& admin_token() const noexcept;
  [[nodiscard]] bool admin_token_is_fresh() const noexcept;
  [[nodiscard]] std::int64_t serve_cpu_ns();  // of the lanes and the HTTP thread

 private:
  struct Parts;
  explicit Node(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// "host:port" or "[v6]:port" to its parts. Errors: invalid_argument.
struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;
};
[[nodiscard]] Result<ListenAddress> parse_listen(const std::string& text);

// Checks the flags that need no opening: the address, the URLs. Errors: invalid_argument, and
// unsupported.
[[nodiscard]] Result<void> check_flags(const NodeOptions& options);

}  // namespace hunt::apps
