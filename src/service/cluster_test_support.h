// VirtualCluster: several lanes and shards with relays, a cache and streams on virtual time, for
// tests of what they do together.
//
// Not the simulator: nothing fails unless a test says so, and every run is the same. Everything
// runs on the caller's thread, as with VirtualLane.
#pragma once
#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "service/delivery.h"
#include "service/orchestrator.h"
#include "service/relay.h"
#include "sim/sim_bus.h"
#include "sim/sim_cache.h"
#include "sim/sim_store.h"
#include "sim/virtual_time.h"

namespace hunt::service {

// One shared node, a millisecond away; can be dead.
class TestCache final : public ports::TileCache {
 public:
  explicit TestCache(sim::VirtualTime& time) : time_(time) {}
  boost::asio::awaitable<Result<std::vector<ports::CachedChunk>>> read(
      std::vector<ports::CacheAsk> asks, std::int64_t lease_ns) override {
    ++reads;
    co_await time_.sleep_until(time_.now_ns() + 1'000'000);
    if (dead) co_return fail(Errc::unavailable, "the cache is dead");
    std::vector<ports::CachedChunk> out;
    for (const auto& ask : asks) out.push_back(node.read(ask, lease_ns, now_ms()));
    if (forge) std::for_each(out.begin(), out.end(), forge);
    co_return out;
  }
  boost::asio::awaitable<Result<void>> fill(std::vector<ports::ChunkFill> fills) override {
    co_await time_.sleep_until(time_.now_ns() + 1'000'000);
    if (dead) co_return fail(Errc::unavailable, "the cache is dead");
    for (const auto& one : fills) node.fill(one, now_ms());
    co_return Result<void>{};
  }
  boost::asio::awaitable<Result<void>> update(std::vector<model::TileChange> changes) override {
    co_await time_.sleep_until(time_.now_ns() + 1'000'000);
    if (dead) co_return fail(Errc::unavailable, "the cache is dead");
    for (const auto& change : changes) node.update(change, now_ms());
    co_return Result<void>{};
  }

  sim::CacheNode node;
  bool dead = false;
  int reads = 0;
  std::int64_t clock_error_ms = 0;
  std::function<void(ports::CachedChunk&)> forge;  // what somebody wrote into it

 private:
  [[nodiscard]] std::int64_t now_ms() const { return time_.wall_us() / 1'000 + clock_error_ms; }
  sim::VirtualTime& time_;
};

// Keeps what was published and replied; deliveries are handed to the handler by the test.
class TestStream final : public ports::PositionStream {
 public:
  struct Published {
    model::ShardId shard;
    model::Batch batch;
    std::string id;
  };
  boost::asio::awaitable<Result<void>> publish(model::ShardId shard, model::Batch batch,
                                               std::string message_id, std::string) override {
    if (full) co_return fail(Errc::overloaded, "the stream is full");
    published.push_back({shard, std::move(batch), std::move(message_id)});
    co_return Result<void>{};
  }
  void serve(std::vector<model::ShardId> shards, ports::DeliveryHandler&, std::size_t) override {
    served = std::move(shards);
  }
  void stop() override { served.clear(); }
  Result<void> reply(const std::string&, const model::Batch&,
                     const model::BatchReply& outcomes) override {
    if (mute) return fail(Errc::overloaded, "the bus takes no more now");
    replies.push_back(outcomes);
    return {};
  }

  std::vector<Published> published;
  std::vector<model::ShardId> served;
  std::vector<model::BatchReply> replies;
  bool full = false;
  bool mute = false;  // takes no replies
};

struct ClusterShape {
  std::size_t shards = 1;
  std::size_t lanes = 1;
  bool cache = false;
  std::vector<model::ShardId> served;  // by every lane; empty: all
};

class VirtualCluster {
 public:
  struct Lane {
    sim::SimBus bus;
    Observer observer;
    TestStream stream;
    std::optional<Orchestrator> orchestrator;
    std::optional<StoredPositions> stored;
    Lane(VirtualCluster& all, const ClusterShape& shape,
         std::shared_ptr<const model::RuleSet> rules)
        : bus(all.hub, all.loop.get_executor()), observer(all.time, 1, {}) {
      OrchestratorOptions options;
      options.event_seed.assign(32, 7);
      options.map = all.map;
      options.served = shape.served;
      OrchestratorPorts ports{{}, bus, all.time, all.time, all.loop.get_executor()};
      for (const auto& store : all.stores) ports.stores.push_back(store.get());
      if (shape.cache) ports.cache = &all.cache;
      orchestrator.emplace(options, std::move(ports), observer, std::move(rules));
      stored.emplace(*orchestrator, stream, all.time, all.time);
      orchestrator->start();
      stored->start();
    }
  };

  VirtualCluster(ClusterShape shape_in, std::shared_ptr<const model::RuleSet> rules_in)
      : shape(std::move(shape_in)),
        rules(std::move(rules_in)),
        time(loop.get_executor(), 1'800'000'000'000'000),
        cache(time),
        listener(hub, loop.get_executor()) {
    // Shard n begins where x = 1024 n does: y is 0 in these tests.
    auto ranges = std::make_shared<model::ShardMap>();
    ranges->shards = static_cast<std::uint32_t>(shape.shards);
    for (std::uint32_t shard = 0; shard < shape.shards; ++shard) {
      stores.push_back(std::make_unique<sim::SimStore>(time, time, shard));
      if (shard == 0) continue;
      const auto first = model::tile_id_of({static_cast<std::int32_t>(1'024 * shard), 0});
      ranges->ranges.push_back({model::chunk_of(1, first), shard});
    }
    map = std::move(ranges);
    listener.on_claims([this](const std::vector<model::ClaimEvent>& events) {
      for (const auto& event : events) told.push_back(event);
    });
    for (model::ShardId shard = 0; shard < shape.shards; ++shard) {
      relay_buses.push_back(std::make_unique<sim::SimBus>(hub, loop.get_executor()));
      relays.push_back(std::make_unique<Relay>(RelayOptions{shard, 100 + shard}, *stores[shard],
                                               *relay_buses[shard], shape.cache ? &cache : nullptr,
                                               time, time, loop.get_executor()));
      HUNT_ASSERT(run(relays[shard]->start()).has_value());
    }
    for (std::size_t i = 0; i < shape.lanes; ++i) add_lane();
    pass(200'000'000);  // the first heartbeats
  }
  ~VirtualCluster() {
    for (const auto& lane : lanes) stop(*lane);
    for (const auto& relay : relays) run(relay->drain());
  }
  VirtualCluster(const VirtualCluster&) = delete;
  VirtualCluster& operator=(const VirtualCluster&) = delete;

  Lane& add_lane() {
    lanes.push_back(std::make_unique<Lane>(*this, shape, rules));
    return *lanes.back();
  }
  void stop(Lane& lane) {
    run(lane.stored->drain());
    run(lane.orchestrator->drain(time.now_ns() + 1'000'000'000));
  }

  model::SpawnId bury(model::Tile tile, std::uint32_t budget, model::ShardId shard = 0) {
    model::Burial burial;
    burial.tile = tile;
    burial.table = "loot";
    burial.budget = budget;
    const auto buried = run(stores[shard]->bury(1, {burial}));
    HUNT_ASSERT(buried.has_value());
    return buried->front().spawn;
  }
  static model::Batch batch(const std::vector<model::Tile>& tiles, std::uint64_t player) {
    model::Batch out;
    for (const auto& tile : tiles) {
      out.positions.push_back({{5, player}, tile, model::Kind::step, 0, 0});
    }
    return out;
  }
  Result<model::BatchReply> ask(model::Tile tile, std::uint64_t player,
                                ports::Wait wait = ports::Wait::no, std::size_t lane = 0) {
    return run(lanes[lane]->orchestrator->handle(batch({tile}, player), wait));
  }
  model::Outcome outcome(model::Tile tile, std::uint64_t player, ports::Wait wait = ports::Wait::no,
                         std::size_t lane = 0) {
    const auto reply = ask(tile, player, wait, lane);
    return reply ? reply->outcomes[0].outcome : model::Outcome::rejected;
  }
  // A standby of shard 0 takes over that has this of the disk; the relay finds the slot lost and
  // repairs.
  void fail_over(sim::SimDisk disk) {
    disk.slot_lost_ = true;
    disk.timeline_ = stores[0]->disk().timeline_ + 1;
    stores[0]->restore(std::move(disk));
  }
  [[nodiscard]] std::ptrdiff_t times_told(std::uint64_t player, model::Outcome outcome) const {
    return std::count_if(told.begin(), told.end(), [&](const auto& event) {
      return event.player.low == player && event.outcome == outcome;
    });
  }
  ports::Delivery delivery(const std::vector<model::Tile>& tiles, std::uint64_t player,
                           std::uint64_t sequence = 1) {
    ports::Delivery out;
    out.sequence = sequence;
    out.batch = batch(tiles, player);
    out.batch.as_of_us = time.wall_us();
    out.reply_to = "somebody";
    return out;
  }
  ports::Settled deliver(ports::Delivery what, std::size_t lane = 0) {
    return run(lanes[lane]->stored->handle(std::move(what)));
  }

  // Runs until the coroutine has ended.
  template <class T>
  T run(boost::asio::awaitable<T> task) {
    std::optional<T> out;
    boost::asio::co_spawn(loop, std::move(task), [&out](const std::exception_ptr& error, T value) {
      if (error) std::rethrow_exception(error);
      out.emplace(std::move(value));
    });
    while (!out) step();
    return std::move(*out);
  }
  void run(boost::asio::awaitable<void> task) {
    bool done = false;
    boost::asio::co_spawn(loop, std::move(task), [&done](const std::exception_ptr& error) {
      if (error) std::rethrow_exception(error);
      done = true;
    });
    while (!done) step();
  }
  void pass(std::int64_t ns) {
    const std::int64_t until_ns = time.now_ns() + ns;
    for (loop.restart(), loop.poll(); time.next_deadline_ns() <= until_ns;
         loop.restart(), loop.poll()) {
      time.advance_to(time.next_deadline_ns());
    }
    time.advance_to(until_ns);
    loop.restart();
    loop.poll();
  }

  const ClusterShape shape;
  const std::shared_ptr<const model::RuleSet> rules;
  boost::asio::io_context loop{1};
  sim::VirtualTime time;
  std::shared_ptr<const model::ShardMap> map;
  std::vector<std::unique_ptr<sim::SimStore>> stores;
  TestCache cache;
  sim::SimHub hub;
  sim::SimBus listener;
  std::vector<std::unique_ptr<sim::SimBus>> relay_buses;
  std::vector<std::unique_ptr<Relay>> relays;
  std::vector<std::unique_ptr<Lane>> lanes;
  std::vector<model::ClaimEvent> told;

 private:
  void step() {
    loop.restart();
    if (loop.poll() > 0) return;
    HUNT_ASSERT(time.next_deadline_ns() < 3'600'000'000'000);
    time.advance_to(time.next_deadline_ns());
  }
};

[[nodiscard]] inline std::shared_ptr<const model::RuleSet> test_rules() {
  auto set = std::make_shared<model::RuleSet>();
  set->version = "00000000000000aa";
  set->events.push_back({"test", model::Trigger::step, 8, model::time_us_min, model::time_us_max});
  set->tables.push_back({"loot", 0, 0, 2, 4});
  set->entries = {{3, false, 0}, {1, false, 1}};
  set->items = {"common", "rare"};
  return set;
}

}  // namespace hunt::service
