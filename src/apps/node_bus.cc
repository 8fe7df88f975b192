#include "apps/node_bus.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "adapters/http/world_names.h"
#include "adapters/nats/nats_bus.h"
#include "adapters/nats/nats_stream.h"
#include "service/delivery.h"

namespace hunt::apps {

namespace {

using boost::asio::awaitable;

awaitable<Result<model::WorldId>> find_world(http::WorldNames* worlds, std::string name) {
  codec::WorldRef named = std::move(name);
  const auto world = co_await worlds->find(std::move(named));
  if (!world) co_return tl::unexpected<Error>(world.error());
  co_return world->id;
}

nats::BusOptions bus_options(std::vector<model::ShardId> shards, nats::FindWorld find_world) {
  nats::BusOptions options;
  options.shards = std::move(shards);
  options.find_world = std::move(find_world);
  options.service_version = HUNT_VERSION;
  return options;
}

nats::StreamOptions stream_options(bool any, nats::FindWorld find_world) {
  nats::StreamOptions options;
  options.any = any;
  options.find_world = std::move(find_world);
  return options;
}

}  // namespace

// Of one lane: asks of this process and those of NATS come to the same orchestrator; what it tells
// goes to NATS; invalidations come through the front.
class NodeBus::LaneBus final : public ports::Bus {
 public:
  LaneBus(ports::Bus& here, ports::Bus& there) : here_(here), there_(there) {}

  awaitable<Result<model::BatchReply>> ask(model::Batch batch, ports::Wait wait) override {
    return here_.ask(std::move(batch), wait);
  }
  void serve(ports::BatchHandler& handler) override {
    here_.serve(handler);
    there_.serve(handler);
  }
  void stop_serving() override {
    there_.stop_serving();
    here_.stop_serving();
  }
  void publish(model::Invalidation invalidation) override {
    there_.publish(std::move(invalidation));
  }
  awaitable<Result<void>> tell(std::vector<model::ClaimEvent> events) override {
    return there_.tell(std::move(events));
  }
  void on_invalidation(std::function<void(const model::Invalidation&)> handler) override {
    here_.on_invalidation(std::move(handler));
  }
  void on_claims(std::function<void(const std::vector<model::ClaimEvent>&)> handler) override {
    there_.on_claims(std::move(handler));
  }

 private:
  ports::Bus& here_;
  ports::Bus& there_;
};

struct NodeBus::Part {
  Part(Lane& lane_in, std::unique_ptr<nats::Connection> made,
       const std::vector<model::ShardId>& served, ports::HuntStore& store)
      : lane(lane_in),
        worlds(store),
        connection(std::move(made)),
        bus(*connection, bus_options(served, finder())),
        stream(*connection, stream_options(served.empty(), finder())),
        both(lane.bus(), bus) {}
  [[nodiscard]] nats::FindWorld finder() {
    return [this](std::string name) { return find_world(&worlds, std::move(name)); };
  }

  [[nodiscard]] awaitable<void> stop_taking() {
    stream.stop();
    bus.stop_serving();
    co_return;
  }

  Lane& lane;
  http::WorldNames worlds;
  std::unique_ptr<nats::Connection> connection;
  nats::NatsBus bus;
  nats::NatsStream stream;
  LaneBus both;
  std::optional<service::StoredPositions> stored;
};

struct NodeBus::Front {
  Front(Lane& lane_in, std::unique_ptr<nats::Connection> made)
      // Of every shard: copies of other shards' tiles lie at the edges of ours.
      : lane(lane_in), connection(std::move(made)), bus(*connection, bus_options({}, {})) {}
  [[nodiscard]] awaitable<void> listen(Ears ears) {
    ports::Bus* lanes = &lane.bus();
    bus.on_invalidation(
        [lanes](const model::Invalidation& invalidation) { lanes->publish(invalidation); });
    bus.on_claims(std::move(ears.on_claims));
    connection->watch(
        [on_trouble = std::move(ears.on_trouble), shown = connection->shown()](bool connected) {
          on_trouble(connected
                         ? std::string()
                         : fmt::format("NATS at {} is not reachable: nobody can ask or store over "
                                       "it, changed tiles show up to a second late and grants "
                                       "are not told",
                                       shown));
        });
    co_return;
  }

  Lane& lane;
  std::unique_ptr<nats::Connection> connection;
  nats::NatsBus bus;
};

NodeBus::NodeBus() = default;
NodeBus::~NodeBus() = default;

std::vector<std::string> shard_names(std::size_t shard_count) {
  std::vector<std::string> names;
  for (std::size_t shard = 0; shard < shard_count; ++shard) names.push_back(std::to_string(shard));
  names.emplace_back("any");
  return names;
}

Result<std::unique_ptr<NodeBus>> NodeBus::make(NodeBusOptions options,
                                               const std::vector<std::unique_ptr<Lane>>& lanes,
                                               Lane& front, ports::HuntStore& worlds) {
  nats::NatsOptions servers;
  servers.url = options.url;
  servers.client_name = "hunt serve";
  std::unique_ptr<NodeBus> node(new NodeBus());
  node->shard_names_ = shard_names(options.shard_count);
  for (const auto& lane : lanes) {
    HUNT_TRY(connection, nats::Connection::make(lane->executor(), servers));
    node->parts_.push_back(
        std::make_unique<Part>(*lane, std::move(connection), options.served, worlds));
  }
  HUNT_TRY(connection, nats::Connection::make(front.executor(), servers));
  node->front_ = std::make_unique<Front>(front, std::move(connection));
  return node;
}

Result<void> NodeBus::connect(Ears ears) {
  HUNT_CHECK(front_->lane.run(front_->connection->connect()));
  const nats::StreamSettings settings;
  HUNT_CHECK(front_->lane.run(front_->connection->prepare(settings, shard_names_)));
  for (const auto& part : parts_) HUNT_CHECK(part->lane.run(part->connection->connect()));
  front_->lane.run(front_->listen(std::move(ears)));
  return {};
}

void NodeBus::show_map(const model::ShardMap& map) {
  front_->bus.show_map(map);
}

ports::Bus& NodeBus::bus(std::size_t lane) noexcept {
  return parts_[lane]->both;
}

void NodeBus::serve(std::size_t lane, ports::BatchHandler& handler,
                    service::Orchestrator& orchestrator, const ports::Clock& clock) {
  Part& part = *parts_[lane];
  part.both.serve(handler);
  part.stored.emplace(orchestrator, part.stream, clock, part.lane.timer());
  part.stored->start();
}

void NodeBus::stop_taking() {
  for (const auto& part : parts_) part->lane.run(part->stop_taking());
}

void NodeBus::drain(std::size_t lane) {
  Part& part = *parts_[lane];
  if (part.stored) part.lane.run(part.stored->drain());
  part.lane.run(part.bus.drain());
}

void NodeBus::close() {
  for (const auto& part : parts_) part->lane.run(part->connection->close());
  front_->lane.run(front_->connection->close());
}

}  // namespace hunt::apps
