#include "simulation/clients.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "simulation/run_rules.h"

namespace hunt::simulation {

namespace {

constexpr model::WorldId world_id = 1;
constexpr std::size_t batch_positions = 32;
constexpr std::size_t asks_inflight_max = 64;  // per game server
constexpr std::size_t wants_max = 4'000;       // then it asks for these only
constexpr std::int64_t retry_ns = 250'000'000;
constexpr std::int64_t edit_every_ns = 400'000'000;
constexpr std::int64_t second_ns = 1'000'000'000;

}  // namespace

struct Clients::GameServer {
  sim::NodeId node = 0;
  sim::Host* host = nullptr;
  std::unique_ptr<sim::NetBus> bus;
  std::unique_ptr<sim::NetStream> stream;
  std::vector<std::unique_ptr<sim::NetStore>> stores;
  Prng random{0};
  std::vector<model::Tile> at;  // where its players are
  std::set<Want> wants;         // not told a terminal outcome yet, and not being asked
  std::size_t asks_inflight = 0;
  std::size_t stores_inflight = 0;
  std::size_t edits_inflight = 0;
};

Clients::Clients(Cluster& cluster, Watch& watch)
    : cluster_(cluster),
      watch_(watch),
      random_(cluster.setup.seed + 10),
      windows_(cluster.setup.seed + 11),
      tables_(cluster.setup.seed + 12) {
  for (std::uint32_t i = 0; i < cluster.setup.clients; ++i) {
    servers_.push_back(std::make_unique<GameServer>());
    servers_.back()->node = cluster.world.add_node(fmt::format("game-{}", i));
    servers_.back()->random = random_.split();
  }
}

Clients::~Clients() {
  for (const auto& server : servers_) {
    if (cluster_.world.host(server->node) == nullptr) continue;
    const auto host = cluster_.world.kill(server->node);
    server->bus.reset();
    server->stream.reset();
  }
}

model::Tile Clients::random_tile(Prng& random) {
  const std::int32_t reach = cluster_.setup.reach_tiles;
  const auto coordinate = [&random, reach] {
    return static_cast<std::int32_t>(random.between(-reach, reach - 1));
  };
  const std::int32_t x = coordinate();
  return {x, coordinate()};
}

model::Burial Clients::make_burial(Prng& random, model::Tile tile) {
  model::Burial burial;
  burial.tile = tile;
  const bool side = changes_rules(cluster_.setup) && tables_.chance({1, 3});
  burial.table = side ? side_event : main_event;
  burial.budget = 1 + static_cast<std::uint32_t>(random.below(8));
  if (random.chance({1, 8})) burial.budget = 200;  // a hotspot
  return burial;
}

// Some opens a little later, some closes by itself.
void Clients::add_window(model::Burial& burial) {
  if (!cluster_.setup.windows) return;
  const std::int64_t now_us = cluster_.world.wall_us();
  const bool opens = windows_.chance({1, 2});
  if (opens) burial.opens_us = now_us + windows_.between(-1'000'000, 3'000'000);
  if (windows_.chance({1, 4})) burial.closes_us = now_us + windows_.between(500'000, 6'000'000);
}

void Clients::furnish() {
  for (std::uint32_t i = 0; i < cluster_.setup.loot_tiles; ++i) {
    const model::Tile tile = random_tile(random_);
    loot_.push_back(tile);
    const auto shard = cluster_.map().shard_of(world_id, model::tile_id_of(tile));
    cluster_.shards[shard]->disk().bury_now(world_id, make_burial(random_, tile));
  }
}

void Clients::start() {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    GameServer& server = *servers_[i];
    server.host = &cluster_.world.boot(server.node);
    server.bus = std::make_unique<sim::NetBus>(cluster_.network, cluster_.bus, *server.host);
    server.stream =
        std::make_unique<sim::NetStream>(cluster_.network, cluster_.stream, *server.host);
    for (const auto& shard : cluster_.shards) {
      server.stores.push_back(
          std::make_unique<sim::NetStore>(cluster_.network, cluster_.faults, *server.host, *shard));
    }
    for (std::uint32_t p = 0; p < cluster_.setup.players; ++p) {
      server.at.push_back(random_tile(server.random));
    }
    server.host->spawn(play(i));
    server.host->spawn(edit(i));
  }
}

model::Position Clients::make_position(GameServer& server) {
  const auto player = server.random.below(server.at.size());
  model::Tile& at = server.at[player];
  if (server.random.chance({1, 8})) {
    // Some tiles draw more players than others.
    const auto among = server.random.chance({1, 2}) ? loot_.size() : 1 + loot_.size() / 8;
    at = loot_[server.random.below(among)];
  } else {
    const std::int32_t reach = cluster_.setup.reach_tiles;
    const auto step = [&server, reach](std::int32_t from) {
      const auto to = from + static_cast<std::int32_t>(server.random.between(-2, 2));
      return std::clamp(to, -reach, reach - 1);
    };
    at.x = step(at.x);
    at.y = step(at.y);
  }
  model::Position position;
  position.player = {server.node, player};
  position.tile = at;
  position.kind = model::Kind::dig;
  return position;
}

model::Batch Clients::make_batch(GameServer& server, std::size_t count) {
  model::Batch batch;
  batch.world = world_id;
  while (!server.wants.empty() && batch.positions.size() < count / 2) {
    const Want want = *server.wants.begin();
    server.wants.erase(server.wants.begin());
    model::Position position;
    position.player = want.first;
    position.tile = want.second;
    position.kind = model::Kind::dig;
    batch.positions.push_back(position);
  }
  const bool more = playing_ && server.wants.size() < wants_max;
  while (more && batch.positions.size() < count) batch.positions.push_back(make_position(server));
  return batch;
}

boost::asio::awaitable<void> Clients::play(std::size_t index) {
  GameServer& server = *servers_[index];
  const std::int64_t every_ns = second_ns * static_cast<std::int64_t>(batch_positions) *
                                static_cast<std::int64_t>(servers_.size()) /
                                static_cast<std::int64_t>(cluster_.setup.positions_per_second);
  for (;;) {
    const bool room = server.asks_inflight < asks_inflight_max;
    const bool stored = playing_ && server.random.below(100) < cluster_.setup.stored_percent;
    if (stored && server.stores_inflight < asks_inflight_max) {
      model::Batch batch;
      batch.world = world_id;
      while (batch.positions.size() < batch_positions) {
        batch.positions.push_back(make_position(server));
      }
      publish(index, batch);
    } else if (room) {
      model::Batch batch = make_batch(server, batch_positions);
      const auto wait = server.random.chance({1, 3}) ? ports::Wait::terminal : ports::Wait::no;
      if (!batch.positions.empty()) server.host->spawn(ask(index, std::move(batch), wait));
    }
    co_await server.host->sleep_until(server.host->now_ns() + every_ns / rate_);
  }
}

boost::asio::awaitable<void> Clients::ask(std::size_t index, model::Batch batch, ports::Wait wait) {
  GameServer& server = *servers_[index];
  ++server.asks_inflight;
  watch_.on_asked(batch);
  const std::int64_t sent_ns = cluster_.world.now_ns();
  const auto reply = co_await server.bus->ask(batch, wait);
  if (reply) {
    watch_.on_answer(sent_ns, batch, wait, *reply);
  } else {
    watch_.on_no_answer(batch);
  }
  std::vector<Want> again;
  for (std::size_t i = 0; i < batch.positions.size(); ++i) {
    const Want want{batch.positions[i].player, batch.positions[i].tile};
    const bool closed = reply && reply->outcomes[i].outcome == model::Outcome::closed;
    if (closed && cluster_.setup.windows && windows_.chance({3, 4})) {
      const std::int64_t in_ns = windows_.between(second_ns / 4, 3 * second_ns / 2);
      server.host->spawn(come_back(index, want, in_ns));
    }
    if (reply && model::is_terminal(reply->outcomes[i].outcome)) continue;
    again.push_back(want);
  }
  if (!again.empty()) co_await server.host->sleep_until(server.host->now_ns() + retry_ns);
  server.wants.insert(again.begin(), again.end());
  --server.asks_inflight;
}

boost::asio::awaitable<void> Clients::come_back(std::size_t index, Want want, std::int64_t in_ns) {
  GameServer& server = *servers_[index];
  co_await server.host->sleep_until(server.host->now_ns() + in_ns);
  if (!playing_) co_return;
  model::Batch batch;
  batch.world = world_id;
  batch.positions.resize(1);
  batch.positions[0].player = want.first;
  batch.positions[0].tile = want.second;
  batch.positions[0].kind = model::Kind::dig;
  co_await ask(index, std::move(batch), ports::Wait::terminal);
}

void Clients::publish(std::size_t index, const model::Batch& batch) {
  GameServer& server = *servers_[index];
  std::map<model::ShardId, model::Batch> parts;
  for (const auto& position : batch.positions) {
    const auto id = model::tile_id_of(position.tile);
    auto shard = cluster_.map().shard_of(world_id, id);
    // A game server with an old map sends some to the wrong shard.
    if (server.random.chance({1, 20})) shard = (shard + 1) % cluster_.map().shards;
    model::Batch& part = parts[shard];
    part.world = world_id;
    part.positions.push_back(position);
  }
  for (auto& [shard, part] : parts) {
    // Poison: no world has this number, and none ever will.
    if (cluster_.faults.strikes(sim::FaultKind::poison, sim::Place::publish)) part.world = 999;
    const std::string id = fmt::format("{}-{}", server.node, ++messages_);
    server.host->spawn(store(index, shard, part, id));
  }
}

boost::asio::awaitable<void> Clients::store(std::size_t index, model::ShardId shard,
                                            model::Batch batch, std::string id) {
  GameServer& server = *servers_[index];
  ++server.stores_inflight;
  watch_.on_asked(batch, true);
  for (;;) {
    const auto stored = co_await server.stream->publish(shard, batch, id, "the watch");
    if (stored) break;
    co_await server.host->sleep_until(server.host->now_ns() + retry_ns);
  }
  --server.stores_inflight;
}

boost::asio::awaitable<void> Clients::edit(std::size_t index) {
  GameServer& server = *servers_[index];
  for (;;) {
    co_await server.host->sleep_until(server.host->now_ns() + edit_every_ns);
    if (!playing_) continue;
    const model::Tile tile = loot_[server.random.below(loot_.size())];
    const auto shard = cluster_.map().shard_of(world_id, model::tile_id_of(tile));
    sim::NetStore& store = *server.stores[shard];
    ++server.edits_inflight;
    if (server.random.chance({1, 8})) {
      cluster_.faults.note(sim::FaultKind::closing, sim::Place::edit);
      std::vector<model::Tile> tiles(1, tile);
      static_cast<void>(co_await store.close_tiles(world_id, std::move(tiles)));
    } else {
      cluster_.faults.note(sim::FaultKind::reburial, sim::Place::edit);
      std::vector<model::Burial> burials(1, make_burial(server.random, tile));
      add_window(burials.front());
      static_cast<void>(co_await store.bury(world_id, std::move(burials)));
    }
    --server.edits_inflight;
  }
}

void Clients::probe() {
  watch_.watch_b2();
  for (std::size_t i = 0; i < 8; ++i) {
    const auto index = i % servers_.size();
    ++probes_open_;
    const model::Tile tile = loot_[random_.below(loot_.size())];
    servers_[index]->host->spawn(probe_tile(index, tile));
  }
}

boost::asio::awaitable<void> Clients::probe_tile(std::size_t index, model::Tile tile) {
  GameServer& server = *servers_[index];
  const auto shard = cluster_.map().shard_of(world_id, model::tile_id_of(tile));
  model::Burial burial = make_burial(server.random, tile);
  burial.budget = 1'000;
  // Where it is for everybody at all times, it is missed by nobody.
  if (cluster_.setup.rollout && changes_rules(cluster_.setup)) burial.table = side_event;
  std::vector<model::Burial> burials(1, burial);
  const auto buried = co_await server.stores[shard]->bury(world_id, std::move(burials));
  co_await server.host->sleep_until(server.host->now_ns() + visible_ns_max);
  for (std::uint64_t i = 0; buried && i < 4; ++i) {
    model::Batch batch;
    batch.world = world_id;
    model::Position position;
    position.player = {1'000 + index, (static_cast<std::uint64_t>(tile.x) << 8) + i};
    position.tile = tile;
    position.kind = model::Kind::dig;
    batch.positions.push_back(position);
    watch_.on_asked(batch);
    const auto reply = co_await server.bus->ask(batch, ports::Wait::terminal);
    const bool granted = reply && reply->outcomes[0].outcome == model::Outcome::granted;
    const bool for_all = burial.table == side_event;
    if (granted || (!for_all && watch_.is_maybe_out(world_id, position.player))) continue;
    watch_.violated(engine::LedgerRule::stale_bounded,
                    fmt::format("after healing, loot buried {} ms ago at ({}, {}) is answered {}",
                                visible_ns_max / 1'000'000, tile.x, tile.y,
                                reply ? std::string(name_of(reply->outcomes[0].outcome))
                                      : "an error: " + reply.error().message));
  }
  --probes_open_;
}

std::size_t Clients::waiting() const noexcept {
  std::size_t sum = 0;
  for (const auto& server : servers_) {
    sum += server->wants.size() + server->asks_inflight + server->stores_inflight +
           server->edits_inflight;
  }
  return sum;
}

bool Clients::idle() const noexcept {
  return waiting() == 0;
}

}  // namespace hunt::simulation
