#include "node/node.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "base/random_bytes.h"
#include "base/text.h"
#include "node/parts.h"
#include "service/shard_maps.h"

namespace hunt::node {

namespace {

constexpr std::int64_t drain_ns = 5'000'000'000;

boost::asio::awaitable<void> wait_for_connections(const http::HttpServer& server,
                                                  const ports::Clock& clock, ports::Timer& timer,
                                                  std::int64_t deadline_ns) {
  while (server.connections() > 0 && clock.now_ns() < deadline_ns) {
    co_await timer.sleep_until(clock.now_ns() + 5'000'000);
  }
}

}  // namespace

namespace {

std::vector<bool> stores_here(const std::vector<StoreUrl>& urls) {
  std::vector<bool> here;
  for (const auto& url : urls) here.push_back(url.is_here());
  return here;
}

bool cache_here(const NodeOptions& options) {
  return options.cache &&
         std::any_of(options.cache->addresses.begin(), options.cache->addresses.end(),
                     [](const HostPort& one) { return is_this_machine(one.host); });
}

}  // namespace

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Node::~Node() {
  stop();
}

Result<std::unique_ptr<Node>> Node::open(NodeOptions options) {
  HUNT_TRY(listen, listen_address(options.listen));
  auto owned = std::make_unique<Parts>();
  Parts& parts = *owned;
  parts.options = std::move(options);
  parts.observer = std::make_unique<service::Observer>(
      parts.clock, parts.options.lanes,
      service::About{HUNT_VERSION, shown_stores(parts.options.stores), parts.options.stores.size(),
                     !parts.options.bus, parts.options.stores.size(),
                     stores_here(parts.options.stores), cache_here(parts.options),
                     to_hex(random_bytes<16>())});
  std::vector<std::string> names;
  for (std::size_t shard = 0; shard < parts.options.stores.size(); ++shard) {
    names.push_back(fmt::format("store of shard {}", shard));
  }
  if (parts.options.bus) names.emplace_back("bus");
  names.emplace_back("relays");
  parts.observer->set_parts(std::move(names));
  HUNT_CHECK(parts.open_rules());
  HUNT_CHECK(parts.open_stores());
  for (std::size_t i = 0; i < parts.options.lanes; ++i) {
    parts.lanes.push_back(std::make_unique<Lane>(parts.hub));
  }
  parts.front = std::make_unique<Lane>(parts.hub);
  parts.front_tasks.emplace(parts.front->executor(), 1);
  parts.store_watch.emplace(parts.stores->stores<ports::StoreCare>(), *parts.observer, parts.clock,
                            parts.front->timer(), parts.front->executor());
  parts.open_book();
  parts.open_event_watch();
  HUNT_CHECK(parts.open_caches());
  HUNT_CHECK(parts.open_bus());
  HUNT_CHECK(parts.open_http(listen));
  return std::unique_ptr<Node>(new Node(std::move(owned)));
}

Result<void> Node::start() {
  Parts& parts = *parts_;
  for (std::size_t i = 0; i < parts.lanes.size(); ++i)
    parts.lanes[i]->start(fmt::format("lane-{}", i));
  parts.front->start("front");
  parts.started = true;
  HUNT_CHECK(parts.check_cache());
  HUNT_TRY(seed, parts.event_seed());
  HUNT_CHECK(parts.listen());
  parts.front->run(parts.book->begin(parts.rules->offer()));
  HUNT_CHECK(parts.check_rules());
  parts.make_orchestrators(seed);
  parts.running = true;
  if (parts.nats == nullptr) HUNT_CHECK(parts.relay_here());
  parts.rules->start();
  boost::asio::post(parts.front->executor(), [&parts] {
    parts.http->start();
    parts.front_watch->start();
    parts.event_watch->start();
    parts.store_watch->start();
    parts.book->start();
    if (parts.nats != nullptr) parts.nats->show_map(parts.stores->map());
    if (parts.stores->count() == 1) return;
    const bool spawned = parts.front_tasks->try_spawn(parts.follow_map());
    HUNT_ASSERT(spawned);
  });
  // Whoever asks over HTTP is answered at once, and waits for what is not read yet. From NATS,
  // where others serve, nothing is taken before.
  const bool alone = parts.nats == nullptr;
  if (alone) parts.serve();
  if (parts.options.prewarm) parts.prewarm();
  if (!alone) parts.serve();
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
  parts.profiler.close();  // who waits for a profile gets what there is
  parts.profile_push.reset();
  if (parts.running) {
    const std::int64_t deadline_ns = parts.clock.now_ns() + drain_ns;
    const CloseAfter last_call(*parts.stores, std::chrono::nanoseconds(drain_ns));
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
    front.run(parts.stop_book());
    for (const auto& relay : parts.relays) parts.lanes[0]->run(relay->drain());
    if (parts.nats != nullptr) parts.nats->close();
    parts.running = false;
  }
  if (parts.cache_watch) parts.lanes[0]->run(parts.cache_watch->join());
  parts.cache_watch.reset();
  if (parts.rules) parts.rules->stop();  // no callback into the lanes any more
  if (parts.stores) parts.stores->close();
  if (std::exchange(parts.started, false)) {
    parts.front->run(parts.event_watch->join());
    parts.front->run(parts.store_watch->join());
    parts.front->run(parts.book->join());
  }
  for (const auto& lane : parts.lanes) lane->stop();
  if (parts.front != nullptr) parts.front->stop();
}

inproc::InprocBus& Node::hub() noexcept {
  return parts_->hub;
}
ports::WorldStore& Node::store() noexcept {
  return *parts_->whole;
}
Result<void> Node::split_evenly(std::vector<model::ChunkKey> loot) {
  Parts& parts = *parts_;
  if (parts.stores->count() == 1) return {};
  const auto stores = parts.stores->stores<ports::WorldStore>();
  HUNT_CHECK(parts.front->run(service::split_evenly(stores, std::move(loot))));
  HUNT_TRY(map, parts.front->run(service::agree_on_map(stores, true)));
  boost::asio::post(parts.front->executor(), [&parts, map] { parts.adopt_map(map); });
  return {};
}
std::shared_ptr<const model::RuleSet> Node::rules() const {
  return parts_->book->current();
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

const std::string& Node::connections_told() const noexcept {
  return parts_->connections_told;
}

std::int64_t Node::serve_cpu_ns() {
  std::int64_t sum_ns = parts_->front->cpu_ns();
  for (const auto& lane : parts_->lanes) sum_ns += lane->cpu_ns();
  return sum_ns;
}

}  // namespace hunt::node
