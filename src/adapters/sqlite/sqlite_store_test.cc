// What only SQLite promises: plain SQL keeps the invariants, several stores share one file, and a
// killed process loses nothing it has answered.
#include "adapters/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <set>
#include <thread>

#include "adapters/sqlite/sqlite_test_support.h"
#include "base/prng.h"
#include "engine/claim_id.h"
#include "engine/ledger_check.h"
#include "model/zorder.h"
#include "ports/feed_held.h"

namespace hunt::sqlite {
namespace {

using model::Outcome;
using ports::contract::ManualClock;
using ports::contract::run;

constexpr model::Tile here{3, -4};

model::Claim claim_of(model::Tile tile, model::SpawnId spawn, std::uint64_t player) {
  engine::ClaimIds ids;
  model::Claim made;
  made.world = 1;
  made.tile = model::tile_id_of(tile);
  made.spawn = spawn;
  made.player = {1, player};
  made.id = ids.of(1, made.tile, spawn, made.player);
  made.reward = fmt::format("item {}", player % 7);
  made.rules = "00000000000000aa";
  return made;
}

model::Burial burial_of(model::Tile tile, std::uint32_t budget) {
  model::Burial wish;
  wish.tile = tile;
  wish.table = "starlight";
  wish.budget = budget;
  return wish;
}

class Audit final : public ports::LedgerVisitor {
 public:
  explicit Audit(SqliteStore& store) {
    EXPECT_TRUE(run(store.read_ledger(*this)).has_value());
    report = check_.finish();
    EXPECT_TRUE(report.clean()) << report.violations.at(0).sentence;
  }
  void on_spawn(const Spawn& spawn) override {
    check_.on_spawn({spawn.spawn, spawn.budget, spawn.remaining, spawn.done, spawn.sold_out,
                     spawn.world, spawn.tile, spawn.world == 0});
  }
  void on_grant(const model::Grant& row) override {
    check_.on_grant(row);
    claims.insert(row.claim);
  }
  std::set<model::ClaimId> claims;
  engine::LedgerReport report;

 private:
  engine::LedgerCheck check_;
};

class SqliteShell : public testing::Test {
 protected:
  model::SpawnId bury(std::uint32_t budget) {
    return run(store_->bury(1, {burial_of(here, budget)})).value().at(0).spawn;
  }
  model::TileRow row() {
    const auto key = model::chunk_of(1, model::tile_id_of(here));
    return run(store_->load_chunks({key})).value().chunks.at(0).rows.at(0);
  }
  void expect_refused(const std::string& sql, const std::string& words) {
    const auto done = plain_sql(path_, sql);
    ASSERT_FALSE(done.has_value()) << sql;
    EXPECT_NE(done.error().message.find(words), std::string::npos) << done.error().message;
  }
  void expect_done(const std::string& sql) {
    const auto done = plain_sql(path_, sql);
    EXPECT_TRUE(done.has_value()) << sql << ": " << done.error().message;
  }

  ManualClock clock_;
  TemporaryDirectory directory_;
  std::string path_ = directory_.file("hunt.db");
  std::unique_ptr<SqliteStore> store_ = open_store(SqliteOptions{path_, clock_, 5});
};

TEST_F(SqliteShell, spawn_ids_carry_the_shard) {
  const auto first = bury(1);
  EXPECT_EQ(first >> 48, 5U);
  const auto second = bury(1);
  EXPECT_EQ(second >> 48, 5U);
  EXPECT_GT(second, first);
}

TEST_F(SqliteShell, edits_by_hand_count_versions_and_are_told) {
  bury(3);
  const auto start = run(store_->now()).value();
  expect_done("UPDATE loot_tiles SET loot_table = 'moonlight', closes_us = 5");
  EXPECT_EQ(row().version, 2U);
  const auto batch = run(store_->next(start, 5'000'000'000)).value();
  ASSERT_EQ(batch.tiles.size(), 1U);
  EXPECT_EQ(batch.tiles[0].row.table, "moonlight");
  EXPECT_EQ(batch.tiles[0].row.version, 2U);
  expect_done("UPDATE loot_tiles SET loot_table = 'moonlight'");
  EXPECT_EQ(row().version, 2U) << "nothing visible changed";
}

TEST_F(SqliteShell, edits_by_hand_that_would_lie_are_refused) {
  bury(3);
  expect_refused("DELETE FROM loot_tiles", "never deleted");
  expect_refused("UPDATE loot_tiles SET budget = 4", "budget of a spawn never changes");
  expect_refused("UPDATE loot_tiles SET version = 0", "counts by itself");
  expect_refused("UPDATE loot_tiles SET version = 7", "counts by itself");
  expect_refused("UPDATE loot_tiles SET sold_out = 1", "cannot be set by hand");
  expect_refused("UPDATE loot_tiles SET tile_id = tile_id + 1", "cannot move");
  expect_refused("UPDATE loot_tiles SET spawn = 12345, budget = 3", "as much in stock");
  expect_refused("UPDATE loot_tiles SET spawn = 0", "spawn 0, budget 0");
  expect_refused("UPDATE stock SET remaining = 9", "never grows");
  expect_refused("UPDATE stock SET remaining = -1", "CHECK");
  expect_refused("DELETE FROM stock", "stock of a spawn");
  expect_refused(
      "INSERT OR REPLACE INTO loot_tiles (world, tile_id) SELECT world, tile_id FROM loot_tiles",
      "UPDATE it");
  expect_refused("INSERT INTO loot_tiles (world, tile_id, spawn, budget) VALUES (1, 1, 99, 2)",
                 "as much in stock");
  EXPECT_EQ(row().version, 1U);
  const Audit audit(*store_);
}

TEST_F(SqliteShell, the_ledger_cannot_be_rewritten) {
  const auto spawn = bury(3);
  ASSERT_TRUE(run(store_->grant_claims({claim_of(here, spawn, 1)})).has_value());
  expect_refused("DELETE FROM grants", "never deleted");
  expect_refused("UPDATE grants SET item = 'crown'", "never change");
}

TEST_F(SqliteShell, a_tile_can_be_emptied_and_buried_by_hand) {
  const auto spawn = bury(3);
  ASSERT_TRUE(run(store_->grant_claims({claim_of(here, spawn, 1)})).has_value());
  expect_done("UPDATE loot_tiles SET spawn = 0, budget = 0");
  EXPECT_EQ(run(store_->grant_claims({claim_of(here, spawn, 2)})).value().verdicts[0].outcome,
            Outcome::nothing);
  EXPECT_EQ(plain_number(path_, "SELECT remaining FROM spawns_done"), 2);
  expect_done(
      "BEGIN; INSERT INTO stock (spawn, remaining) SELECT spawn, 4 FROM next_spawn;"
      "UPDATE loot_tiles SET spawn = last_insert_rowid(), budget = 4, sold_out = 0,"
      " buried_at_us = 1;"
      "COMMIT");
  const auto by_hand = row().spawn;
  EXPECT_GT(by_hand, spawn);
  EXPECT_EQ(row().version, 3U);
  expect_done("INSERT INTO loot_tiles (world, tile_id) VALUES (1, 77)");
  EXPECT_EQ(run(store_->grant_claims({claim_of(here, by_hand, 2)})).value().verdicts[0].outcome,
            Outcome::granted);
  const Audit audit(*store_);
  EXPECT_EQ(audit.report.spawns, 2U);
}

TEST_F(SqliteShell, a_spawn_id_that_a_restored_file_may_have_used_is_refused) {
  expect_refused("INSERT INTO stock (remaining) VALUES (4)", "next_spawn");
  expect_refused("INSERT INTO stock VALUES (7, 4)", "next_spawn");
  expect_refused("INSERT INTO stock VALUES (9223372036854775807, 4)", "next_spawn");
  const std::int64_t ms = plain_number(path_, "SELECT spawn >> 8 & 1099511627775 FROM next_spawn");
  const std::int64_t unix_s = plain_number(path_, "SELECT strftime('%s', 'now')");
  EXPECT_NEAR(static_cast<double>(ms) / 1e3, static_cast<double>(unix_s - 1'704'067'200), 60.0);
}

TEST_F(SqliteShell, an_audit_sees_a_grant_forged_by_hand) {
  const auto spawn = bury(3);
  ASSERT_TRUE(run(store_->grant_claims({claim_of(here, spawn, 1)})).has_value());
  expect_done(
      "INSERT INTO grants (claim_id, outcome, world, tile_id, spawn, player, item, rules, seed_id,"
      " as_of_us, at_us) SELECT randomblob(16), outcome, world, tile_id, spawn, randomblob(16),"
      " item, rules, seed_id, as_of_us, at_us FROM grants");
  class Quiet final : public ports::LedgerVisitor {
   public:
    void on_spawn(const Spawn& s) override {
      check.on_spawn({s.spawn, s.budget, s.remaining, s.done, s.sold_out});
    }
    void on_grant(const model::Grant& grant) override { check.on_grant(grant); }
    engine::LedgerCheck check;
  } visitor;
  ASSERT_TRUE(run(store_->read_ledger(visitor)).has_value());
  EXPECT_EQ(visitor.check.finish().violation_count, 2U);  // its id, and the stock
}

TEST_F(SqliteShell, the_log_of_changes_is_bounded) {
  const auto start = run(store_->now()).value();
  expect_done(
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 230000)"
      " INSERT INTO changes (world, tile_id) SELECT 1, i FROM n");
  bury(1);
  EXPECT_EQ(plain_number(path_, "SELECT count(*) FROM changes"), 200'000);
  EXPECT_TRUE(run(store_->next(start, 0)).value().gap);
}

// Loot of a whole world at random places: each commit writes nearly as many pages as tiles.
TEST_F(SqliteShell, keeps_its_log_short_whoever_writes_much) {
  constexpr std::uintmax_t short_bytes = std::uintmax_t{160} << 20U;  // 64 MB is worth a pause
  Prng prng(7);
  std::uintmax_t longest_bytes = 0;
  for (int round = 0; round < 100; ++round) {
    std::vector<model::Burial> burials;
    for (int i = 0; i < 1'000; ++i) {
      const auto place = [&prng] { return static_cast<std::int32_t>(prng.below(60'000)); };
      burials.push_back(burial_of({place(), place()}, 3));
    }
    ASSERT_TRUE(run(store_->bury(1, std::move(burials))).has_value());
    longest_bytes = std::max(longest_bytes, std::filesystem::file_size(path_ + "-wal"));
  }
  EXPECT_LT(longest_bytes, short_bytes);
  EXPECT_GT(std::filesystem::file_size(path_), 1U << 20U) << "pages have come into the file";
}

TEST_F(SqliteShell, two_stores_on_one_file_see_each_other) {
  const auto other = open_store(SqliteOptions{path_, clock_});
  const auto start = run(other->now()).value();
  const auto spawn = bury(2);
  ASSERT_TRUE(run(store_->grant_claims({claim_of(here, spawn, 1)})).has_value());
  // The tile and the grant are two commits, and may be noticed one by one.
  model::FeedCursor cursor = start;
  std::size_t tiles = 0;
  std::size_t grants = 0;
  for (int i = 0; i < 10 && (tiles == 0 || grants == 0); ++i) {
    const auto batch = run(other->next(cursor, 2'000'000'000)).value();
    tiles += batch.tiles.size();
    grants += batch.grants.size();
    cursor = batch.next;
  }
  EXPECT_EQ(tiles, 1U);
  EXPECT_EQ(grants, 1U);
  // A change that comes while the other waits is noticed without being told in process.
  std::thread writer([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    EXPECT_TRUE(run(store_->close_tiles(1, {here})).has_value());
  });
  const auto begun = std::chrono::steady_clock::now();
  const auto batch = run(other->next(cursor, 20'000'000'000)).value();
  writer.join();
  EXPECT_EQ(batch.tiles.size(), 1U);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  // And both may grant; together they stay inside the budget.
  std::thread more([this, spawn] {
    for (std::uint64_t player = 10; player < 40; ++player) {
      EXPECT_TRUE(run(store_->grant_claims({claim_of(here, spawn, player)})).has_value());
    }
  });
  for (std::uint64_t player = 10; player < 40; ++player) {
    EXPECT_TRUE(run(other->grant_claims({claim_of(here, spawn, player)})).has_value());
  }
  more.join();
  const Audit audit(*other);
}

TEST_F(SqliteShell, the_seed_given_is_the_seed_of_a_new_store_only) {
  const auto path = directory_.file("seeded.db");
  SqliteOptions options{path, clock_};
  options.seed.emplace();
  options.seed->fill(9);
  EXPECT_EQ(run(open_store(options)->secrets()).value().seed_bytes,
            std::vector<std::uint8_t>(32, 9));
  options.seed->fill(8);
  EXPECT_EQ(run(open_store(options)->secrets()).value().seed_bytes,
            std::vector<std::uint8_t>(32, 9));
}

TEST(ZOrder, finds_the_next_code_inside_a_rectangle_for_any_seed) {
  Prng random(11);
  for (int round = 0; round < 200; ++round) {
    const auto coordinate = [&random] { return static_cast<std::int32_t>(random.between(-9, 9)); };
    const model::Tile a{coordinate(), coordinate()};
    const model::Tile b{coordinate(), coordinate()};
    const model::TileRect rect{{std::min(a.x, b.x), std::min(a.y, b.y)},
                               {std::max(a.x, b.x), std::max(a.y, b.y)}};
    std::set<model::TileId> inside;
    for (std::int32_t x = rect.low.x; x <= rect.high.x; ++x) {
      for (std::int32_t y = rect.low.y; y <= rect.high.y; ++y) {
        inside.insert(model::tile_id_of({x, y}));
      }
    }
    const model::TileId from = model::tile_id_of({coordinate(), coordinate()});
    const auto expected = inside.lower_bound(from);
    const auto found = model::next_in_rect(from, rect);
    ASSERT_EQ(found.has_value(), expected != inside.end());
    if (found) {
      EXPECT_EQ(found->value, expected->value);
    }
  }
}

// --- kill -9 -----------------------------------------------------------------------------------
// The child is this binary again, running one disabled test: a fork alone would copy a process
// that has threads.
constexpr const char* child_path_variable = "HUNT_TEST_KILLED_STORE";
constexpr const char* child_round_variable = "HUNT_TEST_KILLED_ROUND";
constexpr int child_fd = 3;
constexpr std::uint32_t killed_budget = 100'000;

// Grants until it is killed, and reports each answered player through the pipe.
TEST(KilledChild, DISABLED_grants_until_it_is_killed) {
  const char* path = std::getenv(child_path_variable);
  const char* round = std::getenv(child_round_variable);
  ASSERT_TRUE(path != nullptr && round != nullptr);
  const ManualClock clock;
  const auto store = open_store(SqliteOptions{path, clock});
  model::Tile tile{static_cast<std::int32_t>(std::stol(round)), 0};
  std::uint64_t player = static_cast<std::uint64_t>(tile.x) << 32;
  for (;;) {
    const auto spawn =
        run(store->bury(1, {burial_of(tile, 1 + killed_budget / 100)})).value().at(0).spawn;
    for (int calls = 0; calls < 40; ++calls) {
      std::vector<boost::asio::awaitable<Result<model::GrantCall>>> work;
      for (int c = 0; c < 4; ++c) {
        std::vector<model::Claim> claims;
        for (int i = 0; i < 8; ++i) claims.push_back(claim_of(tile, spawn, ++player));
        work.push_back(store->grant_claims(std::move(claims)));
      }
      for (const auto& call : ports::contract::run_all(std::move(work))) {
        for (const auto& verdict : call.value().verdicts) {
          if (verdict.outcome != Outcome::granted) continue;
          const auto bytes = model::to_bytes(verdict.id);
          ASSERT_EQ(write(child_fd, bytes.data(), bytes.size()), 16);
        }
      }
    }
  }
}

// Starts the child, reads what it answered until it is killed after `life`.
std::set<model::ClaimId> run_and_kill(const std::string& path, int round,
                                      std::chrono::microseconds life) {
  int ends[2];
  HUNT_ASSERT(pipe2(ends, O_CLOEXEC) == 0);
  const std::string round_text = std::to_string(round);
  const pid_t child = fork();
  HUNT_ASSERT(child >= 0);
  if (child == 0) {
    // Only what is safe after fork in a process with threads, up to exec.
    setenv(child_path_variable, path.c_str(), 1);
    setenv(child_round_variable, round_text.c_str(), 1);
    if (ends[1] == child_fd) {
      fcntl(child_fd, F_SETFD, 0);
    } else {
      dup2(ends[1], child_fd);
    }
    const int quiet = open("/dev/null", O_WRONLY);
    dup2(quiet, STDOUT_FILENO);
    execl("/proc/self/exe", "sqlite_test", "--gtest_also_run_disabled_tests",
          "--gtest_filter=KilledChild.DISABLED_grants_until_it_is_killed", nullptr);
    _exit(127);
  }
  close(ends[1]);
  std::thread killer([child, life] {
    std::this_thread::sleep_for(life);
    kill(child, SIGKILL);
  });
  std::set<model::ClaimId> answered;
  std::array<std::uint8_t, 16> bytes;
  while (read(ends[0], bytes.data(), bytes.size()) == 16) {
    answered.insert(model::id_from_bytes(bytes.data()));
  }
  killer.join();
  close(ends[0]);
  int status = 0;
  HUNT_ASSERT(waitpid(child, &status, 0) == child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the child failed by itself";
  return answered;
}

TEST(SqliteStore, keeps_every_answered_grant_through_kill_nine) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("hunt.db");
  const ManualClock clock;
  Prng random(2027);
  std::set<model::ClaimId> answered;
  for (int round = 1; round <= 10; ++round) {
    const auto life = std::chrono::microseconds(random.between(20'000, 400'000));
    answered.merge(run_and_kill(path, round, life));
    const auto store = open_store(SqliteOptions{path, clock});
    const Audit audit(*store);
    for (const auto& claim : answered) {
      ASSERT_TRUE(audit.claims.contains(claim)) << "answered, but lost in round " << round;
    }
    // A claim sent again gets what it had.
    const auto page = run(store->grants_after(0, 5)).value();
    for (const auto& grant : page.grants) {
      auto again = claim_of(model::tile_of(grant.tile), grant.spawn, grant.player.low);
      again.reward = "something else";
      const auto verdict = run(store->grant_claims({again})).value().verdicts.at(0);
      EXPECT_TRUE(verdict.repeat);
      EXPECT_EQ(verdict.reward, grant.reward);
    }
  }
  EXPECT_GT(answered.size(), 100U);
}

}  // namespace
// One relay tells the others what changes; the next one waits until it is gone.
TEST(SqliteFeed, is_one_relays_alone_or_everybodys_for_himself) {
  const TemporaryDirectory directory;
  ports::contract::ManualClock clock;
  SqliteOptions own{directory.file("hunt.db"), clock};
  SqliteOptions for_all = own;
  for_all.feed_for_all = true;
  const auto resume = [](SqliteStore& store) { return ports::contract::run(store.resume()); };
  auto relay = open_store(for_all);
  const auto standby = open_store(for_all);
  ASSERT_TRUE(resume(*relay).has_value());
  EXPECT_TRUE(resume(*relay).has_value()) << "its own again";
  const auto waits = resume(*standby);
  ASSERT_FALSE(waits.has_value());
  EXPECT_TRUE(ports::says_held(waits.error()));
  EXPECT_NE(waits.error().message.find("hunt relay"), std::string::npos);
  const auto first = open_store(own);
  const auto second = open_store(own);
  EXPECT_TRUE(ports::says_held(resume(*first).error()));
  relay.reset();
  EXPECT_TRUE(resume(*first).has_value());
  EXPECT_TRUE(resume(*second).has_value());
  EXPECT_FALSE(resume(*standby).has_value());
}

}  // namespace hunt::sqlite
