#include "sim/net_store.h"

#include <algorithm>
#include <limits>
#include <string>

#include "ports/feed_held.h"

namespace hunt::sim {

namespace {

// What a server's work costs: guesses of the size that PostgreSQL was measured at.
constexpr std::int64_t load_ns = 100'000;
constexpr std::int64_t chunk_ns = 2'000;
constexpr std::int64_t grant_ns = 150'000;
constexpr std::int64_t claim_ns = 10'000;
constexpr std::int64_t edit_ns = 150'000;
constexpr std::int64_t look_ns = 30'000;

constexpr std::int64_t read_timeout_ns = 1'000'000'000;
constexpr std::int64_t write_timeout_ns = 2'000'000'000;

constexpr std::int64_t holder_silence_ns = 3'000'000'000;

template <class T>
using Awaited = boost::asio::awaitable<Result<T>>;

}  // namespace

std::int64_t NodeTime::now_ns() const noexcept {
  Host* host = world_.host(node_);
  return host != nullptr ? host->now_ns() : world_.now_ns();
}

std::int64_t NodeTime::wall_us() const noexcept {
  Host* host = world_.host(node_);
  return host != nullptr ? host->wall_us() : world_.wall_us();
}

boost::asio::awaitable<void> NodeTime::sleep_until(std::int64_t deadline_ns) {
  return world_.host(node_)->sleep_until(deadline_ns);
}

ShardServer::ShardServer(World& world, NodeId node, std::uint32_t shard, const Wrap& wrap)
    : world_(world), node_(node), time_(world, node), store_(time_, time_, shard) {
  if (wrap) wrapped_ = wrap(store_);
}

void ShardServer::stop_replication() {
  if (standby_) return;
  standby_ = store_.disk();
  stopped_ns_ = world_.now_ns();
}

void ShardServer::resume_replication() {
  standby_.reset();
  resumed_ns_ = world_.now_ns();
  wake(unreplicated_);
}

void ShardServer::promote() {
  HUNT_ASSERT(world_.host(node_) == nullptr);
  const std::uint64_t timeline = store_.disk().timeline_ + 1;
  SimDisk disk = standby_ ? std::move(*standby_) : store_.disk();
  standby_.reset();
  disk.slot_lost_ = true;
  disk.promoted_ = true;
  disk.timeline_ = timeline;
  store_.restore(std::move(disk));
  unreplicated_.clear();
  feeds_.clear();
  holder_life_ = 0;
}

void ShardServer::wake(Waiting& waiting) {
  const Waiting all = std::move(waiting);
  waiting.clear();
  for (const auto& [life, ticket] : all) {
    if (Host* host = world_.host(node_, life)) host->wake(ticket);
  }
}

bool ShardServer::holds_feed(NodeId node, std::uint64_t life, bool take) {
  const bool is_holder = holder_ == node && holder_life_ == life;
  const bool gone = world_.now_ns() - holder_seen_ns_ > holder_silence_ns;
  if (!is_holder && !(take && (holder_life_ == 0 || gone))) return false;
  holder_ = node;
  holder_life_ = life;
  holder_seen_ns_ = world_.now_ns();
  return true;
}

void ShardServer::committed() {
  wake(feeds_);
}

boost::asio::awaitable<void> ShardServer::replicated(Host& server) {
  if (!standby_) co_return;
  const auto ticket = server.new_ticket();
  unreplicated_.emplace_back(server.life(), ticket);
  static_cast<void>(co_await server.park(ticket, std::numeric_limits<std::int64_t>::max()));
}

boost::asio::awaitable<void> ShardServer::next_commit(Host& server, std::int64_t deadline_ns) {
  const auto ticket = server.new_ticket();
  feeds_.emplace_back(server.life(), ticket);
  static_cast<void>(co_await server.park(ticket, deadline_ns));
}

void ShardServer::load_begins(const Host& server, const std::vector<model::ChunkKey>& keys) {
  if (loads_life_ != server.life()) loads_inflight_ = 0;  // those of an earlier life are gone
  loads_life_ = server.life();
  loads_inflight_max_ = std::max(loads_inflight_max_, ++loads_inflight_);
  for (const auto& key : keys) {
    Reads& reads = chunk_reads_[key];
    reads.last_ns = world_.now_ns();
    chunk_reads_max_ = std::max(chunk_reads_max_, ++reads.count);
  }
}

// Nothing happened: any error that the port may answer then (ports/hunt_store.h, change_feed.h).
std::optional<Error> NetStore::store_error(Place place) {
  constexpr Errc codes[] = {Errc::unavailable, Errc::io, Errc::overloaded, Errc::corrupt,
                            Errc::disk_full};
  const bool feed = place == Place::feed || place == Place::secure || place == Place::confirm;
  const bool writing = place == Place::grant || place == Place::edit;
  const std::uint64_t count = feed ? 2 : writing ? 5 : 4;
  const Errc code = codes[faults_.random(FaultKind::store_error).below(count)];
  return Error{code, "an injected fault: nothing happened", {}};
}

std::optional<Error> NetStore::refused(Place place) {
  if (faults_.strikes(FaultKind::store_error, place)) return store_error(place);
  const bool locks = place == Place::grant || place == Place::edit;
  if (locks && faults_.strikes(FaultKind::deadlock, place)) {
    return Error{Errc::unavailable, "an injected fault: the victim of a deadlock", {}};
  }
  return {};
}

template <class T>
boost::asio::awaitable<Result<T>> NetStore::read(Place place, std::int64_t work_ns, Work<T> work) {
  CallRules rules;
  rules.place = place;
  rules.timeout_ns = read_timeout_ns;
  rules.dropped_late = true;
  ShardServer* server = &server_;
  std::function<Awaited<T>(Host&)> serve = [error = refused(place), server, work_ns,
                                            work](Host& host) -> Awaited<T> {
    host.charge(server->work_ns(work_ns));
    if (error) co_return tl::unexpected<Error>(*error);
    co_return co_await work(host, *server);
  };
  co_return co_await network_.call<T>(host_, server_.node(), rules, std::move(serve));
}

template <class T>
boost::asio::awaitable<Result<T>> NetStore::write(Place place, std::int64_t work_ns, Work<T> work) {
  CallRules rules;
  rules.place = place;
  rules.timeout_ns = write_timeout_ns;
  rules.dropped_late = true;
  rules.on_timeout = Errc::unknown_outcome;
  ShardServer* server = &server_;
  const bool lost_answer = faults_.strikes(FaultKind::unknown_outcome, place);
  std::function<Awaited<T>(Host&)> serve = [error = refused(place), lost_answer, server, work_ns,
                                            work](Host& host) -> Awaited<T> {
    host.charge(server->work_ns(work_ns));
    if (error) co_return tl::unexpected<Error>(*error);
    if (server->disk().disk().promoted_) {
      co_return fail(Errc::epoch_stale, "the server was promoted and its epoch is not raised yet");
    }
    auto result = co_await work(host, *server);
    server->committed();
    co_await server->replicated(host);
    if (lost_answer) {
      co_return fail(Errc::unknown_outcome,
                     "an injected fault: the connection broke in the commit");
    }
    co_return result;
  };
  co_return co_await network_.call<T>(host_, server_.node(), rules, std::move(serve));
}

Awaited<model::LoadCall> NetStore::load_chunks(std::vector<model::ChunkKey> keys) {
  const auto cost_ns = load_ns + chunk_ns * static_cast<std::int64_t>(keys.size());
  using Loaded = model::LoadCall;
  Work<Loaded> work = [keys](Host& host, ShardServer& server) -> Awaited<Loaded> {
    server.load_begins(host, keys);
    auto loaded = co_await server.store().load_chunks(keys);
    server.load_ends();
    co_return loaded;
  };
  return read(Place::load, cost_ns, std::move(work));
}

Awaited<model::GrantCall> NetStore::grant_claims(std::vector<model::Claim> claims) {
  const auto cost_ns = grant_ns + claim_ns * static_cast<std::int64_t>(claims.size());
  Work<model::GrantCall> work = [claims](Host&, ShardServer& server) {
    return server.store().grant_claims(claims);
  };
  return write(Place::grant, cost_ns, std::move(work));
}

Awaited<model::GrantCall> NetStore::look_up_claims(std::vector<model::Claim> claims) {
  Work<model::GrantCall> work = [claims](Host&, ShardServer& server) -> Awaited<model::GrantCall> {
    auto found = co_await server.store().look_up_claims(claims);
    if (!found) co_return found;
    for (auto& one : found->verdicts) {
      if (server.is_seen(one.id)) continue;
      one.outcome = model::Outcome::nothing;
      one.repeat = false;
    }
    co_return found;
  };
  return read(Place::look, look_ns, std::move(work));
}

Awaited<std::optional<model::Grant>> NetStore::find_grant(model::ClaimId claim) {
  Work<std::optional<model::Grant>> work = [claim](Host&, ShardServer& server) {
    return server.store().find_grant(claim);
  };
  return read(Place::look, look_ns, std::move(work));
}

Awaited<model::GrantPage> NetStore::grants_after(std::uint64_t cursor, std::uint32_t limit) {
  Work<model::GrantPage> work = [cursor, limit](Host&, ShardServer& server) {
    return server.store().grants_after(cursor, limit);
  };
  return read(Place::look, look_ns, std::move(work));
}

Awaited<model::GrantsFound> NetStore::find_grants(model::GrantSearch search) {
  Work<model::GrantsFound> work = [search](Host&, ShardServer& server) {
    return server.store().find_grants(search);
  };
  return read(Place::look, look_ns, std::move(work));
}

Awaited<std::vector<model::Buried>> NetStore::bury(model::WorldId world,
                                                   std::vector<model::Burial> burials) {
  Work<std::vector<model::Buried>> work = [world, burials](Host&, ShardServer& server) {
    return server.store().bury(world, burials);
  };
  return write(Place::edit, edit_ns, std::move(work));
}

Awaited<std::uint64_t> NetStore::close_tiles(model::WorldId world, std::vector<model::Tile> tiles) {
  Work<std::uint64_t> work = [world, tiles](Host&, ShardServer& server) {
    return server.store().close_tiles(world, tiles);
  };
  return write(Place::edit, edit_ns, std::move(work));
}

Awaited<model::TilePage> NetStore::list_tiles(model::WorldId world, model::TileRect rect,
                                              model::TileId from, std::uint32_t limit) {
  Work<model::TilePage> work = [world, rect, from, limit](Host&, ShardServer& server) {
    return server.store().list_tiles(world, rect, from, limit);
  };
  return read(Place::look, look_ns, std::move(work));
}

Awaited<std::vector<model::World>> NetStore::worlds() {
  Work<std::vector<model::World>> work = [](Host&, ShardServer& server) {
    return server.store().worlds();
  };
  return read(Place::look, look_ns, std::move(work));
}

Awaited<model::World> NetStore::create_world(model::WorldId id, std::string name) {
  Work<model::World> work = [id, name](Host&, ShardServer& server) {
    return server.store().create_world(id, name);
  };
  return write(Place::edit, edit_ns, std::move(work));
}

Awaited<model::WorldStats> NetStore::world_stats(model::WorldId world) {
  Work<model::WorldStats> work = [world](Host&, ShardServer& server) {
    return server.store().world_stats(world);
  };
  return read(Place::look, look_ns, std::move(work));
}

Awaited<void> NetStore::read_ledger(ports::LedgerVisitor& visitor) {
  return server_.store().read_ledger(visitor);  // for checkers: no network lies between
}

Awaited<ports::StoreInfo> NetStore::info() {
  Work<ports::StoreInfo> work = [](Host&, ShardServer& server) { return server.store().info(); };
  return read(Place::look, look_ns, std::move(work));
}

Awaited<ports::StoreSecrets> NetStore::secrets() {
  Work<ports::StoreSecrets> work = [](Host&, ShardServer& server) {
    return server.store().secrets();
  };
  return read(Place::look, look_ns, std::move(work));
}

Awaited<void> NetStore::join_hunt(model::Hunt hunt, model::HuntKey key) {
  Work<void> work = [hunt, key](Host&, ShardServer& server) {
    return server.store().join_hunt(hunt, key);
  };
  return write(Place::edit, edit_ns, std::move(work));
}

Awaited<model::RulesTimeline> NetStore::rules_timeline() {
  using Timeline = model::RulesTimeline;
  Work<Timeline> work = [](Host&, ShardServer& server) -> Awaited<Timeline> {
    auto found = co_await server.store().rules_timeline();
    if (found && server.seen_rules() != nullptr) *found = *server.seen_rules();
    co_return found;
  };
  return read(Place::look, look_ns, std::move(work));
}

Awaited<model::RulesFiles> NetStore::rules_files(std::string version) {
  Work<model::RulesFiles> work = [version](Host&, ShardServer& server) {
    return server.store().rules_files(version);
  };
  return read(Place::look, look_ns, std::move(work));
}

Awaited<void> NetStore::set_rules_timeline(model::RulesTimeline timeline,
                                           std::vector<model::RulesOf> sets) {
  Work<void> work = [timeline, sets](Host&, ShardServer& server) {
    return server.store().set_rules_timeline(timeline, sets);
  };
  return write(Place::edit, edit_ns, std::move(work));
}

template <class T>
boost::asio::awaitable<Result<T>> NetStore::feed_call(Place place, bool take, Work<T> work) {
  const NodeId node = host_.node();
  const std::uint64_t life = host_.life();
  Work<T> held = [node, life, take, work](Host& host, ShardServer& server) -> Awaited<T> {
    if (!server.holds_feed(node, life, take)) {
      if (take) {
        co_return fail(Errc::unavailable, "another relay holds the feed",
                       std::string(ports::feed_held));
      }
      co_return fail(Errc::epoch_stale, "the feed is held by another relay now");
    }
    co_return co_await work(host, server);
  };
  co_return co_await read(place, look_ns, std::move(held));
}

Awaited<model::FeedStart> NetStore::resume() {
  Work<model::FeedStart> work = [](Host&, ShardServer& server) { return server.disk().resume(); };
  return feed_call(Place::feed, true, std::move(work));
}

Awaited<model::FeedCursor> NetStore::now() {
  Work<model::FeedCursor> work = [](Host&, ShardServer& server) { return server.disk().now(); };
  return read(Place::feed, look_ns, std::move(work));
}

Awaited<model::ChangeBatch> NetStore::next(model::FeedCursor after, std::int64_t wait_ns) {
  using Batch = model::ChangeBatch;
  Work<Batch> work = [after, wait_ns](Host& host, ShardServer& server) -> Awaited<Batch> {
    const std::int64_t deadline_ns = host.now_ns() + wait_ns;
    for (;;) {
      auto batch = co_await server.disk().next(after, 0);
      const bool news = !batch || batch->gap || !(batch->next == after);
      if (news || host.now_ns() >= deadline_ns) co_return batch;
      co_await server.next_commit(host, deadline_ns);
    }
  };
  return feed_call(Place::feed, false, std::move(work));
}

Awaited<void> NetStore::secure(model::FeedCursor cursor) {
  Work<void> work = [cursor](Host& host, ShardServer& server) -> Awaited<void> {
    auto secured = co_await server.disk().secure(cursor);
    if (secured) co_await server.replicated(host);
    co_return secured;
  };
  return feed_call(Place::secure, false, std::move(work));
}

Awaited<void> NetStore::confirm(model::FeedCursor cursor) {
  Work<void> work = [cursor](Host&, ShardServer& server) { return server.disk().confirm(cursor); };
  return feed_call(Place::confirm, false, std::move(work));
}

Awaited<model::FeedStart> NetStore::repair() {
  // The raised epoch is announced to everybody: it must survive a failover, as a commit that waits
  // for its standby does.
  Work<model::FeedStart> work = [](Host& host, ShardServer& server) -> Awaited<model::FeedStart> {
    auto start = co_await server.disk().repair();
    if (start) co_await server.replicated(host);
    co_return start;
  };
  return feed_call(Place::feed, false, std::move(work));
}

}  // namespace hunt::sim
