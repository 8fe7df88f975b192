// What the tests of the store share: claims, burials, an audit, transactions of somebody else, and
// a load that goes on whatever happens to the server.
//
// Not for production code.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "adapters/postgres/postgres_test_support.h"
#include "base/prng.h"
#include "engine/claim_id.h"
#include "engine/ledger_check.h"
#include "model/zorder.h"

namespace hunt::postgres {

class RealClock final : public ports::Clock {
 public:
  [[nodiscard]] std::int64_t now_ns() const noexcept override {
    return std::chrono::steady_clock::now().time_since_epoch().count();
  }
  [[nodiscard]] std::int64_t wall_us() const noexcept override {
    return std::chrono::system_clock::now().time_since_epoch().count() / 1'000;
  }
};

[[nodiscard]] inline model::Claim claim_of(model::Tile tile, model::SpawnId spawn,
                                           std::uint64_t player, std::string item = "lantern") {
  engine::ClaimIds ids;
  model::Claim made;
  made.world = 1;
  made.tile = model::tile_id_of(tile);
  made.spawn = spawn;
  made.player = {1, player};
  made.id = ids.of(1, made.tile, spawn, made.player);
  made.reward = std::move(item);
  made.rules = "00000000000000aa";
  return made;
}

[[nodiscard]] inline model::Burial burial_of(model::Tile tile, std::uint32_t budget) {
  model::Burial wish;
  wish.tile = tile;
  wish.table = "starlight";
  wish.budget = budget;
  return wish;
}

// The whole ledger, checked.
class Audit final : public ports::LedgerVisitor {
 public:
  explicit Audit(PostgresStore& store) {
    const auto read = ports::contract::run(store.read_ledger(*this));
    EXPECT_TRUE(read.has_value()) << read.error().message;
    report = check_.finish();
    EXPECT_TRUE(report.clean()) << report.violations.at(0).sentence;
  }
  void on_spawn(const Spawn& spawn) override {
    check_.on_spawn({spawn.spawn, spawn.budget, spawn.remaining, spawn.done, spawn.sold_out,
                     spawn.world, spawn.tile, spawn.world == 0});
    remaining[spawn.spawn] = spawn.remaining;
  }
  void on_grant(const model::Grant& row) override {
    check_.on_grant(row);
    items.emplace(row.claim, row.reward);
  }
  std::map<model::SpawnId, std::int64_t> remaining;
  std::map<model::ClaimId, std::string> items;
  engine::LedgerReport report;

 private:
  engine::LedgerCheck check_;
};

// Looks until `sql` is a number above 0. False: it never was.
[[nodiscard]] inline bool comes_true(const PostgresUrl& url, const std::string& sql) {
  for (int attempt = 0; attempt < 2'000; ++attempt) {
    if (plain_number(url, sql) > 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}
// Whether somebody in this database waits for a lock.
inline constexpr const char* somebody_waits =
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'";
inline std::string lock_sql(model::Tile tile) {
  return fmt::format("SELECT 1 FROM loot_tiles WHERE tile_id = {} FOR UPDATE",
                     model::to_sql(model::tile_id_of(tile)));
}

// A transaction of another program, open until it says COMMIT or ROLLBACK, or goes.
class Transaction {
 public:
  explicit Transaction(const PostgresUrl& url)
      : connection_(BlockingConnection::open(url, {{"application_name", "psql"}}).value()) {
    run("SET statement_timeout = 0; SET lock_timeout = 0; BEGIN");
  }
  void run(const std::string& sql) {
    const auto done = connection_.execute(sql);
    EXPECT_TRUE(done.has_value()) << sql << ": " << done.error().message;
  }

 private:
  BlockingConnection connection_;
};

// A store in a new database of the shared server.
class PostgresShell : public ::testing::Test {
 protected:
  static constexpr model::Tile here{3, -4};
  static constexpr std::uint32_t shard = 5;

  static PostgresOptions options() {
    PostgresOptions made;
    made.shard = shard;
    return made;
  }
  PostgresStore& store() {
    if (!store_) store_ = open_store(url_, options());
    return *store_;
  }
  model::SpawnId bury(model::Tile tile, std::uint32_t budget) {
    std::vector<model::Burial> wishes{burial_of(tile, budget)};
    return ports::contract::run(store().bury(1, std::move(wishes))).value().at(0).spawn;
  }
  Result<model::GrantCall> grant(std::vector<model::Claim> claims) {
    return ports::contract::run(store().grant_claims(std::move(claims)));
  }
  model::TileRow row(model::Tile tile) {
    std::vector<model::ChunkKey> keys{model::chunk_of(1, model::tile_id_of(tile))};
    auto chunks = ports::contract::run(store().load_chunks(std::move(keys))).value().chunks;
    for (auto& row : chunks.at(0).rows) {
      if (row.tile == model::tile_id_of(tile)) return row;
    }
    return {};
  }
  void expect_refused(const std::string& sql, const std::string& words) {
    const auto done = plain_sql(url_, sql);
    ASSERT_FALSE(done.has_value()) << sql;
    EXPECT_NE(done.error().message.find(words), std::string::npos) << done.error().message;
  }
  void expect_done(const std::string& sql) {
    const auto done = plain_sql(url_, sql);
    EXPECT_TRUE(done.has_value()) << sql << ": " << done.error().message;
  }

  PostgresUrl url_ = TestServer::shared().make_database();
  std::unique_ptr<PostgresStore> store_;
};

// Threads that claim at random, each with a store of its own, and send a batch again with the same
// ids until it is answered, whatever the server does meanwhile.
class Load {
 public:
  Load(const PostgresUrl& url, PostgresOptions options, std::vector<model::Claim> claims,
       std::size_t threads, const Opener& opener = open_store)
      : claims_(std::move(claims)) {
    for (std::size_t i = 0; i < threads; ++i) {
      stores_.push_back(opener(url, options));
      threads_.emplace_back([this, i] { run(i); });
    }
  }
  ~Load() { stop(); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void stop() {
    stopping_ = true;
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  [[nodiscard]] std::uint64_t answered() const noexcept { return answered_; }
  [[nodiscard]] std::uint64_t unknown() const noexcept { return unknown_; }
  [[nodiscard]] std::uint64_t failed() const noexcept { return failed_; }
  // Waits for so many more answers.
  [[nodiscard]] bool answers(std::uint64_t more) const {
    const std::uint64_t until = answered_ + more;
    for (int i = 0; i < 4'000 && answered_ < until; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return answered_ >= until;
  }
  // Ends the connections of that application again and again, and the load.
  void play_kills(const PostgresUrl& url, std::string_view application, int kills) {
    ASSERT_TRUE(answers(20));
    const auto kill_all = fmt::format(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
        " datname = current_database() AND application_name = '{}'",
        application);
    for (int kill = 0; kill < kills; ++kill) {
      ASSERT_TRUE(plain_sql(url, kill_all).has_value());
      std::this_thread::sleep_for(std::chrono::milliseconds(3 + kill % 17));
    }
    EXPECT_TRUE(answers(50));
    stop();
  }
  // Takes something away and brings it back, so often, and ends the load: some calls have failed.
  template <class Away>
  void play_outages(int times, Away&& away) {
    for (int time = 0; time < times; ++time) {
      ASSERT_TRUE(answers(40));
      away();
    }
    EXPECT_TRUE(answers(40));
    stop();
    EXPECT_GT(failed() + unknown(), 0U);
  }
  // After stop(): what was told stands in the ledger, and nobody was told twice that it is new.
  void expect_kept(PostgresStore& store) const {
    const Audit audit(store);
    for (const auto& [id, item] : told_) {
      const auto at = audit.items.find(id);
      ASSERT_NE(at, audit.items.end()) << "told, but not in the ledger";
      EXPECT_EQ(at->second, item);
    }
    EXPECT_EQ(twice_, 0U) << "claims that were granted twice";
  }

 private:
  void run(std::size_t thread) {
    Prng random(thread + 1);
    while (!stopping_) {
      std::vector<model::Claim> batch;
      for (std::uint64_t i = 0; i <= random.below(20); ++i) {
        batch.push_back(claims_[random.below(claims_.size())]);
        batch.back().reward = fmt::format("item {}", random.below(1'000));
      }
      for (;;) {
        auto call = ports::contract::run(stores_[thread]->grant_claims(batch));
        if (call) {
          note(*call);
          break;
        }
        (call.error().code == Errc::unknown_outcome ? unknown_ : failed_)++;
        if (stopping_ && call.error().code != Errc::unknown_outcome) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    }
  }
  void note(const model::GrantCall& call) {
    ++answered_;
    const std::lock_guard lock(mutex_);
    for (const auto& verdict : call.verdicts) {
      if (verdict.outcome != model::Outcome::granted) continue;
      const auto [at, fresh] = told_.emplace(verdict.id, verdict.reward);
      EXPECT_EQ(at->second, verdict.reward) << "a claim was told two items";
      if (!verdict.repeat && !told_as_new_.insert(verdict.id).second) ++twice_;
    }
  }

  const std::vector<model::Claim> claims_;
  std::vector<std::unique_ptr<PostgresStore>> stores_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> answered_ = 0;
  std::atomic<std::uint64_t> unknown_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
  std::mutex mutex_;
  std::map<model::ClaimId, std::string> told_;
  std::set<model::ClaimId> told_as_new_;
  std::uint64_t twice_ = 0;
};

}  // namespace hunt::postgres
