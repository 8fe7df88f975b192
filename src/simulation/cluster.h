// Cluster: a whole installation on simulated machines: the production services over sim's ports.
//
// Not the workload and not the checks (clients.h, watch.h). It boots, kills, drains and
// mends nodes; what runs on a pod or a relay is the same code as in production. Thread: the
// world's.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/rule_set.h"
#include "model/shard_map.h"
#include "service/delivery.h"
#include "service/observer.h"
#include "service/orchestrator.h"
#include "service/relay.h"
#include "service/rules_book.h"
#include "sim/net_bus.h"
#include "sim/net_store.h"
#include "sim/network.h"
#include "sim/sim_cache.h"
#include "sim/sim_stream.h"
#include "sim/world.h"
#include "simulation/setup.h"

namespace hunt::simulation {

// Stands between a service and a port: how tests plant the bugs that the checks must find. An empty
// function plants nothing.
struct Hooks {
  template <class Port>
  using Wrap = std::function<std::unique_ptr<Port>(Port&, sim::Host&)>;
  sim::ShardServer::Wrap server;  // between a store's server and its disk
  Wrap<ports::HuntStore> pod_store;
  Wrap<ports::Bus> pod_bus;
  Wrap<ports::TileCache> pod_cache;
  Wrap<ports::PositionStream> pod_stream;
  Wrap<ports::ChangeFeed> relay_feed;
  Wrap<ports::Bus> relay_bus;
  Wrap<ports::TileCache> relay_cache;
  std::function<void(model::ShardMap& map, std::uint64_t pod)> pod_map;
  std::function<void(sim::SimDisk& disk)> promoted;  // after a failover
};

class Cluster {
 public:
  Cluster(const Setup& setup, const Hooks& hooks);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Boots every node.
  void start();
  // Ends every life.
  void stop();

  void crash_pod(std::size_t pod);
  void boot_pod(std::size_t pod);
  // Lets a pod finish what it has, then ends and boots it.
  void restart_pod(std::size_t pod, std::int64_t down_ns);
  void crash_relay(std::size_t relay);
  void boot_relay(std::size_t relay);
  // The shard's server dies and its standby takes over.
  void fail_over(std::size_t shard, std::int64_t down_ns);
  void boot_bus();
  void restart_bus(std::int64_t down_ns);
  void restart_store(std::size_t shard, std::int64_t down_ns);
  void restart_cache(std::size_t cache, std::int64_t down_ns, std::optional<sim::CacheNode> state);
  // What the files of a pod's machine are from now on.
  void set_files(std::size_t pod, service::RulesOffer files);

  // Where a run begins.
  [[nodiscard]] const model::RuleSetPtr& rules() const { return rules_; }
  [[nodiscard]] const service::RulesOffer& files(std::size_t pod) const { return pods_[pod].files; }
  // Nothing before it has begun, and where rules do not change.
  [[nodiscard]] service::RulesBook* book(std::size_t pod);
  [[nodiscard]] std::size_t pod_count() const noexcept { return pods_.size(); }
  [[nodiscard]] std::size_t relay_count() const noexcept { return relays_.size(); }
  [[nodiscard]] sim::NodeId pod_node(std::size_t pod) const { return pods_[pod].node; }
  [[nodiscard]] sim::NodeId relay_node(std::size_t relay) const { return relays_[relay].node; }
  [[nodiscard]] bool pod_lives(std::size_t pod) const { return pods_[pod].life != nullptr; }
  [[nodiscard]] service::Orchestrator* orchestrator(std::size_t pod);
  [[nodiscard]] const model::ShardMap& map() const noexcept { return map_; }
  [[nodiscard]] std::vector<std::uint8_t> event_seed() const;
  // Every node with something to cut off.
  [[nodiscard]] std::vector<sim::NodeId> all_nodes() const;

  const Setup setup;
  sim::World world;
  sim::Faults faults;
  sim::Network network;
  sim::NodeId bus_node;
  sim::BusServer bus;
  sim::StreamServer stream;
  sim::CacheServers caches;
  std::vector<std::unique_ptr<sim::ShardServer>> shards;

 private:
  struct PodLife;
  struct RelayLife;
  struct Pod {
    sim::NodeId node = 0;
    std::unique_ptr<PodLife> life;
    bool draining = false;
    service::RulesOffer files;  // on its machine: they outlive it
  };
  struct RelayNode {
    sim::NodeId node = 0;
    std::size_t shard = 0;
    std::unique_ptr<RelayLife> life;
  };
  void make_book(std::size_t pod);
  [[nodiscard]] boost::asio::awaitable<void> begin_pod(std::size_t pod);
  void serve(PodLife& life);
  void kill(sim::NodeId node);
  void boot_later(sim::NodeId node, std::int64_t down_ns);
  [[nodiscard]] boost::asio::awaitable<void> drain_and_end(std::size_t pod, std::int64_t down_ns);
  [[nodiscard]] boost::asio::awaitable<void> start_relay(std::size_t relay);

  const Hooks& hooks_;
  model::ShardMap map_;
  model::RuleSetPtr rules_;
  std::vector<Pod> pods_;
  std::vector<RelayNode> relays_;
  std::uint64_t identities_ = 0;
};

}  // namespace hunt::simulation
