// What each lane has: its cache, its bus, its orchestrator; and the relay where there is no other.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <thread>

#include "base/log.h"
#include "base/random_bytes.h"
#include "codec/json_why.h"
#include "model/limits.h"
#include "node/parts.h"
#include "service/prewarm.h"

namespace hunt::node {

namespace {

constexpr std::int64_t hear_relays_ns_max = 1'000'000'000;  // they tell that they live ten a second

// Of the shards that can be asked, by shard; with chunks of those only.
boost::asio::awaitable<Result<std::vector<model::ChunkKey>>> find_open_hot_set(
    OpenStores& stores, std::vector<bool> open, model::ShardMap map) {
  std::vector<ports::WorldStore*> reachable;
  for (std::size_t shard = 0; shard < open.size(); ++shard) {
    if (open[shard]) reachable.push_back(&stores.shard(shard).store());
  }
  service::ShardedStore whole(reachable);
  const std::optional<model::WorldId> all_worlds;
  HUNT_CO_TRY(chunks, co_await service::find_hot_set(whole, all_worlds));
  if (reachable.size() < open.size()) {
    std::erase_if(chunks, [&](const auto& key) { return !open[map.shard_of(key)]; });
  }
  co_return chunks;
}

std::vector<bool> open_shards(const OpenStores& stores) {
  std::vector<bool> open;
  for (const auto& why_not : stores.waits_for()) open.push_back(why_not.empty());
  return open;
}

}  // namespace

Result<void> Node::Parts::open_caches() {
  if (!options.cache) return {};
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    redis::RedisOptions how;
    how.hunt = options.hunt;
    how.owner = stores->owner();
    how.seed = options.seed + i;
    caches.push_back(std::make_unique<LaneCache>(*options.cache, std::move(how),
                                                 options.wounds.slow_cache_ns, *lanes[i]));
  }
  return {};
}

// A cache that is down is no reason not to serve; one that does not let us in, or is another
// hunt's, stays so.
Result<void> Node::Parts::check_cache() {
  if (caches.empty()) return {};
  const auto checked = lanes[0]->run(caches[0]->cache.check());
  const auto stays = [](Errc code) {
    return code == Errc::unauthorized || code == Errc::already_exists;
  };
  if (!checked && stays(checked.error().code)) return checked;
  cache_watch.emplace(caches[0]->cache, *lanes[0], clock, *observer,
                      "the store is read directly until then");
  cache_watch->start();
  if (checked) return {};
  log(LogLevel::warning, "cache",
      checked.error().message + "; the store is read directly until the cache answers");
  return {};
}

Result<void> Node::Parts::open_bus() {
  if (!options.bus) return {};
  HUNT_TRY(secrets, run_here(stores->shard(0).store().secrets()));
  NodeBusOptions bus;
  bus.servers = *options.bus;
  bus.hunt = options.hunt;
  bus.owner = stores->owner();
  bus.key.assign(secrets.hunt_key.begin(), secrets.hunt_key.end());
  bus.served = options.shards;
  bus.shard_count = stores->count();
  bus.process_id = observer->process().id;
  nats = NodeBus::make(std::move(bus), lanes, *front, *whole);
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
  const auto on_trouble = [this](std::string what) {
    observer->set_trouble("bus", std::move(what));
  };
  const auto on_distrust = [this] { observer->count_distrusted_message(); };
  observer->set_bus([bus = nats.get()](model::Stats& stats) { bus->add_to(stats); });
  const auto on_why = [this](std::string_view body) -> Result<std::string> {
    HUNT_TRY(question, codec::read_why_question(body));
    return codec::answer_why(*observer, question);
  };
  return nats->connect(
      {on_claims, on_trouble, on_distrust, observer->process(), on_why, admin_token, profiler});
}

Result<void> Node::Parts::relay_here() {
  std::uint64_t identity = 0;
  for (const auto byte : random_bytes<8>()) identity = identity << 8 | byte;
  ports::TileCache* cache = caches.empty() ? nullptr : &caches[0]->port();
  Lane& first = *lanes[0];
  for (std::size_t shard = 0; shard < stores->count(); ++shard) {
    service::RelayOptions relay_options{static_cast<model::ShardId>(shard), identity | 1U};
    relay_options.on_trouble =
        [this, shard, part = fmt::format("relay of shard {}", shard)](const std::string& what) {
          // A shard that is not open yet says so itself.
          const bool quiet = what.empty() || !stores->waits_for()[shard].empty();
          observer->set_trouble(
              part, quiet ? "" : fmt::format("the {} tells no grants now: {}", part, what));
        };
    relay_options.on_gap = [this, shard] {
      observer->count_gap(static_cast<model::ShardId>(shard));
    };
    relays.push_back(std::make_unique<service::Relay>(relay_options, stores->shard(shard).feed(),
                                                      first.bus(), cache, clock, first.timer(),
                                                      first.executor()));
    // Asked before: it may open while its relay starts. A shard that is not open yet is followed
    // once it is.
    const bool open = stores->waits_for()[shard].empty();
    const auto begun = first.run(relays.back()->start());
    if (!begun && open) return begun;
  }
  return {};
}

// They listen for changes, and answer nobody yet.
void Node::Parts::make_orchestrators(const std::vector<std::uint8_t>& seed) {
  explainer->set_seed(seed);
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
    ports.rules_stale = [this] { book->look_soon(); };
    orchestrators.push_back(
        std::make_unique<service::Orchestrator>(how, std::move(ports), *observer, book->current()));
    orchestrators.back()->set_rules(book->in_force());
    service::Orchestrator* orchestrator = orchestrators.back().get();
    explainer->remember(orchestrator->recent());
    boost::asio::post(lane.executor(), [orchestrator] { orchestrator->start(); });
  }
}

// What is read before the relays are heard is trusted for a second only. A lane that could not read
// all of it is better than none.
void Node::Parts::prewarm() {
  observer->set_not_ready("the loot is being read ahead");
  const std::int64_t deadline_ns = clock.now_ns() + limits::prewarm_ns_max;
  auto chunks = lanes[0]->run(find_open_hot_set(*stores, open_shards(*stores), stores->map()));
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
  log(LogLevel::warning, "prewarm",
      fmt::format("not all loot was read ahead: {}; the first players wait for it",
                  warm.error().message));
}

// Once more, for an event that opens soon: the lanes serve meanwhile. What they have is kept. A
// shard that is away keeps nothing from the others; it is told when they are read.
boost::asio::awaitable<Result<std::size_t>> Node::Parts::warm_up() {
  auto open = open_shards(*stores);
  Result<void> woken;
  for (std::size_t shard = 0; shard < open.size(); ++shard) {
    if (!open[shard]) continue;  // it says so itself
    ports::StoreCare& store = stores->shard(shard).store();
    auto fine = co_await store.verify();
    if (fine || fine.error().code == Errc::overloaded) continue;
    open[shard] = false;
    woken = std::move(fine);
  }
  const bool any = std::find(open.begin(), open.end(), true) != open.end();
  if (!options.prewarm || !any) {
    HUNT_CO_CHECK(woken);
    co_return std::size_t{0};
  }
  HUNT_CO_TRY(map, co_await whole->shard_map());
  HUNT_CO_TRY(chunks, co_await find_open_hot_set(*stores, std::move(open), std::move(map)));
  const std::int64_t deadline_ns = clock.now_ns() + limits::prewarm_ns_max;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    auto read = orchestrators[i]->prewarm(chunks, deadline_ns);
    HUNT_CO_CHECK(co_await boost::asio::co_spawn(lanes[i]->executor(), std::move(read),
                                                 boost::asio::use_awaitable));
  }
  HUNT_CO_CHECK(woken);
  co_return chunks.size();
}

void Node::Parts::open_event_watch() {
  service::EventWatchActions actions;
  actions.rules = [this] { return book->in_force(); };
  actions.warm = [this] { return warm_up(); };
  actions.log = [](LogLevel level, std::string line) { log(level, "event", std::move(line)); };
  event_watch.emplace(*observer, std::move(actions), clock, front->timer(), front->executor());
}

void Node::Parts::serve() {
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    Lane& lane = *lanes[i];
    service::Orchestrator* orchestrator = orchestrators[i].get();
    ports::BatchHandler* handler = orchestrator;
    if (const auto burn_ns = options.wounds.busy_cpu_ns; burn_ns > 0) {
      busy_handlers.push_back(std::make_unique<delay::BusyHandler>(*orchestrator, burn_ns));
      handler = busy_handlers.back().get();
    }
    auto serving = boost::asio::use_future([this, orchestrator, handler, i, &lane] {
      if (handler == orchestrator) {  // else each batch is to burn
        http_lanes[i]->answer_with({[orchestrator](auto& batch, auto wait, auto& reply) {
                                      return orchestrator->answer_at_once(batch, wait, reply);
                                    },
                                    [orchestrator] { return orchestrator->late_ns(); }});
      }
      if (nats == nullptr) return lane.bus().serve(*handler);
      nats->serve(i, *handler, *orchestrator, clock);
    });
    boost::asio::post(lane.executor(), std::move(serving)).get();  // who is ready answers
  }
}

}  // namespace hunt::node
