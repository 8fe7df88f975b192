#include "apps/node.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "adapters/http/http_server.h"
#include "adapters/nats/nats_options.h"
#include "adapters/redis/redis_cache.h"
#include "apps/command.h"
#include "apps/node_bus.h"
#include "apps/open_store.h"
#include "apps/rules_watch.h"
#include "base/text.h"
#include "model/limits.h"
#include "service/orchestrator.h"
#include "service/prewarm.h"
#include "service/relay.h"
#include "service/shard_maps.h"
#include "service/sharded_store.h"
#include "service/task_group.h"
#include "sim/busy_handler.h"
#include "sim/slow_cache.h"
#include "sim/slow_store.h"

namespace hunt::apps {

namespace {

constexpr std::int64_t drain_ns = 5'000'000'000;
constexpr std::string_view no_cache = "none:";
constexpr std::string_view inproc_bus = "inproc:";
constexpr std::int64_t look_at_map_ns = 1'000'000'000;
constexpr std::int64_t look_at_stop_ns = 50'000'000;
constexpr std::int64_t hear_relays_ns_max = 1'000'000'000;  // they tell that they live ten a second

std::vector<std::uint8_t> random_bytes(std::size_t count) {
  std::random_device device;
  std::vector<std::uint8_t> bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(device());
  return bytes;
}

Result<std::vector<std::uint8_t>> read_event_seed(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Errc::io, fmt::format("cannot read the event seed file {}", path));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  std::vector<std::uint8_t> seed(32);
  if (text.size() == 64 && from_hex(text, seed)) return seed;
  return fail(Errc::invalid_argument,
              fmt::format("{} must hold 64 hexadecimal digits (32 bytes), such as "
                          "`openssl rand -hex 32` writes",
                          path));
}

boost::asio::awaitable<void> wait_for_connections(const http::HttpServer& server,
                                                  const ports::Clock& clock, ports::Timer& timer,
                                                  std::int64_t deadline_ns) {
  while (server.connections() > 0 && clock.now_ns() < deadline_ns) {
    co_await timer.sleep_until(clock.now_ns() + 5'000'000);
  }
}

}  // namespace

Result<ListenAddress> parse_listen(const std::string& text) {
  const auto colon = text.rfind(':');
  const auto port = colon == std::string::npos
                        ? std::optional<std::uint64_t>{}
                        : parse_u64(std::string_view(text).substr(colon + 1));
  if (!port || *port > 65'535 || colon == 0) {
    return fail(Errc::invalid_argument,
                fmt::format("\"{}\" is no address to listen on; expected HOST:PORT, such as "
                            "127.0.0.1:8080 or [::1]:8080",
                            printable(text)),
                "listen");
  }
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return ListenAddress{host, static_cast<std::uint16_t>(*port)};
}

Result<std::string> read_secret(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  if (!file || !std::getline(file, text)) {
    return fail(Errc::io, fmt::format("cannot read a token from {}", path));
  }
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) {
    return fail(Errc::invalid_argument, fmt::format("{} holds no token in its first line", path));
  }
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

Result<void> check_flags(const NodeOptions& options) {
  HUNT_CHECK(parse_listen(options.listen));
  HUNT_CHECK(check_store_urls(options.store_urls));
  if (options.cache_url != no_cache) HUNT_CHECK(redis::parse_redis_url(options.cache_url));
  if (options.bus_url != inproc_bus) HUNT_CHECK(nats::parse_servers(options.bus_url));
  for (const auto shard : options.shards) {
    if (shard < options.store_urls.size()) continue;
    return fail(Errc::invalid_argument,
                fmt::format("there is no shard {}: the stores given are 0 to {}", shard,
                            options.store_urls.size() - 1),
                "shards");
  }
  return {};
}

// The cache as one lane sees it. Lives as long as its lane's loop runs.
struct LaneCache {
  LaneCache(redis::RedisUrl url, std::uint64_t seed, std::int64_t slow_ns, Lane& lane)
      : cache(std::move(url), options_of(seed), lane.executor()) {
    if (slow_ns > 0) slow.emplace(cache, slow_ns);
  }
  static redis::RedisOptions options_of(std::uint64_t seed) {
    redis::RedisOptions options;
    options.seed = seed;
    return options;
  }
  [[nodiscard]] ports::TileCache& port() {
    if (slow) return *slow;
    return cache;
  }

  redis::RedisCache cache;
  std::optional<sim::SlowCache> slow;
};

struct Node::Parts {
  NodeOptions options;
  system::SystemClock clock;
  inproc::InprocBus hub{clock};
  std::optional<OpenStores> stores;
  std::vector<std::unique_ptr<sim::SlowStore>> slow_stores;  // by shard, where a delay is asked for
  std::optional<service::ShardedStore> whole;                // all shards as one
  std::unique_ptr<RulesWatch> rules;
  std::unique_ptr<service::Observer> observer;
  std::vector<std::unique_ptr<Lane>> lanes;
  // HTTP has a thread of its own: probes, figures and `hunt why` answer while the lanes cannot.
  std::unique_ptr<Lane> front;
  std::unique_ptr<NodeBus> nats;  // none: all of it is in this process, the relay too
  std::vector<std::unique_ptr<LaneCache>> caches;  // by lane; none without a cache
  std::vector<std::unique_ptr<service::Orchestrator>> orchestrators;
  std::vector<std::unique_ptr<sim::BusyHandler>> busy_handlers;
  std::vector<std::unique_ptr<service::Relay>> relays;  // by shard
  std::unique_ptr<http::HttpServer> http;
  std::string admin_token;
  std::string address;
  std::atomic<bool> running{false};
  std::uint32_t map_version = 0;  // in force; of the front
  std::string map_trouble;        // said last; of the front
  std::optional<service::TaskGroup> front_tasks;
  bool stopping = false;  // of the front

  // By shard, as the lanes see them.
  std::vector<ports::HuntStore*> serving_stores() {
    if (slow_stores.empty()) return stores->stores();
    std::vector<ports::HuntStore*> out;
    for (const auto& slow : slow_stores) out.push_back(slow.get());
    return out;
  }
  Result<void> open_stores();
  [[nodiscard]] boost::asio::awaitable<void> follow_map();
  [[nodiscard]] boost::asio::awaitable<void> stop_following() {
    stopping = true;
    co_await front_tasks->join(clock, front->timer());
  }
  void adopt_map(const model::ShardMap& map);
  Result<void> open_caches();
  Result<void> check_cache();
  Result<void> open_bus();
  Result<void> listen();
  Result<void> relay_here();
  void make_orchestrators(const std::vector<std::uint8_t>& seed);
  void prewarm();
  void serve();
  ports::Bus& bus_of(std::size_t lane) {
    return nats != nullptr ? nats->bus(lane) : lanes[lane]->bus();
  }
  Result<void> open_rules();
  Result<std::vector<std::uint8_t>> event_seed();
  Result<void> open_http(const ListenAddress& listen);
  void adopt_rules(const std::shared_ptr<const model::RuleSet>& set);
};

Result<void> Node::Parts::open_stores() {
  OpenStoreOptions how;
  how.connect_ahead = true;
  if (options.new_store_seed.size() == 32) {
    how.new_seed.emplace();
    std::copy(options.new_store_seed.begin(), options.new_store_seed.end(), how.new_seed->begin());
  }
  HUNT_TRY(opened, OpenStores::open(options.store_urls, clock, how));
  stores.emplace(std::move(opened));
  if (options.wounds.slow_store_ns > 0) {
    for (ports::HuntStore* store : stores->stores()) {
      slow_stores.push_back(std::make_unique<sim::SlowStore>(*store, options.wounds.slow_store_ns));
    }
  }
  // Without the delay: it is of players' ways, and a world is buried in a hundred calls.
  whole.emplace(stores->stores());
  whole->set_map(stores->map());
  map_version = stores->map().version;
  return {};
}

// Thread: the front.
void Node::Parts::adopt_map(const model::ShardMap& map) {
  map_version = map.version;
  whole->set_map(map);
  if (nats != nullptr) nats->show_map(map);
  const auto shared = std::make_shared<const model::ShardMap>(map);
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    boost::asio::post(lanes[i]->executor(), [this, i, shared] {
      const auto set = orchestrators[i]->set_map(shared);
      HUNT_ASSERT(set.has_value());  // its shards were counted
    });
  }
}

// Another process may set another map, which is in force once all shards have it.
boost::asio::awaitable<void> Node::Parts::follow_map() {
  while (!stopping) {
    const std::int64_t next_ns = clock.now_ns() + look_at_map_ns;
    while (!stopping && clock.now_ns() < next_ns) {
      co_await front->timer().sleep_until(clock.now_ns() + look_at_stop_ns);
    }
    if (stopping) co_return;
    const auto map = co_await service::agree_on_map(stores->stores(), true);
    const std::string trouble = map ? "" : map.error().message;
    if (map && map->version != map_version) adopt_map(*map);
    if (trouble == map_trouble) continue;
    map_trouble = trouble;
    if (!trouble.empty()) {
      std::fprintf(stderr, "hunt: the shard map cannot be looked at: %s\n", trouble.c_str());
    }
  }
}

Result<void> Node::Parts::open_caches() {
  if (options.cache_url == no_cache) return {};
  HUNT_TRY(url, redis::parse_redis_url(options.cache_url));
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    caches.push_back(std::make_unique<LaneCache>(url, options.seed + i,
                                                 options.wounds.slow_cache_ns, *lanes[i]));
  }
  return {};
}

// A cache that is down is no reason not to serve; one that does not let us in stays so.
Result<void> Node::Parts::check_cache() {
  if (caches.empty()) return {};
  const auto checked = lanes[0]->run(caches[0]->cache.check());
  if (checked || checked.error().code == Errc::unauthorized) return checked;
  std::fprintf(stderr, "hunt: %s; the store is read directly until the cache answers\n",
               checked.error().message.c_str());
  return {};
}

Result<void> Node::Parts::open_bus() {
  if (options.bus_url == inproc_bus) return {};
  NodeBusOptions bus{options.bus_url, options.shards, stores->count()};
  HUNT_TRY(made, NodeBus::make(std::move(bus), lanes, *front, *whole));
  nats = std::move(made);
  return {};
}

// Connects, and hears for the page and the streams what claims came to.
Result<void> Node::Parts::listen() {
  const auto on_claims = [this](const std::vector<model::ClaimEvent>& events) {
    observer->on_finds(events);
    http->on_claims(events);
  };
  const bool here = nats == nullptr;
  boost::asio::post(front->executor(), [this, here, on_claims] {
    front->bus().on_invalidation(
        [this](const model::Invalidation& one) { observer->heard_relay(one.shard); });
    if (here) front->bus().on_claims(on_claims);
  });
  if (here) return {};
  const auto on_trouble = [this](std::string what) { observer->set_trouble(std::move(what)); };
  return nats->connect({on_claims, on_trouble});
}

Result<void> Node::Parts::relay_here() {
  std::uint64_t identity = 0;
  for (const auto byte : random_bytes(8)) identity = identity << 8 | byte;
  ports::TileCache* cache = caches.empty() ? nullptr : &caches[0]->port();
  Lane& first = *lanes[0];
  for (std::size_t shard = 0; shard < stores->count(); ++shard) {
    const service::RelayOptions relay_options{static_cast<model::ShardId>(shard), identity | 1U};
    relays.push_back(std::make_unique<service::Relay>(relay_options, stores->shard(shard).feed(),
                                                      first.bus(), cache, clock, first.timer(),
                                                      first.executor()));
    HUNT_CHECK(first.run(relays.back()->start()));
  }
  return {};
}

// They listen for changes, and answer nobody yet.
void Node::Parts::make_orchestrators(const std::vector<std::uint8_t>& seed) {
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    Lane& lane = *lanes[i];
    service::OrchestratorOptions how;
    how.lane = i;
    how.seed = options.seed + i;
    how.event_seed = seed;
    how.map = std::make_shared<const model::ShardMap>(stores->map());
    how.served = options.shards;
    how.grant_calls_max = options.grant_calls_max;
    how.stage_clock = options.stage_clock;
    service::OrchestratorPorts ports{serving_stores(), bus_of(i), clock, lane.timer(),
                                     lane.executor()};
    if (!caches.empty()) ports.cache = &caches[i]->port();
    orchestrators.push_back(std::make_unique<service::Orchestrator>(how, std::move(ports),
                                                                    *observer, rules->current()));
    service::Orchestrator* orchestrator = orchestrators.back().get();
    boost::asio::post(lane.executor(), [orchestrator] { orchestrator->start(); });
  }
}

// What is read before the relays are heard is trusted for a second only. A lane that could not read
// all of it is better than none.
void Node::Parts::prewarm() {
  observer->set_not_ready("the loot is being read ahead");
  const std::int64_t deadline_ns = clock.now_ns() + limits::prewarm_ns_max;
  const auto chunks = lanes[0]->run(service::find_hot_set(*whole, {}));
  auto warm = chunks ? Result<void>() : tl::unexpected<Error>(chunks.error());
  if (chunks && chunks->empty()) return;
  const std::int64_t heard_by_ns = clock.now_ns() + hear_relays_ns_max;
  while (warm && !observer->heard_relays() && clock.now_ns() < heard_by_ns) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  for (std::size_t i = 0; warm && i < lanes.size(); ++i) {
    warm = lanes[i]->run(orchestrators[i]->prewarm(*chunks, deadline_ns));
  }
  if (warm) return;
  std::fprintf(stderr, "hunt: not all loot was read ahead: %s; the first players wait for it\n",
               warm.error().message.c_str());
}

void Node::Parts::serve() {
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    Lane& lane = *lanes[i];
    service::Orchestrator* orchestrator = orchestrators[i].get();
    ports::BatchHandler* handler = orchestrator;
    if (const auto burn_ns = options.wounds.busy_cpu_ns; burn_ns > 0) {
      busy_handlers.push_back(std::make_unique<sim::BusyHandler>(*orchestrator, burn_ns));
      handler = busy_handlers.back().get();
    }
    boost::asio::post(lane.executor(), [this, orchestrator, handler, i, &lane] {
      if (nats == nullptr) return lane.bus().serve(*handler);
      nats->serve(i, *handler, *orchestrator, clock);
    });
  }
}

Result<void> Node::Parts::open_rules() {
  RulesWatch::Options watch;
  watch.path = options.rules_path;
  watch.on_change = [this](const std::shared_ptr<const model::RuleSet>& set) { adopt_rules(set); };
  watch.log = [this](std::string_view line) {
    std::fprintf(stderr, "hunt: %.*s\n", static_cast<int>(line.size()), line.data());
    if (rules != nullptr) observer->set_rules_rejected(rules->rejected());
  };
  HUNT_TRY(opened, RulesWatch::open(std::move(watch)));
  rules = std::move(opened);
  return {};
}

void Node::Parts::adopt_rules(const std::shared_ptr<const model::RuleSet>& set) {
  observer->set_rules(*set);
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    boost::asio::post(lanes[i]->executor(), [this, i, set] { orchestrators[i]->set_rules(set); });
  }
}

Result<std::vector<std::uint8_t>> Node::Parts::event_seed() {
  if (!options.event_seed_file.empty()) return read_event_seed(options.event_seed_file);
  HUNT_TRY(info, lanes[0]->run(whole->info()));
  return info.seed_bytes;
}

Result<void> Node::Parts::open_http(const ListenAddress& listen) {
  http::HttpOptions http_options;
  http_options.host = listen.host;
  http_options.port = listen.port;
  if (options.admin_token_file.empty()) {
    admin_token = to_hex(random_bytes(16));
  } else {
    HUNT_TRY(token, read_secret(options.admin_token_file));
    admin_token = token;
  }
  http_options.admin_token = admin_token;
  if (!options.server_token_file.empty()) {
    HUNT_TRY(token, read_secret(options.server_token_file));
    http_options.server_token = token;
  }
  http::Ports ports{front->bus(), *whole, *observer, *rules, serving_stores()};
  http = std::make_unique<http::HttpServer>(front->loop(), std::move(ports), http_options);
  HUNT_TRY(port, http->listen());
  const bool v6 = listen.host.find(':') != std::string::npos;
  address = fmt::format("http://{}{}{}:{}/", v6 ? "[" : "", listen.host, v6 ? "]" : "", port);
  return {};
}

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Node::~Node() {
  stop();
}

Result<std::unique_ptr<Node>> Node::open(NodeOptions options) {
  HUNT_TRY(listen, parse_listen(options.listen));
  auto owned = std::make_unique<Parts>();
  Parts& parts = *owned;
  parts.options = std::move(options);
  parts.observer = std::make_unique<service::Observer>(
      parts.clock, parts.options.lanes,
      service::About{HUNT_VERSION, shown_stores(parts.options.store_urls),
                     parts.options.store_urls.size(), parts.options.bus_url == inproc_bus});
  HUNT_CHECK(parts.open_rules());
  HUNT_CHECK(parts.open_stores());
  for (std::size_t i = 0; i < parts.options.lanes; ++i) {
    parts.lanes.push_back(std::make_unique<Lane>(parts.hub));
  }
  parts.front = std::make_unique<Lane>(parts.hub);
  parts.front_tasks.emplace(parts.front->executor(), 1);
  HUNT_CHECK(parts.open_caches());
  HUNT_CHECK(parts.open_bus());
  HUNT_CHECK(parts.open_http(listen));
  return std::unique_ptr<Node>(new Node(std::move(owned)));
}

Result<void> Node::start() {
  Parts& parts = *parts_;
  for (const auto& lane : parts.lanes) lane->start();
  parts.front->start();
  HUNT_CHECK(parts.check_cache());
  HUNT_TRY(seed, parts.event_seed());
  HUNT_CHECK(parts.listen());
  parts.make_orchestrators(seed);
  parts.running = true;
  if (parts.nats == nullptr) HUNT_CHECK(parts.relay_here());
  parts.observer->set_rules(*parts.rules->current());
  parts.rules->start();
  boost::asio::post(parts.front->executor(), [&parts] {
    parts.http->start();
    if (parts.nats != nullptr) parts.nats->show_map(parts.stores->map());
    if (parts.stores->count() == 1) return;
    const bool spawned = parts.front_tasks->try_spawn(parts.follow_map());
    HUNT_ASSERT(spawned);
  });
  if (parts.options.prewarm) parts.prewarm();
  parts.serve();
  parts.observer->set_not_ready("");
  return {};
}

Result<void> Node::prewarm(model::WorldId world, model::TileRect rect) {
  std::vector<model::ChunkKey> chunks;
  const model::ChunkAt low = model::chunk_at(rect.low);
  const model::ChunkAt high = model::chunk_at(rect.high);
  for (std::int32_t y = low.y - 1; y <= high.y + 1; ++y) {
    for (std::int32_t x = low.x - 1; x <= high.x + 1; ++x) {
      chunks.push_back(model::chunk_key(world, model::neighbour({x, y}, 0, 0)));
    }
  }
  std::sort(chunks.begin(), chunks.end());
  for (std::size_t i = 0; i < parts_->lanes.size(); ++i) {
    HUNT_CHECK(parts_->lanes[i]->run(parts_->orchestrators[i]->prewarm(chunks, INT64_MAX)));
  }
  return {};
}

void Node::stop() {
  Parts& parts = *parts_;
  parts.observer->set_not_ready("shutting down");
  if (parts.running) {
    const std::int64_t deadline_ns = parts.clock.now_ns() + drain_ns;
    if (parts.nats != nullptr) parts.nats->stop_taking();
    parts.http->stop();
    Lane& front = *parts.front;
    front.run(wait_for_connections(*parts.http, parts.clock, front.timer(), deadline_ns));
    front.run(parts.stop_following());
    for (std::size_t i = 0; i < parts.lanes.size(); ++i) {
      if (parts.nats != nullptr) parts.nats->drain(i);
      parts.lanes[i]->bus().stop_serving();
      parts.lanes[i]->run(parts.orchestrators[i]->drain(deadline_ns));
    }
    for (const auto& relay : parts.relays) parts.lanes[0]->run(relay->drain());
    if (parts.nats != nullptr) parts.nats->close();
    parts.running = false;
  }
  parts.rules.reset();  // no callback into the lanes any more
  if (parts.stores) parts.stores->close();
  for (const auto& lane : parts.lanes) lane->stop();
  if (parts.front != nullptr) parts.front->stop();
}

inproc::InprocBus& Node::hub() noexcept {
  return parts_->hub;
}
ports::HuntStore& Node::store() noexcept {
  return *parts_->whole;
}
Result<void> Node::split_evenly(std::vector<model::ChunkKey> loot) {
  Parts& parts = *parts_;
  if (parts.stores->count() == 1) return {};
  HUNT_CHECK(parts.front->run(service::split_evenly(parts.stores->stores(), std::move(loot))));
  HUNT_TRY(map, parts.front->run(service::agree_on_map(parts.stores->stores(), true)));
  boost::asio::post(parts.front->executor(), [&parts, map] { parts.adopt_map(map); });
  return {};
}
Lane& Node::lane(std::size_t index) noexcept {
  return *parts_->lanes[index];
}
service::Observer& Node::observer() noexcept {
  return *parts_->observer;
}
const ports::Clock& Node::clock() const noexcept {
  return parts_->clock;
}
std::string Node::address() const {
  return parts_->address;
}
const std::string& Node::admin_token() const noexcept {
  return parts_->admin_token;
}
bool Node::admin_token_is_fresh() const noexcept {
  return parts_->options.admin_token_file.empty();
}

std::int64_t Node::serve_cpu_ns() {
  std::int64_t sum_ns = parts_->front->cpu_ns();
  for (const auto& lane : parts_->lanes) sum_ns += lane->cpu_ns();
  return sum_ns;
}

}  // namespace hunt::apps
