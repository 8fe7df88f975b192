#include "simulation/cluster.h"

#include <fmt/format.h>

#include "model/tile.h"
#include "simulation/run_rules.h"

namespace hunt::simulation {

namespace {

constexpr std::int64_t wall_start_us = 1'800'000'000'000'000;
constexpr std::int64_t drain_ns = 5'000'000'000;

// Halves of the world, so that players cross from one shard to the other all the time.
model::ShardMap make_map(std::uint32_t shards) {
  model::ShardMap map;
  map.shards = shards;
  for (std::uint32_t shard = 1; shard < shards; ++shard) {
    const model::Tile first{0, static_cast<std::int32_t>(shard - 1) * 64};
    map.ranges.push_back({model::chunk_of(1, model::tile_id_of(first)), shard});
  }
  return map;
}

template <class Port, class Wrap>
Port& wrapped(Port& port, sim::Host& host, const Wrap& wrap, std::unique_ptr<Port>& keep) {
  if (!wrap) return port;
  keep = wrap(port, host);
  return *keep;
}

}  // namespace

// All that one life of a pod holds in memory. Destroyed after its coroutines are gone.
struct Cluster::PodLife {
  PodLife(Cluster& cluster, sim::Host& its_host, std::uint64_t seed)
      : host(its_host),
        bus(cluster.network, cluster.bus, host),
        stream(cluster.network, cluster.stream, host),
        cache(cluster.network, cluster.faults, host, cluster.caches),
        observer(host, 1, {}) {
    const Hooks& hooks = cluster.hooks_;
    for (auto& shard : cluster.shards) {
      stores.push_back(
          std::make_unique<sim::NetStore>(cluster.network, cluster.faults, host, *shard));
      ports::HuntStore& store = *stores.back();
      wrapped_stores.emplace_back();
      store_ports.push_back(&wrapped(store, host, hooks.pod_store, wrapped_stores.back()));
    }
    ports::Bus& plain_bus = bus;
    used_bus = &wrapped(plain_bus, host, hooks.pod_bus, wrapped_bus);
    ports::TileCache& plain_cache = cache;
    service::OrchestratorOptions options;
    options.seed = seed;
    options.l1_bytes_max = cluster.setup.l1_bytes;
    options.event_seed = cluster.event_seed();
    auto map = std::make_shared<model::ShardMap>(cluster.map_);
    if (hooks.pod_map) hooks.pod_map(*map, host.node());
    options.map = std::move(map);
    const auto look_soon = [this] {
      if (book != nullptr) book->look_soon();
    };
    service::OrchestratorPorts ports{
        .stores = store_ports,
        .bus = *used_bus,
        .clock = host,
        .timer = host,
        .lane = host.executor(),
        .cache = &wrapped(plain_cache, host, hooks.pod_cache, wrapped_cache),
        .rules_stale = look_soon};
    orchestrator = std::make_unique<service::Orchestrator>(std::move(options), std::move(ports),
                                                           observer, cluster.rules_);
    ports::PositionStream& plain_stream = stream;
    positions = std::make_unique<service::StoredPositions>(
        *orchestrator, wrapped(plain_stream, host, hooks.pod_stream, wrapped_stream), host, host);
  }

  sim::Host& host;
  sim::NetBus bus;
  sim::NetStream stream;
  sim::NetCache cache;
  std::vector<std::unique_ptr<sim::NetStore>> stores;
  std::vector<std::unique_ptr<ports::HuntStore>> wrapped_stores;
  std::vector<ports::HuntStore*> store_ports;
  std::unique_ptr<ports::Bus> wrapped_bus;
  ports::Bus* used_bus = nullptr;
  std::unique_ptr<ports::TileCache> wrapped_cache;
  service::Observer observer;
  std::unique_ptr<service::Orchestrator> orchestrator;
  std::unique_ptr<ports::PositionStream> wrapped_stream;
  std::unique_ptr<service::StoredPositions> positions;
  std::unique_ptr<service::RulesBook> book;  // where rules change
  bool begun = false;                        // it serves
};

struct Cluster::RelayLife {
  RelayLife(Cluster& cluster, sim::Host& its_host, std::size_t shard, std::uint64_t identity)
      : host(its_host),
        bus(cluster.network, cluster.bus, host),
        cache(cluster.network, cluster.faults, host, cluster.caches),
        store(cluster.network, cluster.faults, host, *cluster.shards[shard]) {
    const Hooks& hooks = cluster.hooks_;
    ports::TileCache& plain_cache = cache;
    ports::ChangeFeed& plain_feed = store;
    ports::Bus& plain_bus = bus;
    ports::ChangeFeed& feed = wrapped(plain_feed, host, hooks.relay_feed, wrapped_feed);
    ports::Bus& used_bus = wrapped(plain_bus, host, hooks.relay_bus, wrapped_bus);
    ports::TileCache& used_cache = wrapped(plain_cache, host, hooks.relay_cache, wrapped_cache);
    service::RelayOptions options;
    options.shard = static_cast<model::ShardId>(shard);
    options.identity = identity;
    relay = std::make_unique<service::Relay>(options, feed, used_bus, &used_cache, host, host,
                                             host.executor());
  }

  sim::Host& host;
  sim::NetBus bus;
  sim::NetCache cache;
  sim::NetStore store;
  std::unique_ptr<ports::ChangeFeed> wrapped_feed;
  std::unique_ptr<ports::TileCache> wrapped_cache;
  std::unique_ptr<ports::Bus> wrapped_bus;
  std::unique_ptr<service::Relay> relay;
};

Cluster::Cluster(const Setup& setup_of_run, const Hooks& hooks)
    : setup(setup_of_run),
      world(setup.seed, wall_start_us),
      faults(setup.seed),
      network(world, faults, setup.seed + 1),
      bus_node(world.add_node("bus")),
      bus(world, faults, bus_node, setup.seed + 2),
      stream(world, network, faults, bus_node, setup.seed + 3),
      hooks_(hooks),
      map_(make_map(setup.shards)),
      rules_(changes_rules(setup) ? run_rules_offer(0, 0, setup.rollout).set
                                  : unchanging_rules(setup.rollout)) {
  for (std::uint32_t i = 0; i < setup.shards; ++i) {
    const auto node = world.add_node(fmt::format("store-{}", i));
    shards.push_back(std::make_unique<sim::ShardServer>(world, node, i, hooks.server));
    shards.back()->set_work_percent(setup.store_work_percent);
  }
  for (std::uint32_t i = 0; i < setup.caches; ++i) {
    caches.nodes.push_back(world.add_node(fmt::format("cache-{}", i)));
    caches.states.emplace_back();
  }
  for (std::uint32_t i = 0; i < setup.pods; ++i) {
    pods_.emplace_back();
    pods_.back().node = world.add_node(fmt::format("pod-{}", i));
    if (changes_rules(setup)) pods_.back().files = run_rules_offer(0, 0, setup.rollout);
  }
  for (std::uint32_t i = 0; i < setup.shards * setup.relays; ++i) {
    relays_.emplace_back();
    relays_.back().node = world.add_node(fmt::format("relay-{}", i));
    relays_.back().shard = i % setup.shards;
  }
}

Cluster::~Cluster() {
  stop();
}

std::vector<std::uint8_t> Cluster::event_seed() const {
  return std::vector<std::uint8_t>(32, 7);
}

void Cluster::boot_bus() {
  if (world.host(bus_node) != nullptr) return;
  sim::Host& host = world.boot(bus_node);
  host.spawn(stream.run(host));
}

void Cluster::start() {
  boot_bus();
  for (const auto& shard : shards) world.boot(shard->node());
  for (const auto node : caches.nodes) world.boot(node);
  for (std::size_t i = 0; i < relays_.size(); ++i) boot_relay(i);
  for (std::size_t i = 0; i < pods_.size(); ++i) boot_pod(i);
}

void Cluster::stop() {
  for (std::size_t i = 0; i < pods_.size(); ++i) crash_pod(i);
  for (std::size_t i = 0; i < relays_.size(); ++i) crash_relay(i);
  for (sim::NodeId node = 0; node < world.node_count(); ++node) {
    if (world.host(node) != nullptr) static_cast<void>(world.kill(node));
  }
}

void Cluster::crash_pod(std::size_t pod) {
  Pod& of = pods_[pod];
  if (of.life == nullptr) return;
  const auto host = world.kill(of.node);
  network.forget_calls(of.node);
  of.life.reset();
  of.draining = false;
}

void Cluster::boot_pod(std::size_t pod) {
  Pod& of = pods_[pod];
  if (of.life != nullptr) return;
  sim::Host& host = world.boot(of.node);
  of.life = std::make_unique<PodLife>(*this, host, setup.seed * 100 + pod);
  if (!changes_rules(setup)) return serve(*of.life);
  make_book(pod);
  host.spawn(begin_pod(pod));
}

void Cluster::serve(PodLife& life) {
  life.begun = true;
  life.orchestrator->start();
  life.used_bus->serve(*life.orchestrator);
  life.positions->start();
}

void Cluster::make_book(std::size_t pod) {
  PodLife& life = *pods_[pod].life;
  service::RulesBookOptions options;
  options.machine = world.name_of(pods_[pod].node);
  service::RulesBookEvents events;
  events.compile =
      [](model::RulesFiles files) -> boost::asio::awaitable<Result<model::RuleSetPtr>> {
    co_return compile_run_rules(files);
  };
  events.on_rules = [&life](const model::RulesInForcePtr& rules) {
    if (life.begun) life.orchestrator->set_rules(rules);
  };
  events.on_current = [](const auto&, const auto&) {};
  events.on_state = [] {};
  events.log = [](LogLevel, const std::string&) {};
  std::vector<ports::RulesStore*> stores(life.store_ports.begin(), life.store_ports.end());
  life.book =
      std::make_unique<service::RulesBook>(std::move(options), std::move(stores), std::move(events),
                                           life.host, life.host, life.host.executor());
}

// As a node does: it serves when it knows what is in force.
boost::asio::awaitable<void> Cluster::begin_pod(std::size_t pod) {
  PodLife& life = *pods_[pod].life;
  service::RulesOffer files = pods_[pod].files;
  co_await life.book->begin(std::move(files));
  life.orchestrator->set_rules(life.book->in_force());
  serve(life);
  life.book->offer(pods_[pod].files);  // they may have changed meanwhile
  life.book->start();
}

void Cluster::set_files(std::size_t pod, service::RulesOffer files) {
  Pod& of = pods_[pod];
  of.files = std::move(files);
  service::RulesBook* known = book(pod);
  if (known == nullptr) return;
  of.life->host.post([known, files = of.files] { known->offer(files); });
}

service::RulesBook* Cluster::book(std::size_t pod) {
  PodLife* life = pods_[pod].life.get();
  return life != nullptr && life->begun ? life->book.get() : nullptr;
}

void Cluster::restart_pod(std::size_t pod, std::int64_t down_ns) {
  Pod& of = pods_[pod];
  if (of.life == nullptr || of.draining || !of.life->begun) return;
  of.draining = true;
  of.life->host.spawn(drain_and_end(pod, down_ns));
}

boost::asio::awaitable<void> Cluster::drain_and_end(std::size_t pod, std::int64_t down_ns) {
  PodLife& life = *pods_[pod].life;
  const std::uint64_t which = life.host.life();
  life.used_bus->stop_serving();
  co_await life.positions->drain();
  co_await life.orchestrator->drain(life.host.now_ns() + drain_ns);
  world.at(world.now_ns(), [this, pod, which, down_ns] {
    if (world.host(pods_[pod].node, which) == nullptr) return;
    crash_pod(pod);
    world.at(world.now_ns() + down_ns, [this, pod] { boot_pod(pod); });
  });
}

void Cluster::crash_relay(std::size_t relay) {
  RelayNode& of = relays_[relay];
  if (of.life == nullptr) return;
  const auto host = world.kill(of.node);
  network.forget_calls(of.node);
  of.life.reset();
}

void Cluster::boot_relay(std::size_t relay) {
  RelayNode& of = relays_[relay];
  if (of.life != nullptr) return;
  sim::Host& host = world.boot(of.node);
  of.life = std::make_unique<RelayLife>(*this, host, of.shard, ++identities_);
  host.spawn(start_relay(relay));
}

boost::asio::awaitable<void> Cluster::start_relay(std::size_t relay) {
  // An error is of the first try only: it goes on trying.
  static_cast<void>(co_await relays_[relay].life->relay->start());
}

// A server has nothing but its disk, which stays.
void Cluster::kill(sim::NodeId node) {
  static_cast<void>(world.kill(node));
  network.forget_calls(node);
}

void Cluster::boot_later(sim::NodeId node, std::int64_t down_ns) {
  world.at(world.now_ns() + down_ns, [this, node] {
    if (world.host(node) == nullptr) world.boot(node);
  });
}

void Cluster::fail_over(std::size_t shard, std::int64_t down_ns) {
  sim::ShardServer& server = *shards[shard];
  if (world.host(server.node()) == nullptr) return;
  kill(server.node());
  server.promote();
  if (hooks_.promoted) {
    sim::SimDisk disk = server.disk().disk();
    hooks_.promoted(disk);
    server.disk().restore(std::move(disk));
  }
  boot_later(server.node(), down_ns);
}

void Cluster::restart_bus(std::int64_t down_ns) {
  if (world.host(bus_node) == nullptr) return;
  kill(bus_node);
  world.at(world.now_ns() + down_ns, [this] { boot_bus(); });
}

void Cluster::restart_store(std::size_t shard, std::int64_t down_ns) {
  const sim::NodeId node = shards[shard]->node();
  if (world.host(node) == nullptr) return;
  kill(node);
  boot_later(node, down_ns);
}

void Cluster::restart_cache(std::size_t cache, std::int64_t down_ns,
                            std::optional<sim::CacheNode> state) {
  const sim::NodeId node = caches.nodes[cache];
  if (world.host(node) == nullptr) return;
  kill(node);
  caches.states[cache] = state ? std::move(*state) : sim::CacheNode{};
  boot_later(node, down_ns);
}

service::Orchestrator* Cluster::orchestrator(std::size_t pod) {
  return pods_[pod].life == nullptr ? nullptr : pods_[pod].life->orchestrator.get();
}

std::vector<sim::NodeId> Cluster::all_nodes() const {
  std::vector<sim::NodeId> nodes;
  for (sim::NodeId node = 0; node < world.node_count(); ++node) nodes.push_back(node);
  return nodes;
}

}  // namespace hunt::simulation
