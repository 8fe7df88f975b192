#include "node/node_bus.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>

#include <optional>
#include <utility>

#include "adapters/nats/flame_service.h"
#include "adapters/nats/link.h"
#include "adapters/nats/nats_bus.h"
#include "adapters/nats/nats_stream.h"
#include "ports/world_directory.h"
#include "service/delivery.h"

namespace hunt::node {

namespace {

using boost::asio::awaitable;

awaitable<Result<model::WorldId>> find_world(ports::WorldDirectory* worlds, std::string name) {
  model::WorldRef named = std::move(name);
  const auto world = co_await worlds->find(std::move(named));
  if (!world) co_return tl::unexpected<Error>(world.error());
  co_return world->id;
}

nats::BusOptions bus_options(std::vector<model::ShardId> shards, nats::FindWorld find_world,
                             std::string process_id) {
  nats::BusOptions options;
  options.shards = std::move(shards);
  options.find_world = std::move(find_world);
  options.service_version = HUNT_VERSION;
  options.service_process = std::move(process_id);
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
  Part(Lane& lane_in, std::unique_ptr<nats::Connection> made, const NodeBusOptions& options,
       ports::WorldStore& store)
      : lane(lane_in),
        worlds(store),
        connection(std::move(made)),
        bus(*connection, bus_options(options.served, finder(), options.process_id)),
        stream(*connection, stream_options(options.served.empty(), finder())),
        both(lane.bus(), bus) {}
  [[nodiscard]] nats::FindWorld finder() {
    return [this](std::string name) { return find_world(&worlds, std::move(name)); };
  }

  [[nodiscard]] awaitable<void> stop_taking() {
    stopped = true;
    stream.stop();
    bus.stop_serving();
    co_return;
  }

  // Whether anything is taken from NATS: its other hunt's players are not asked for.
  void take(bool ours) {
    if (handler == nullptr || stopped) return;
    if (ours) {
      bus.serve(*handler);
      stored->start();
    } else {
      bus.stop_serving();
      stream.stop();
    }
  }

  Lane& lane;
  ports::BatchHandler* handler = nullptr;  // none: serve() was not called yet
  bool stopped = false;
  ports::WorldDirectory worlds;
  std::unique_ptr<nats::Connection> connection;
  nats::NatsBus bus;
  nats::NatsStream stream;
  LaneBus both;
  std::optional<service::StoredPositions> stored;
};

struct NodeBus::Front {
  Front(Lane& lane_in, std::unique_ptr<nats::Connection> made)
      // Of every shard: copies of other shards' tiles lie at the edges of ours.
      : lane(lane_in), connection(std::move(made)), bus(*connection, front_options()) {}
  [[nodiscard]] nats::BusOptions front_options() {
    nats::BusOptions options = bus_options({}, {}, {});
    options.on_distrust = [this] {
      if (on_distrust) on_distrust();
    };
    return options;
  }
  [[nodiscard]] awaitable<void> listen(Ears ears, std::vector<std::string> shards) {
    ports::Bus* lanes = &lane.bus();
    on_distrust = std::move(ears.on_distrust);
    bus.on_invalidation(
        [lanes](const model::Invalidation& invalidation) { lanes->publish(invalidation); });
    bus.on_claims(std::move(ears.on_claims));
    on_trouble = std::move(ears.on_trouble);
    why.emplace(*connection, ears.self, std::move(ears.on_why));
    why->start();
    flame.emplace(*connection, std::move(ears.self), std::move(ears.admin_token), ears.profiler);
    flame->start();
    connection->watch([this](bool connected) {
      unreachable = connected ? std::string()
                              : fmt::format(
                                    "NATS at {} is not reachable: nobody can ask or store over "
                                    "it, changed tiles show up to a second late and grants "
                                    "are not told",
                                    connection->shown());
      say();
    });
    const auto on_streams = [this](std::string what) {
      streams = std::move(what);
      say();
    };
    bus.watch_streams(*connection, nats::StreamSettings(), std::move(shards), on_streams);
    co_return;
  }
  [[nodiscard]] awaitable<void> leave() {
    if (why) why->leave();
    if (flame) flame->leave();
    co_return;
  }
  void say() {
    const bool other = connection->link()->figures().other_hunt;
    if (std::exchange(ours, !other) == other) on_ours(ours);
    on_trouble(unreachable.empty() ? streams : unreachable);
  }

  Lane& lane;
  std::unique_ptr<nats::Connection> connection;
  std::function<void()> on_distrust;
  nats::NatsBus bus;
  std::optional<nats::WhyService> why;
  std::optional<nats::FlameService> flame;
  std::function<void(std::string)> on_trouble;
  std::function<void(bool ours)> on_ours;  // the streams are another hunt's, or ours again
  bool ours = true;
  std::string unreachable;  // why NATS cannot be reached, or empty
  std::string streams;      // what is wrong with the streams, or empty
};

struct NodeBus::Counted {
  std::shared_ptr<nats::Figures> figures = std::make_shared<nats::Figures>();
};

NodeBus::NodeBus() : counted_(std::make_unique<Counted>()) {}
NodeBus::~NodeBus() = default;

std::vector<std::string> shard_names(std::size_t shard_count) {
  std::vector<std::string> names;
  for (std::size_t shard = 0; shard < shard_count; ++shard) names.push_back(std::to_string(shard));
  names.emplace_back("any");
  return names;
}

std::unique_ptr<NodeBus> NodeBus::make(NodeBusOptions options,
                                       const std::vector<std::unique_ptr<Lane>>& lanes, Lane& front,
                                       ports::WorldStore& worlds) {
  nats::NatsOptions how;
  how.servers = options.servers;
  how.hunt = options.hunt;
  how.owner = options.owner;
  how.key = options.key;
  how.client_name = "hunt serve";
  std::unique_ptr<NodeBus> node(new NodeBus());
  how.figures = node->counted_->figures;
  node->shard_names_ = shard_names(options.shard_count);
  node->key_ = options.key;
  for (const auto& lane : lanes) {
    auto connection = nats::Connection::make(lane->executor(), how);
    node->parts_.push_back(std::make_unique<Part>(*lane, std::move(connection), options, worlds));
  }
  node->front_ = std::make_unique<Front>(front, nats::Connection::make(front.executor(), how));
  return node;
}

Result<void> NodeBus::connect(Ears ears) {
  HUNT_CHECK(front_->lane.run(front_->connection->connect()));
  const nats::StreamSettings settings;
  HUNT_CHECK(front_->lane.run(front_->connection->prepare(settings, shard_names_)));
  for (const auto& part : parts_) HUNT_CHECK(part->lane.run(part->connection->connect()));
  front_->on_ours = [this](bool ours) {
    for (const auto& part : parts_) {
      boost::asio::post(part->lane.executor(), [one = part.get(), ours] { one->take(ours); });
    }
  };
  front_->lane.run(front_->listen(std::move(ears), shard_names_));
  return {};
}

void NodeBus::add_to(model::Stats& stats) const {
  const nats::Figures& figures = *counted_->figures;
  stats.bus_unsent += figures.unsent;
  stats.bus_refused += figures.refused;
  stats.bus_ignored += figures.ignored;
  stats.bus_overflown += figures.overflown;
  stats.bus_remade += figures.remade;
  stats.bus_divided += figures.divided;
  stats.bus_dead_letters += figures.buried;
  stats.backlogs = figures.backlogs.all();
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
  part.handler = &handler;
  part.both.serve(handler);
  part.stored.emplace(orchestrator, part.stream, clock, part.lane.timer(), key_);
  part.stored->start();
}

void NodeBus::stop_taking() {
  front_->lane.run(front_->leave());
  for (const auto& part : parts_) part->lane.run(part->stop_taking());
}

void NodeBus::drain(std::size_t lane) {
  Part& part = *parts_[lane];
  if (part.stored) part.lane.run(part.stored->drain());
  part.lane.run(part.bus.drain());
}

void NodeBus::close() {
  front_->lane.run(front_->bus.stop_watching());
  for (const auto& part : parts_) part->lane.run(part->connection->close());
  front_->lane.run(front_->connection->close());
}

}  // namespace hunt::node
