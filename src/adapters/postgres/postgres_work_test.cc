// Counted work is a test: how many statements, rows and bytes of log a grant costs in PostgreSQL.
// Counts do not depend on the machine, so each bound stands a little above what was counted.
#include "adapters/postgres/postgres_feed.h"
#include "adapters/postgres/postgres_store_test_support.h"
#include "model/limits.h"

namespace hunt::postgres {
namespace {

using ports::contract::run;

constexpr std::size_t per_call = limits::claims_per_call_max;
constexpr std::size_t calls = 20;
constexpr std::uint32_t budget = 40;

struct Work {
  double statements = 0;   // a call: ours, and those that the function runs
  double answered = 0;     // rows, a call
  double log_records = 0;  // a claim, without those of the commit
  double log_bytes = 0;    // a claim: all that is written
};

class PostgresWork : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<TestServer>(TestServer::Settings{
        "fsync = off", "full_page_writes = off", "autovacuum = off", "checkpoint_timeout = 1h",
        "shared_preload_libraries = 'pg_stat_statements'", "pg_stat_statements.track = all"});
  }
  static void TearDownTestSuite() { server_.reset(); }

  PostgresWork() {
    EXPECT_TRUE(plain_sql(url_, "CREATE EXTENSION pg_stat_statements").has_value());
    std::vector<model::Burial> wishes;
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(per_call); ++i) {
      wishes.push_back(burial_of({i * 40, -i}, budget));
    }
    const auto buried = run(store_->bury(1, std::move(wishes))).value();
    for (const auto& one : buried) {
      tiles_.push_back({one.tile, one.spawn});
    }
  }

  // One on each tile, of the player.
  [[nodiscard]] std::vector<model::Claim> claims(std::uint64_t player) const {
    std::vector<model::Claim> all;
    for (const auto& [tile, spawn] : tiles_) all.push_back(claim_of(tile, spawn, player));
    return all;
  }
  void grant(std::vector<model::Claim> claims) {
    const auto call = run(store_->grant_claims(std::move(claims)));
    ASSERT_TRUE(call.has_value()) << call.error().message;
  }

  // Of this database, since the last reset; `what` is an aggregate.
  [[nodiscard]] double counted(const std::string& what) const {
    return static_cast<double>(plain_number(
        url_, fmt::format("SELECT coalesce({}, 0) FROM pg_stat_statements s"
                          " JOIN pg_database d ON d.oid = s.dbid AND datname = current_database()"
                          " WHERE query NOT LIKE '%pg_stat_%' AND query NOT LIKE '%pg_lsn%'",
                          what)));
  }
  // Of so many calls, each of another of these players.
  [[nodiscard]] Work work_of(std::uint64_t first_player) {
    const std::string log_end = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn";
    EXPECT_TRUE(plain_sql(url_, "SELECT pg_stat_statements_reset()").has_value());
    const std::int64_t log_before = plain_number(url_, log_end);
    for (std::size_t i = 0; i < calls; ++i) grant(claims(first_player + i));
    const std::int64_t log_after = plain_number(url_, log_end);
    constexpr auto asked = static_cast<double>(calls * per_call);
    Work work;
    work.statements = counted("sum(calls)") / calls;
    work.answered =
        counted("sum(rows) FILTER (WHERE toplevel AND query LIKE '%grant_claims%')") / calls;
    work.log_records = counted("sum(wal_records) FILTER (WHERE toplevel)") / asked;
    work.log_bytes = static_cast<double>(log_after - log_before) / asked;
    return work;
  }

  static std::unique_ptr<TestServer> server_;
  PostgresUrl url_ = server_->make_database();
  std::unique_ptr<PostgresStore> store_ = open_store(url_);
  std::vector<std::pair<model::Tile, model::SpawnId>> tiles_;
};
std::unique_ptr<TestServer> PostgresWork::server_;

TEST_F(PostgresWork, a_new_grant_costs_no_more_than_it_did) {
  grant(claims(1'000));  // prepared
  grant(claims(1'001));
  const Work work = work_of(1);
  EXPECT_LE(work.statements, 9);
  EXPECT_EQ(work.answered, 1);
  EXPECT_LE(work.log_records, 5.2);
  EXPECT_LE(work.log_bytes, 520);
  EXPECT_GT(work.log_bytes, 250) << "this looks at nothing";
}

TEST_F(PostgresWork, a_refusal_and_a_repeat_write_next_to_nothing) {
  for (std::uint64_t player = 0; player < budget; ++player) grant(claims(player));
  const Work repeats = work_of(0);
  EXPECT_LE(repeats.statements, 10);
  EXPECT_EQ(repeats.answered, 1 + per_call);
  EXPECT_LE(repeats.log_bytes, 65) << "the locks";
  const Work refusals = work_of(budget);
  EXPECT_LE(refusals.statements, 9);
  EXPECT_EQ(refusals.answered, 1);
  EXPECT_LE(refusals.log_bytes, 65);
}

// Two who grant hold each other's rows back, and the stream tells of each row by itself: neither is
// a reason to look. At most every 5 ms, then after 1, 2 and 4 ms more, each time in vain.
TEST_F(PostgresWork, a_feed_looks_seldom_while_commits_follow_one_another) {
  const ports::contract::ManualClock clock;
  PostgresFeed feed(url_, clock);
  auto cursor = run(feed.resume()).value().cursor;
  std::vector<model::Claim> all;
  for (std::uint64_t player = 0; player < budget; ++player) {
    const auto some = claims(player);
    all.insert(all.end(), some.begin(), some.end());
  }
  ASSERT_TRUE(plain_sql(url_, "SELECT pg_stat_statements_reset()").has_value());
  const auto begun = std::chrono::steady_clock::now();
  Load load(url_, {}, all, 2);
  std::size_t told = 0;
  for (int reads = 0; reads < 1'000 && told < 1'000; ++reads) {
    const auto batch = run(feed.next(cursor, 100'000'000)).value();
    told += batch.grants.size();
    cursor = batch.next;
  }
  load.stop();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
  EXPECT_GE(told, 1'000U);
  const double looks =
      counted("sum(calls) FILTER (WHERE query LIKE '%ledger_settled%' AND toplevel)");
  EXPECT_LE(looks, 10 + took.count() / 2.5);
  EXPECT_GE(looks, 2) << "this looks at nothing";
}

}  // namespace
}  // namespace hunt::postgres
