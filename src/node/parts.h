// Node::Parts: what a node is made of, and the steps in which it is put together.
//
// Not for others: node.cc alone says in which order. The steps stand in parts_stores.cc (stores and
// map), parts_lanes.cc (what each lane has) and parts_front.cc (HTTP), parts_rules.cc (rules).
// Threads: as said at each; what has no word about it runs before the threads do.
#pragma once
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/delay/busy_handler.h"
#include "adapters/delay/slow_cache.h"
#include "adapters/delay/slow_store.h"
#include "adapters/http/http_server.h"
#include "adapters/http/lane_server.h"
#include "adapters/inproc/inproc_bus.h"
#include "adapters/profile/profiler.h"
#include "adapters/redis/redis_cache.h"
#include "adapters/system/system_clock.h"
#include "node/cache_watch.h"
#include "node/loop_watch.h"
#include "node/node.h"
#include "node/node_bus.h"
#include "node/open_store.h"
#include "node/profile_push.h"
#include "node/rules_watch.h"
#include "service/event_watch.h"
#include "service/explainer.h"
#include "service/orchestrator.h"
#include "service/relay.h"
#include "service/rules_book.h"
#include "service/sharded_store.h"
#include "service/store_watch.h"
#include "service/task_group.h"

namespace hunt::node {

// The cache as one lane sees it. Lives as long as its lane's loop runs.
struct LaneCache {
  LaneCache(redis::RedisUrl url, redis::RedisOptions options, std::int64_t slow_ns, Lane& lane)
      : cache(std::move(url), std::move(options), lane.executor()) {
    if (slow_ns > 0) slow.emplace(cache, slow_ns);
  }
  [[nodiscard]] ports::TileCache& port() {
    if (slow) return *slow;
    return cache;
  }

  redis::RedisCache cache;
  std::optional<delay::SlowCache> slow;
};

struct Node::Parts {
  NodeOptions options;
  system::SystemClock clock;
  inproc::InprocBus hub{clock};
  std::optional<OpenStores> stores;
  std::vector<std::unique_ptr<delay::SlowStore>>
      slow_stores;                             // by shard, where a delay is asked for
  std::optional<service::ShardedStore> whole;  // all shards as one
  std::unique_ptr<RulesWatch> rules;           // what the files come to
  std::unique_ptr<service::RulesBook> book;    // what is in force; of the front
  std::unique_ptr<service::Observer> observer;
  std::vector<std::unique_ptr<Lane>> lanes;
  // HTTP has a thread of its own: probes, figures and `hunt why` answer while the lanes cannot. Who
  // asks for positions over and over is answered by a lane.
  std::unique_ptr<Lane> front;
  boost::asio::thread_pool compiling{1};  // rules that other processes brought; ends before front
  std::unique_ptr<LoopWatch> front_watch;
  std::unique_ptr<NodeBus> nats;  // none: all of it is in this process, the relay too
  std::vector<std::unique_ptr<LaneCache>> caches;  // by lane; none without a cache
  std::vector<std::unique_ptr<service::Orchestrator>> orchestrators;
  std::vector<std::unique_ptr<delay::BusyHandler>> busy_handlers;
  std::vector<std::unique_ptr<service::Relay>> relays;  // by shard
  profile::Profiler profiler{[this] { return observer->stats(); }};
  std::optional<ProfilePush> profile_push;
  std::unique_ptr<service::Explainer> explainer;              // of the front
  std::vector<std::unique_ptr<http::LaneServer>> http_lanes;  // by lane
  std::unique_ptr<http::HttpServer> http;
  std::string admin_token;
  std::string address;
  std::string connections_told;
  std::atomic<bool> running{false};
  bool started = false;           // the front runs
  std::uint32_t map_version = 0;  // in force; of the front
  std::string map_trouble;        // said last; of the front
  std::optional<service::TaskGroup> front_tasks;
  std::optional<service::StoreWatch> store_watch;  // of the front
  std::optional<service::EventWatch> event_watch;  // of the front
  std::optional<CacheWatch> cache_watch;           // of the first lane; none without a cache
  bool stopping = false;                           // of the front

  // By shard, as the lanes see them.
  template <class Part = ports::HuntStore>
  std::vector<Part*> serving_stores() {
    if (slow_stores.empty()) return stores->stores<Part>();
    std::vector<Part*> out;
    for (const auto& slow : slow_stores) out.push_back(slow.get());
    return out;
  }
  Result<void> open_stores();
  [[nodiscard]] boost::asio::awaitable<void> follow_map();
  [[nodiscard]] boost::asio::awaitable<void> stop_following() {
    stopping = true;
    event_watch->stop();
    store_watch->stop();
    co_await front_tasks->join(clock, front->timer());
  }
  // When no lane has a claim any more that a store may want rolled by newer rules.
  [[nodiscard]] boost::asio::awaitable<void> stop_book() {
    book->stop();
    co_return;
  }
  void adopt_map(const model::ShardMap& map);
  Result<void> open_caches();
  Result<void> check_cache();
  Result<void> open_bus();
  Result<void> listen();
  Result<void> relay_here();
  void make_orchestrators(const std::vector<std::uint8_t>& seed);
  void prewarm();
  [[nodiscard]] boost::asio::awaitable<Result<std::size_t>> warm_up();
  void open_event_watch();
  void serve();
  ports::Bus& bus_of(std::size_t lane) {
    return nats != nullptr ? nats->bus(lane) : lanes[lane]->bus();
  }
  Result<void> open_rules();
  [[nodiscard]] Result<void> check_rules() const;
  Result<std::vector<std::uint8_t>> event_seed();
  Result<void> open_http(const HostPort& listen);
  Result<std::size_t> connections_max();
  void open_book();
  void show_rules();
  void adopt_rules(const model::RulesInForcePtr& rules);
  void show_current(const model::RuleSetPtr& before, const model::RuleSetPtr& now);
};

}  // namespace hunt::node
