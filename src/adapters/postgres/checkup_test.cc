#include "adapters/postgres/checkup.h"

#include "adapters/postgres/postgres_store_test_support.h"

namespace hunt::postgres {
namespace {

// Whether a finding of this severity says this.
bool says(const std::vector<ports::Finding>& findings, ports::Severity severity,
          std::string_view words) {
  for (const auto& finding : findings) {
    if (finding.severity == severity && finding.found.find(words) != std::string::npos) return true;
  }
  return false;
}

std::vector<ports::Finding> look(const PostgresUrl& url) {
  return check_up(url, 0, 1, RealClock());
}

TEST(PostgresCheckup, a_standby_is_told_from_a_server_that_is_not_there) {
  const TestServer primary({"max_wal_senders = 10"});
  TestServer standby({"max_wal_senders = 10"}, &primary);
  EXPECT_TRUE(says(look(standby.url("postgres")), ports::Severity::failure, "it is a standby"));
  ASSERT_TRUE(plain_sql(primary.url("postgres"), "ALTER SYSTEM SET synchronous_standby_names = '*'")
                  .has_value());
  ASSERT_TRUE(plain_sql(primary.url("postgres"), "SELECT pg_reload_conf()").has_value());
  ASSERT_TRUE(comes_true(primary.url("postgres"),
                         "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"));
  const auto findings = look(primary.url("postgres"));
  EXPECT_TRUE(says(findings, ports::Severity::ok, "synchronous standbys connected: 1"));
  standby.stop();
  EXPECT_TRUE(says(look(standby.url("postgres")), ports::Severity::failure, "not reachable"));
}

TEST(PostgresCheckup, a_slot_that_nobody_reads_is_told_and_one_that_is_lost) {
  TestServer server({"fsync = off", "max_slot_wal_keep_size = 2MB"});
  const PostgresUrl url = server.make_database();
  ASSERT_NE(open_store(url), nullptr);
  EXPECT_TRUE(says(look(url), ports::Severity::warning, "is not there: no relay ever ran"));
  ASSERT_TRUE(plain_sql(url,
                        "SELECT pg_create_logical_replication_slot('hunt_' || oid, 'pgoutput')"
                        " FROM pg_database WHERE datname = current_database()")
                  .has_value());
  EXPECT_TRUE(says(look(url), ports::Severity::warning, "no relay is connected"));
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(plain_sql(url, "SELECT pg_logical_emit_message(false, 'x', repeat('x', 2000000))")
                    .has_value());
    ASSERT_TRUE(plain_sql(url, "CHECKPOINT").has_value());
  }
  EXPECT_TRUE(says(look(url), ports::Severity::warning, "is lost"));
}

TEST(PostgresCheckup, a_query_waits_no_longer_than_its_patience) {
  auto connection = BlockingConnection::open(TestServer::shared().url("postgres"));
  ASSERT_TRUE(connection.has_value());
  connection->set_patience(std::chrono::milliseconds(50));
  const auto began = std::chrono::steady_clock::now();
  const auto answer = connection->query("SELECT 1 FROM pg_sleep(8)");
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::deadline_exceeded);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

}  // namespace
}  // namespace hunt::postgres
