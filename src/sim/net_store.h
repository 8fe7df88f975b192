// NetStore: one host's way to a simulated store: its HuntStore and its ChangeFeed.
//
// Not the store: ShardServer keeps that (a SimStore on a node of its own, whose disk outlives the
// node's crashes). Everything may go wrong on the way; what has happened there stays. Thread: the
// world's.
#pragma once
#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ports/change_feed.h"
#include "ports/hunt_store.h"
#include "sim/network.h"
#include "sim/sim_store.h"

namespace hunt::sim {

// The clock and timer of whoever lives at a node now: a store's disk outlives the server's lives.
class NodeTime final : public ports::Clock, public ports::Timer {
 public:
  NodeTime(World& world, NodeId node) : world_(world), node_(node) {}
  [[nodiscard]] std::int64_t now_ns() const noexcept override;
  [[nodiscard]] std::int64_t wall_us() const noexcept override;
  [[nodiscard]] boost::asio::awaitable<void> sleep_until(std::int64_t deadline_ns) override;

 private:
  World& world_;
  const NodeId node_;
};

// The server: a primary with one synchronous standby.
class ShardServer {
 public:
  using Wrap = std::function<std::unique_ptr<ports::HuntStore>(SimStore&)>;

  // `wrap`, when given, stands between the server and its store: a planted bug of a test.
  ShardServer(World& world, NodeId node, std::uint32_t shard, const Wrap& wrap);

  [[nodiscard]] NodeId node() const noexcept { return node_; }
  [[nodiscard]] SimStore& disk() noexcept { return store_; }
  [[nodiscard]] ports::HuntStore& store() noexcept { return wrapped_ ? *wrapped_ : store_; }

  // Its work takes so much longer than usual.
  void set_work_percent(std::int64_t percent) noexcept { work_percent_ = percent; }
  [[nodiscard]] std::int64_t work_ns(std::int64_t usual_ns) const noexcept {
    return usual_ns * work_percent_ / 100;
  }

  // For checkers: how often each chunk was read, and the most loads that ran at the same time.
  void load_begins(const Host& server, const std::vector<model::ChunkKey>& keys);
  void load_ends() noexcept { --loads_inflight_; }
  [[nodiscard]] std::uint64_t chunk_reads_max() const noexcept { return chunk_reads_max_; }
  // When the chunk was read last, in world time; INT64_MIN: never.
  [[nodiscard]] std::int64_t last_read_ns(model::ChunkKey key) const {
    const auto found = chunk_reads_.find(key);
    return found == chunk_reads_.end() ? INT64_MIN : found->second.last_ns;
  }
  [[nodiscard]] std::int64_t loads_inflight_max() const noexcept { return loads_inflight_max_; }

  // Changes are not copied to the standby from now on: commits hang, and secure() too.
  void stop_replication();
  // Replication works again and has caught up; what hung goes on.
  void resume_replication();
  [[nodiscard]] bool replicates() const noexcept { return !standby_; }
  // As PostgreSQL does it: a commit is seen by readers once the standby has it.
  [[nodiscard]] bool is_seen(const model::ClaimId& claim) const {
    return !standby_ || standby_->by_claim_.contains(claim);
  }
  // The same of the timeline of rules; nullptr: all that is kept can be seen.
  [[nodiscard]] const model::RulesTimeline* seen_rules() const noexcept {
    return standby_ ? &standby_->rules_ : nullptr;
  }
  // For checkers: since when what was committed at `committed_ns` can be seen; INT64_MAX: not yet.
  [[nodiscard]] std::int64_t seen_since_ns(std::int64_t committed_ns) const noexcept {
    if (committed_ns < stopped_ns_) return committed_ns;
    return standby_ ? INT64_MAX : std::max(committed_ns, resumed_ns_);
  }
  // The standby becomes the server, with what it has and without the feed's slot. The caller has
  // killed the node's host, and boots it afterwards.
  void promote();

  // Waits until what is committed by now is on the standby, too.
  [[nodiscard]] boost::asio::awaitable<void> replicated(Host& server);
  // Whether this life of a node holds the feed, as one reader at a time does; `take`: it wants to.
  // Who was not heard of for three seconds has lost it.
  [[nodiscard]] bool holds_feed(NodeId node, std::uint64_t life, bool take);
  // Something may have been committed: who waits for the feed looks.
  void committed();
  // Waits for that, at most until `deadline_ns` of the server's clock.
  [[nodiscard]] boost::asio::awaitable<void> next_commit(Host& server, std::int64_t deadline_ns);

 private:
  using Waiting = std::vector<std::pair<std::uint64_t, Host::Ticket>>;  // life and ticket
  void wake(Waiting& waiting);

  World& world_;
  const NodeId node_;
  NodeTime time_;
  SimStore store_;
  std::unique_ptr<ports::HuntStore> wrapped_;
  std::optional<SimDisk> standby_;  // as it was when replication stopped
  std::int64_t stopped_ns_ = INT64_MAX;
  std::int64_t resumed_ns_ = INT64_MIN;
  Waiting unreplicated_;
  Waiting feeds_;
  NodeId holder_ = 0;
  std::uint64_t holder_life_ = 0;  // 0: nobody
  std::int64_t holder_seen_ns_ = 0;
  std::int64_t work_percent_ = 100;
  struct Reads {
    std::uint64_t count = 0;
    std::int64_t last_ns = 0;
  };
  std::map<model::ChunkKey, Reads> chunk_reads_;
  std::uint64_t chunk_reads_max_ = 0;
  std::int64_t loads_inflight_ = 0;
  std::int64_t loads_inflight_max_ = 0;
  std::uint64_t loads_life_ = 0;  // of the server that they are counted in
};

class NetStore final : public ports::HuntStore, public ports::ChangeFeed {
 public:
  NetStore(Network& network, Faults& faults, Host& host, ShardServer& server)
      : network_(network), faults_(faults), host_(host), server_(server) {}

  [[nodiscard]] boost::asio::awaitable<Result<model::LoadCall>> load_chunks(
      std::vector<model::ChunkKey> keys) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantCall>> grant_claims(
      std::vector<model::Claim> claims) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantCall>> look_up_claims(
      std::vector<model::Claim> claims) override;
  [[nodiscard]] boost::asio::awaitable<Result<std::optional<model::Grant>>> find_grant(
      model::ClaimId claim) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantPage>> grants_after(
      std::uint64_t cursor, std::uint32_t limit) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantsFound>> find_grants(
      model::GrantSearch search) override;
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::Buried>>> bury(
      model::WorldId world, std::vector<model::Burial> burials) override;
  [[nodiscard]] boost::asio::awaitable<Result<std::uint64_t>> close_tiles(
      model::WorldId world, std::vector<model::Tile> tiles) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::TilePage>> list_tiles(
      model::WorldId world, model::TileRect rect, model::TileId from, std::uint32_t limit) override;
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::World>>> worlds() override;
  [[nodiscard]] boost::asio::awaitable<Result<model::World>> create_world(
      model::WorldId id, std::string name) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::WorldStats>> world_stats(
      model::WorldId world) override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> read_ledger(
      ports::LedgerVisitor& visitor) override;
  [[nodiscard]] boost::asio::awaitable<Result<ports::StoreInfo>> info() override;
  [[nodiscard]] boost::asio::awaitable<Result<ports::StoreSecrets>> secrets() override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> join_hunt(model::Hunt hunt,
                                                               model::HuntKey key) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::RulesTimeline>> rules_timeline() override;
  [[nodiscard]] boost::asio::awaitable<Result<model::RulesFiles>> rules_files(
      std::string version) override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> set_rules_timeline(
      model::RulesTimeline timeline, std::vector<model::RulesOf> sets) override;

  [[nodiscard]] boost::asio::awaitable<Result<model::FeedStart>> resume() override;
  [[nodiscard]] boost::asio::awaitable<Result<model::FeedCursor>> now() override;
  [[nodiscard]] boost::asio::awaitable<Result<model::ChangeBatch>> next(
      model::FeedCursor after, std::int64_t wait_ns) override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> secure(model::FeedCursor cursor) override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> confirm(model::FeedCursor cursor) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::FeedStart>> repair() override;

 private:
  template <class T>
  using Work = std::function<boost::asio::awaitable<Result<T>>(Host&, ShardServer&)>;
  // A call to the server: faults before it, the work there, faults after it.
  template <class T>
  [[nodiscard]] boost::asio::awaitable<Result<T>> read(Place place, std::int64_t work_ns,
                                                       Work<T> work);
  template <class T>
  [[nodiscard]] boost::asio::awaitable<Result<T>> write(Place place, std::int64_t work_ns,
                                                        Work<T> work);
  // A call of the feed: refused to whoever does not hold it.
  template <class T>
  [[nodiscard]] boost::asio::awaitable<Result<T>> feed_call(Place place, bool take, Work<T> work);
  [[nodiscard]] std::optional<Error> refused(Place place);
  [[nodiscard]] std::optional<Error> store_error(Place place);

  Network& network_;
  Faults& faults_;
  Host& host_;
  ShardServer& server_;
};

}  // namespace hunt::sim
