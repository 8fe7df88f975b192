// A server that goes, comes back, runs out of disk or connections, while claims are made: what was
// told stays, what is unknown is settled by asking again, and nobody is granted twice.
#include <future>

#include "adapters/postgres/postgres_store_test_support.h"

namespace hunt::postgres {
namespace {

using model::Outcome;
using ports::contract::run;
using std::chrono::milliseconds;

// A server for these tests alone, whose disk is a real one.
class PostgresOutage : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<TestServer>(
        TestServer::Settings{"max_connections = 30", "autovacuum = off", "commit_siblings = 0",
                             "synchronous_standby_names = ''", "dynamic_shared_memory_type = sysv",
                             "max_slot_wal_keep_size = 4MB"});
  }
  static void TearDownTestSuite() { server_.reset(); }

  PostgresOutage() {
    for (std::int32_t i = 0; i < 20; ++i) {
      const model::Tile at{i * 33, -i};
      std::vector<model::Burial> wishes{burial_of(at, 200)};
      const auto spawn = run(store_->bury(1, std::move(wishes))).value().at(0).spawn;
      for (std::uint64_t player = 0; player < 250; ++player) {
        claims_.push_back(claim_of(at, spawn, player));
      }
    }
  }
  Result<model::GrantCall> grant(std::vector<model::Claim> claims) {
    return ports::contract::run(store_->grant_claims(std::move(claims)));
  }
  // Until it is answered.
  model::GrantCall grant_surely(const std::vector<model::Claim>& claims) {
    for (int attempt = 0; attempt < 1'000; ++attempt) {
      if (auto call = grant(claims)) return std::move(*call);
      std::this_thread::sleep_for(milliseconds(10));
    }
    ADD_FAILURE() << "never answered";
    return {};
  }
  static void set_standbys(const std::string& names) {
    const auto url = server_->url("postgres");
    const auto set =
        plain_sql(url, fmt::format("ALTER SYSTEM SET synchronous_standby_names = '{}'", names));
    ASSERT_TRUE(set.has_value()) << set.error().message;
    ASSERT_TRUE(plain_sql(url, "SELECT pg_reload_conf()").has_value());
    ASSERT_TRUE(comes_true(url, fmt::format("SELECT (setting = '{}')::int FROM pg_settings WHERE "
                                            "name = 'synchronous_standby_names'",
                                            names)));
  }
  std::vector<model::Claim> some(std::size_t first, std::size_t count) const {
    const auto at = claims_.begin() + static_cast<std::ptrdiff_t>(first);
    return {at, at + static_cast<std::ptrdiff_t>(count)};
  }

  static std::unique_ptr<TestServer> server_;
  PostgresUrl url_ = server_->make_database();
  std::unique_ptr<PostgresStore> store_ = open_store(url_);
  std::vector<model::Claim> claims_;
};
std::unique_ptr<TestServer> PostgresOutage::server_;

TEST_F(PostgresOutage, connections_killed_in_commit_lose_nothing_and_grant_once) {
  // Commits take long, so that kills meet them.
  const auto slow = plain_sql(
      url_, fmt::format("ALTER DATABASE {} SET commit_delay = 4000", TestServer::name_of(url_)));
  ASSERT_TRUE(slow.has_value());
  store_ = open_store(url_);
  Load load(url_, {}, claims_, 3);
  ASSERT_NO_FATAL_FAILURE(load.play_kills(url_, "hunt grants", 60));
  EXPECT_GT(load.unknown(), 20U);
  load.expect_kept(*store_);
}

TEST_F(PostgresOutage, a_slow_commit_is_told_apart_from_all_else) {
  const auto slow = plain_sql(
      url_, fmt::format("ALTER DATABASE {} SET commit_delay = 100000", TestServer::name_of(url_)));
  ASSERT_TRUE(slow.has_value());
  store_ = open_store(url_);
  ASSERT_TRUE(grant(some(0, 5)).has_value());  // connects and prepares
  const auto begun = std::chrono::steady_clock::now();
  const auto call = grant(some(5, 5));
  const auto took = std::chrono::steady_clock::now() - begun;
  ASSERT_TRUE(call.has_value());
  EXPECT_GE(took, milliseconds(100));
  EXPECT_LT(call->times.lock_us + call->times.exec_us, 90'000);
  EXPECT_GE(call->times.commit_us, 90'000);
}

// The commit is done, its answer is not, and then there is no connection.
TEST_F(PostgresOutage, a_connection_killed_behind_its_commit_is_an_unknown_outcome) {
  set_standbys("nobody");
  for (const char* end : {"pg_terminate_backend", "pg_cancel_backend"}) {
    const std::vector<model::Claim> claims = some(std::string(end).size() * 5, 5);
    auto call = std::async(std::launch::async, [this, claims] { return grant(claims); });
    ASSERT_TRUE(comes_true(url_,
                           "SELECT count(*) FROM pg_stat_activity WHERE wait_event ="
                           " 'SyncRep' AND application_name = 'hunt grants'"));
    EXPECT_EQ(call.wait_for(milliseconds(100)), std::future_status::timeout) << "told too early";
    ASSERT_TRUE(plain_sql(url_, fmt::format("SELECT {}(pid) FROM pg_stat_activity WHERE"
                                            " wait_event = 'SyncRep'",
                                            end))
                    .has_value());
    const auto answer = call.get();
    ASSERT_FALSE(answer.has_value()) << end;
    EXPECT_EQ(answer.error().code, Errc::unknown_outcome) << end << answer.error().message;
    set_standbys("");
    for (const auto& verdict : grant_surely(claims).verdicts) {
      EXPECT_EQ(verdict.outcome, Outcome::granted);
      EXPECT_TRUE(verdict.repeat) << end << ": it had happened";
    }
    set_standbys("nobody");
  }
  set_standbys("");
  EXPECT_EQ(Audit(*store_).report.grants, 10U);
}

TEST_F(PostgresOutage, the_barrier_of_a_feed_fails_when_its_wait_is_cancelled) {
  const ports::contract::ManualClock clock;
  PostgresFeed feed(url_, clock);
  auto cursor = run(feed.now()).value();
  ASSERT_TRUE(run(feed.secure(cursor)).has_value());
  // What was read without a standby was on the disk before anybody could read it.
  grant_surely(some(0, 1));
  cursor = run(feed.next(cursor, 0)).value().next;
  const std::string barriers = "SELECT beat FROM feed";
  const std::int64_t before = plain_number(url_, barriers);
  ASSERT_TRUE(run(feed.secure(cursor)).has_value());
  EXPECT_EQ(plain_number(url_, barriers), before);
  grant_surely(some(1, 1));
  set_standbys("nobody");
  cursor = run(feed.next(cursor, 0)).value().next;
  auto secured =
      std::async(std::launch::async, [&feed, cursor] { return run(feed.secure(cursor)); });
  ASSERT_TRUE(comes_true(url_,
                         "SELECT count(*) FROM pg_stat_activity WHERE wait_event ="
                         " 'SyncRep' AND application_name = 'hunt relay'"));
  ASSERT_TRUE(plain_sql(url_,
                        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE"
                        " wait_event = 'SyncRep'")
                  .has_value());
  const auto answer = secured.get();
  ASSERT_FALSE(answer.has_value()) << "a failover may lose what it was asked to secure";
  EXPECT_EQ(answer.error().code, Errc::unavailable) << answer.error().message;
  set_standbys("");
  EXPECT_TRUE(run(feed.secure(cursor)).has_value());
}

TEST_F(PostgresOutage, a_crash_under_load_loses_nothing_that_was_told) {
  Load load(url_, {}, claims_, 3);
  const auto away = [] {
    server_->crash();
    std::this_thread::sleep_for(milliseconds(50));
    server_->start();
  };
  ASSERT_NO_FATAL_FAILURE(load.play_outages(2, away));
  load.expect_kept(*store_);
}

TEST_F(PostgresOutage, spawn_ids_do_not_come_back_after_a_crash) {
  const model::Tile at{5, 5};
  std::vector<model::Burial> wishes{burial_of(at, 1)};
  const auto before = run(store_->bury(1, wishes)).value().at(0).spawn;
  Transaction other(url_);
  other.run("SELECT nextval('spawn_number') FROM generate_series(1, 5)");
  server_->crash();
  server_->start();
  Result<std::vector<model::Buried>> after = fail(Errc::unavailable, "not yet");
  for (int attempt = 0; attempt < 500 && !after; ++attempt) {
    after = run(store_->bury(1, wishes));
    std::this_thread::sleep_for(milliseconds(10));
  }
  ASSERT_TRUE(after.has_value()) << after.error().message;
  EXPECT_GT(after->at(0).spawn, before);
  const Audit audit(*store_);
}

// The tables find no room on the disk; the log does.
TEST_F(PostgresOutage, a_full_disk_fails_grants_that_have_not_happened) {
  server_->stop();
  server_->start(1'024 + 4);  // half of a page more than what the log needs
  store_ = open_store(url_);
  for (auto& claim : claims_) claim.reward = std::string(300, 'x');
  std::size_t at = 0;
  std::uint64_t granted = 50;
  Result<model::GrantCall> call = model::GrantCall{};
  while (call && at + 50 <= claims_.size() * 4 / 5) {
    call = grant(some(at, 50));
    if (!call) break;
    at += 50;
    for (const auto& verdict : call->verdicts) {
      granted += verdict.outcome == Outcome::granted ? 1 : 0;
    }
  }
  ASSERT_FALSE(call.has_value()) << "the ledger stayed small";
  EXPECT_EQ(call.error().code, Errc::disk_full) << call.error().message;
  EXPECT_FALSE(run(store_->find_grant(claims_[at].id)).value().has_value());
  EXPECT_EQ(grant(some(0, 50))->verdicts[7].repeat, true) << "what needs no room goes on";
  server_->stop();
  server_->start();
  for (const auto& verdict : grant_surely(some(at, 50)).verdicts) {
    EXPECT_EQ(verdict.outcome, Outcome::granted);
    EXPECT_FALSE(verdict.repeat);
  }
  EXPECT_EQ(Audit(*store_).report.grants, granted);
}

// The log finds no room: the server panics and stays down.
TEST_F(PostgresOutage, a_full_disk_for_the_log_stops_the_server_and_loses_nothing) {
  ASSERT_TRUE(plain_sql(url_, "SELECT pg_switch_wal()").has_value());
  server_->stop();
  server_->start(512);  // half of a file of the log
  std::size_t at = 0;
  auto call = grant(some(0, 50));
  for (int attempt = 0; attempt < 300 && !call; ++attempt) {
    std::this_thread::sleep_for(milliseconds(10));
    call = grant(some(0, 50));
  }
  for (; call && at + 100 <= claims_.size(); at += 50) call = grant(some(at + 50, 50));
  ASSERT_FALSE(call.has_value());
  EXPECT_GT(at, 50U);
  EXPECT_TRUE(call.error().code == Errc::unknown_outcome || call.error().code == Errc::unavailable)
      << call.error().message;
  server_->crash();
  server_->start();
  for (std::size_t told = 0; told < at; told += 50) {
    for (const auto& verdict : grant_surely(some(told, 50)).verdicts) {
      ASSERT_TRUE(verdict.repeat || verdict.outcome == Outcome::sold_out) << told;
    }
  }
  ASSERT_EQ(grant_surely(some(at, 50)).verdicts.size(), 50U);
  const Audit audit(*store_);
}

TEST_F(PostgresOutage, exhausted_connections_are_told_and_waited_for) {
  ASSERT_TRUE(grant(some(0, 3)).has_value());
  std::vector<BlockingConnection> hogs;
  for (;;) {
    auto hog = BlockingConnection::open(url_);
    if (!hog) break;
    hogs.push_back(std::move(*hog));
  }
  ASSERT_GT(hogs.size(), 5U);
  EXPECT_TRUE(grant(some(0, 3)).has_value()) << "who has a connection keeps it";
  const auto refused = PostgresStore::open(url_, {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_NE(refused.error().message.find("too many clients"), std::string::npos)
      << refused.error().message;
  // Its own connections are lost, and others are faster: it may take them a few tries.
  auto call = grant(some(0, 3));
  for (int i = 0; i < 100 && (call || call.error().code == Errc::unknown_outcome); ++i) {
    static_cast<void>(hogs[0].query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ="
        " 'hunt grants' AND datname = current_database()"));
    while (auto hog = BlockingConnection::open(url_)) hogs.push_back(std::move(*hog));
    call = grant(some(0, 3));
  }
  ASSERT_FALSE(call.has_value());
  EXPECT_EQ(call.error().code, Errc::unavailable) << call.error().message;
  hogs.clear();
  EXPECT_TRUE(grant_surely(some(0, 3)).verdicts[0].repeat);
}

}  // namespace
}  // namespace hunt::postgres
