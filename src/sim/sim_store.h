// SimStore: the truth in memory, for simulated runs and tests. The same contract as the real ones.
//
// Not durable and not for threads: it belongs to one loop. Every call suspends once, so callers
// meet the interleavings they meet in production. Faults are set from outside: an error before the
// call takes effect, or after it (the unknown outcome), and a gate that holds calls back.
#pragma once
#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/decision.h"
#include "ports/change_feed.h"
#include "ports/clock.h"
#include "ports/hunt_store.h"

namespace hunt::sim {

enum class Call : std::uint8_t { load_chunks, grant_claims, look_up_claims, other, feed, secure };
inline constexpr std::size_t call_count = 6;

struct Fault {
  Call call = Call::other;
  Errc code = Errc::unavailable;
  bool after_effect = false;  // it happened, and the caller is told it may not have
};

// All that a store's disk holds: copied for a standby, put back by a failover.
struct SimDisk {
  using TileKey = std::pair<model::WorldId, model::TileId>;
  struct Stock {
    TileKey tile;
    std::uint32_t budget = 0;
    std::int64_t remaining = 0;
    bool done = false;
  };
  struct Range {
    bool owned = true;
    std::uint64_t epoch = 1;
  };

  std::map<TileKey, model::TileRow> tiles_;
  std::map<model::SpawnId, Stock> stock_;
  std::vector<model::Grant> ledger_;  // cursor = index + 1
  std::unordered_map<model::ClaimId, std::size_t, model::Id128Hash> by_claim_;
  std::map<std::pair<model::WorldId, std::string>, model::SpawnId> keys_;
  std::map<model::WorldId, std::string> worlds_{{1, "demo"}};
  std::vector<TileKey> changes_;  // sequence = index + 1
  std::uint64_t next_spawn_ = 1;
  bool spawns_by_clock_ = true;                     // off: a planted bug
  std::map<TileKey, Range> ranges_{{{0, {}}, {}}};  // each reaches to the next
  std::uint64_t epoch_ = 1;
  // Of the server: one more with each promotion. What a lost history called its epochs is below.
  std::uint64_t timeline_ = 1;
  bool slot_lost_ = false;
  bool promoted_ = false;  // and the epoch not raised yet: nothing is written
  std::optional<model::FeedCursor> confirmed_;
  model::Hunt hunt_{{0x68756e74, 1}, {}};  // the same in all shards; runs are repeatable
  model::HuntKey hunt_key_{9, 9, 9};
  model::RulesTimeline rules_;
  bool fenced_ = true;  // claims by these rules only; off: a planted bug
  std::map<std::string, model::RulesFiles> rules_files_;  // by version
};

class SimStore : public ports::HuntStore, public ports::ChangeFeed, protected SimDisk {
 public:
  SimStore(const ports::Clock& clock, ports::Timer& timer, std::uint32_t shard = 0);

  // The next call of that kind fails once; faults queue up.
  void inject(Fault fault) { faults_.push_back(fault); }
  // While closed, calls of that kind wait (looking each simulated millisecond).
  void set_gate_open(Call call, bool open) noexcept {
    gates_open_[static_cast<std::size_t>(call)] = open;
  }
  // From the snapshot of load_chunks to its answer: time in which changes can overtake it.
  void set_load_answer_delay_ns(std::int64_t delay_ns) noexcept {
    load_answer_delay_ns_ = delay_ns;
  }
  [[nodiscard]] std::uint64_t calls(Call call) const {
    return call_counts_[static_cast<std::size_t>(call)];
  }

  // What a range move and the reaper do, for tests.
  void set_range_owned(model::WorldId world, model::TileId first, bool owned) {
    ranges_[{world, first}] = {owned, epoch_};
  }
  // All of them, for as long as a move lasts that is then called off.
  void set_ranges_owned(bool owned) {
    for (auto& [first, range] : ranges_) range.owned = owned;
  }
  void write_aborted(const model::Claim& claim);
  // The slot of the feed is gone: the next look sees a gap, until repair().
  void lose_slot() noexcept { slot_lost_ = true; }
  [[nodiscard]] std::optional<model::FeedCursor> confirmed() const noexcept { return confirmed_; }

  // The disk as it is now, and another one in its place (a failover).
  [[nodiscard]] const SimDisk& disk() const noexcept { return *this; }
  void restore(SimDisk disk) { static_cast<SimDisk&>(*this) = std::move(disk); }
  // Buries at once and without a call: what lies there before a run begins.
  void bury_now(model::WorldId world, const model::Burial& burial) { place(world, burial); }
  // Called with each grant as it is committed, and the claim that it is of, for checkers.
  void on_grant(std::function<void(const model::Grant&, const model::Claim&)> seen) {
    on_grant_ = std::move(seen);
  }
  // Called after each change of the timeline of rules, for checkers.
  void on_rules(std::function<void(const model::RulesTimeline&)> seen) {
    on_rules_ = std::move(seen);
  }
  // Called with each row as it is committed, for checkers.
  void on_row(std::function<void(model::WorldId, const model::TileRow&)> seen) {
    on_row_ = std::move(seen);
  }

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
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::TableCount>>> open_tables()
      override;
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
  [[nodiscard]] boost::asio::awaitable<Result<void>> enter(Call call);
  [[nodiscard]] boost::asio::awaitable<void> pass_gate(Call call);
  [[nodiscard]] std::optional<Error> fault_of(Call call, bool after_effect);
  [[nodiscard]] std::optional<model::LedgerEntry> known(model::ClaimId claim) const;
  [[nodiscard]] model::TileStock stock_of(const TileKey& key) const;
  [[nodiscard]] model::ClaimVerdict decide(const model::Claim& claim, std::int64_t now_us);
  [[nodiscard]] const Range& range_of(const TileKey& key) const;
  [[nodiscard]] bool owns(const TileKey& key) const { return range_of(key).owned; }
  void changed(const TileKey& key);
  model::SpawnId place(model::WorldId world, const model::Burial& burial);

  const ports::Clock& clock_;
  ports::Timer& timer_;
  const std::uint32_t shard_;
  std::deque<Fault> faults_;
  std::array<std::uint64_t, call_count> call_counts_{};
  std::int64_t load_answer_delay_ns_ = 0;
  std::array<bool, call_count> gates_open_{true, true, true, true, true, true};
  std::function<void(model::WorldId, const model::TileRow&)> on_row_;
  std::function<void(const model::Grant&, const model::Claim&)> on_grant_;
  std::function<void(const model::RulesTimeline&)> on_rules_;
};

}  // namespace hunt::sim
