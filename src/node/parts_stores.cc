// The stores of all shards, and the map that they agree on.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "base/log.h"
#include "node/parts.h"
#include "service/shard_maps.h"

namespace hunt::node {

namespace {

constexpr std::int64_t look_at_map_ns = 1'000'000'000;
constexpr std::int64_t look_at_stop_ns = 50'000'000;

}  // namespace

Result<void> Node::Parts::open_stores() {
  OpenStoreOptions how;
  how.connect_ahead = true;
  how.wait_for_shards = wait_for_shards;
  how.grant_connections = options.grant_connections;
  // From now on they are nobody else's shards. What the hunt is called on shared servers (--hunt)
  // may change: it is not kept.
  how.hunt = model::default_hunt_name;
  if (options.new_store_seed.size() == 32) {
    how.new_seed.emplace();
    std::copy(options.new_store_seed.begin(), options.new_store_seed.end(), how.new_seed->begin());
  }
  HUNT_TRY(opened, OpenStores::open(options.stores, clock, how));
  stores.emplace(std::move(opened));
  print_remarks(options.stores);
  if (options.wounds.slow_store_ns > 0) {
    for (ports::HuntStore* store : stores->stores()) {
      slow_stores.push_back(
          std::make_unique<delay::SlowStore>(*store, options.wounds.slow_store_ns));
    }
  }
  // Without the delay: it is of players' ways, and a world is buried in a hundred calls.
  whole.emplace(stores->stores<ports::WorldStore>());
  whole->set_map(stores->map());
  whole->keep_figures(clock);
  whole->tell_burials([this](model::ShardId shard, const Error* refused) {
    observer->note_burial(shard, refused);
  });
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
    const auto map = co_await service::agree_on_map(stores->stores<ports::WorldStore>(), true);
    const std::string trouble = map ? "" : map.error().message;
    if (map && map->version != map_version) adopt_map(*map);
    if (trouble == map_trouble) continue;
    map_trouble = trouble;
    if (!trouble.empty()) {
      log(LogLevel::warning, "shard map",
          fmt::format("the shard map cannot be looked at: {}", trouble));
    }
  }
}

}  // namespace hunt::node
