// RelayProcess: the relays of all shards on one lane, and an HTTP port for whoever watches them.
//
// Not the command (cmd_relay.cc) and not a relay's work (service/relay.h). HTTP has a thread of its
// own, so probes answer while the lane cannot. Everything blocks and is the main thread's, but for
// what says otherwise.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "adapters/http/http_server.h"
#include "adapters/nats/connection.h"
#include "adapters/nats/flame_service.h"
#include "adapters/nats/nats_bus.h"
#include "adapters/nats/why_service.h"
#include "adapters/profile/profiler.h"
#include "adapters/redis/redis_cache.h"
#include "apps/relay_why.h"
#include "node/cache_watch.h"
#include "node/lane.h"
#include "node/loop_watch.h"
#include "node/open_store.h"
#include "node/options.h"
#include "node/profile_push.h"
#include "service/observer.h"
#include "service/relay.h"
#include "service/sharded_store.h"

namespace hunt::apps {

class RelayProcess {
 public:
  explicit RelayProcess(const node::NodeOptions& options);
  ~RelayProcess();
  RelayProcess(const RelayProcess&) = delete;
  RelayProcess& operator=(const RelayProcess&) = delete;

  // Errors: those of OpenStores::open(); also unavailable, with sqlite::other_name: waiting helps.
  [[nodiscard]] Result<void> open_stores();
  // Binds the address, and answers from then on: that it is not ready.
  [[nodiscard]] Result<void> open_front();
  [[nodiscard]] Result<void> start();
  // Tells what is committed by now and ends, within five seconds, also where a shard hangs.
  void stop();

  // Of one shard's relay, for people.
  struct State {
    bool holds_feed = false;
    bool tells_again = false;
    std::uint64_t told_again = 0;
    std::string waits_for;     // of its store; empty: it is open
    std::string feed_trouble;  // without it a relay that does not hold the feed stands by
  };
  [[nodiscard]] std::vector<State> states();
  [[nodiscard]] std::vector<service::Warning> warnings() const { return observer_.warnings(); }
  // What `hunt why` is told from now on.
  void look(const std::vector<State>& states, const std::vector<service::Warning>& warnings);
  // What its probes say; from open_front() on.
  [[nodiscard]] const ports::Monitor& monitor() const;
  [[nodiscard]] std::int64_t now_ns() const noexcept { return clock_.now_ns(); }
  // "http://127.0.0.1:8090/"; of open_front().
  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  [[nodiscard]] const std::string& admin_token() const noexcept { return admin_token_; }

 private:
  class Monitor;

  [[nodiscard]] Result<void> open_bus();
  [[nodiscard]] Result<std::uint16_t> listen_as(const http::HttpOptions& options);
  [[nodiscard]] boost::asio::awaitable<void> watch(std::vector<std::string> names);
  void say_bus();  // on the lane
  [[nodiscard]] Result<void> check_cache();
  void end_cache_watch();
  void end_relays();
  [[nodiscard]] Result<void> start_relay(std::size_t shard, std::uint64_t identity);
  [[nodiscard]] boost::asio::awaitable<std::vector<State>> look_at_relays();
  [[nodiscard]] boost::asio::awaitable<void> begin_answering();
  [[nodiscard]] boost::asio::awaitable<void> end_answering();

  const node::NodeOptions options_;
  const system::SystemClock clock_;
  inproc::InprocBus hub_{clock_};  // of the front, where nobody answers positions
  service::Observer observer_;
  RelayWhy why_{clock_, HUNT_VERSION};
  node::Lane lane_;
  node::LoopWatch lane_watch_;
  profile::Profiler profiler_{[this] { return observer_.stats(); }};
  std::optional<node::ProfilePush> profile_push_;
  node::Lane front_;
  node::LoopWatch front_watch_;
  std::optional<node::OpenStores> stores_;
  std::optional<service::ShardedStore> whole_;
  std::unique_ptr<Monitor> monitor_;
  std::unique_ptr<http::HttpServer> http_;
  std::string address_;
  std::string admin_token_;
  std::unique_ptr<nats::Connection> connection_;
  std::unique_ptr<nats::NatsBus> bus_;
  std::unique_ptr<nats::WhyService> answers_;
  std::unique_ptr<nats::FlameService> flames_;
  std::string unreachable_;  // of NATS, for people; of the lane
  std::string streams_;      // the same of the streams
  std::unique_ptr<redis::RedisCache> cache_;
  std::optional<node::CacheWatch> cache_watch_;
  std::vector<std::unique_ptr<service::Relay>> relays_;  // by shard
};

}  // namespace hunt::apps
