// What somebody drops or changes while we run is seen, made again where that is allowed, and told.
#include "adapters/postgres/schema_parts.h"

#include "adapters/postgres/checkup.h"
#include "adapters/postgres/migrations.h"
#include "adapters/postgres/postgres_store_test_support.h"

namespace hunt::postgres {
namespace {

using ports::contract::run;

class PostgresParts : public PostgresShell {
 protected:
  PostgresParts() { (void)store(); }
  // Told once with these words, and then all is well.
  void expect_made_again(const std::string& words) {
    const auto told = run(store().verify());
    ASSERT_FALSE(told.has_value()) << words;
    EXPECT_NE(told.error().message.find(words), std::string::npos) << told.error().message;
    EXPECT_NE(told.error().message.find("made again"), std::string::npos) << told.error().message;
    const auto fine = run(store().verify());
    EXPECT_TRUE(fine.has_value()) << fine.error().message;
  }
  [[nodiscard]] bool doctor_says(const std::string& words) const {
    const RealClock clock;
    for (const auto& finding : check_up(url_, shard, shard + 1, clock)) {
      if (finding.severity != ports::Severity::ok && finding.found.find(words) != std::string::npos)
        return true;
    }
    return false;
  }
};

TEST_F(PostgresParts, are_read_out_of_the_migrations) {
  std::map<SchemaPart::Kind, int> counts;
  for (const auto& part : schema_parts()) ++counts[part.kind];
  EXPECT_GE(counts[SchemaPart::Kind::table], 11);
  EXPECT_GE(counts[SchemaPart::Kind::function], 15);
  EXPECT_GE(counts[SchemaPart::Kind::trigger], 9);
  EXPECT_EQ(counts[SchemaPart::Kind::publication], 1);
  EXPECT_EQ(counts[SchemaPart::Kind::group], 3);
  EXPECT_GE(schema_grants().size(), 6U);
}

// Each function and trigger in turn, so that one which is not looked at is found.
TEST_F(PostgresParts, each_that_is_dropped_is_made_again_as_it_was) {
  EXPECT_FALSE(doctor_says("is missing or changed"));
  for (const auto& part : schema_parts()) {
    if (part.kind == SchemaPart::Kind::trigger) {
      expect_done(fmt::format("DROP TRIGGER {} ON {}", part.name, part.table));
      expect_made_again(shown(part));
    } else if (part.kind == SchemaPart::Kind::function &&
               part.sql.find("RETURNS trigger") == std::string::npos) {  // triggers hang on those
      expect_done(fmt::format("DROP FUNCTION {}", part.name));
      expect_made_again(shown(part));
    }
  }
  const auto spawn = bury({1, 1}, 1);
  EXPECT_TRUE(run(store().grant_claims({claim_of({1, 1}, spawn, 1)})).has_value());
  const Audit audit(store());
}

TEST_F(PostgresParts, that_were_changed_or_turned_off_are_made_again) {
  expect_done("ALTER TABLE grants DISABLE TRIGGER enter");
  EXPECT_TRUE(doctor_says("the trigger enter of grants is missing or changed"));
  expect_made_again("the trigger enter of grants");
  expect_done(
      "CREATE OR REPLACE FUNCTION now_us() RETURNS bigint LANGUAGE sql VOLATILE AS $$ SELECT "
      "7::bigint $$");
  expect_made_again("the function now_us");
  expect_done("ALTER PUBLICATION hunt DROP TABLE loot_tiles");
  EXPECT_TRUE(doctor_says("the publication hunt"));
  expect_made_again("the publication hunt");
  expect_refused("DELETE FROM grants", "never change");
}

// Between two releases processes of both run: they would put back each other's for ever.
TEST_F(PostgresParts, of_a_newer_release_are_left_as_they_are) {
  const std::string newer =
      "CREATE OR REPLACE FUNCTION now_us() RETURNS bigint LANGUAGE sql VOLATILE AS"
      " $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + 0 $$";
  expect_done(newer);
  expect_done(fmt::format("INSERT INTO hunt_schema (version) VALUES ({})", schema_version + 1));
  const auto fine = run(store().verify());
  EXPECT_TRUE(fine.has_value()) << fine.error().message;
  EXPECT_EQ(plain_number(url_, "SELECT count(*) FROM pg_proc WHERE prosrc LIKE '%::bigint + 0 '"),
            1);
  const auto spawn = bury({1, 1}, 1);
  EXPECT_TRUE(run(store().grant_claims({claim_of({1, 1}, spawn, 1)})).has_value());
  expect_done(fmt::format("DELETE FROM hunt_schema WHERE version > {}", schema_version));
  expect_made_again("the function now_us");
}

TEST_F(PostgresParts, copies_are_void_after_the_versions_were_not_counted) {
  const auto epoch = run(store().info()).value().epoch;
  expect_done("DROP TRIGGER rules ON loot_tiles");
  expect_made_again("the trigger rules of loot_tiles");
  EXPECT_GT(run(store().info()).value().epoch, epoch);
}

TEST_F(PostgresParts, rights_are_given_again_with_a_function) {
  const std::string user = "serve_" + TestServer::name_of(url_);
  expect_done(fmt::format("CREATE ROLE {0} LOGIN; GRANT hunt_ingest TO {0}", user));
  const auto url =
      PostgresUrl::parse(TestServer::shared().text_url(TestServer::name_of(url_), user)).value();
  const auto serve = open_store(url, options());
  EXPECT_TRUE(run(serve->verify()).has_value());
  expect_done("DROP FUNCTION grant_claims_packed");
  const auto told = run(serve->verify());
  ASSERT_FALSE(told.has_value());
  EXPECT_NE(told.error().message.find("grant_claims_packed; it was not made again"),
            std::string::npos)
      << told.error().message;
  expect_made_again("the function grant_claims_packed");
  EXPECT_TRUE(run(serve->verify()).has_value());
  EXPECT_EQ(plain_number(url_,
                         "SELECT has_function_privilege('public', oid, 'EXECUTE')::int FROM "
                         "pg_proc WHERE proname = 'grant_claims_packed'"),
            0);
}

TEST_F(PostgresParts, what_refuses_grants_is_told_without_a_claim) {
  const std::string user = "serve_" + TestServer::name_of(url_);
  expect_done(fmt::format("CREATE ROLE {0} LOGIN; GRANT hunt_ingest TO {0}", user));
  const auto url =
      PostgresUrl::parse(TestServer::shared().text_url(TestServer::name_of(url_), user)).value();
  const auto serve = open_store(url, options());
  expect_done("REVOKE EXECUTE ON FUNCTION grant_claims_packed FROM hunt_ingest");
  EXPECT_EQ(run(serve->verify()).error().code, Errc::unauthorized);
  expect_done("GRANT EXECUTE ON FUNCTION grant_claims_packed TO hunt_ingest");
  EXPECT_TRUE(run(serve->verify()).has_value());
  expect_done("UPDATE meta SET timeline = 'another'");
  EXPECT_EQ(run(serve->verify()).error().code, Errc::epoch_stale);
  expect_done("UPDATE meta SET timeline = server_timeline()");
  expect_done("DROP TABLE spawns_done");
  EXPECT_EQ(run(serve->verify()).error().code, Errc::corrupt);
}

TEST_F(PostgresParts, a_server_that_only_reads_is_told) {
  EXPECT_TRUE(run(store().verify()).has_value());
  expect_done(fmt::format("ALTER DATABASE {} SET default_transaction_read_only = on",
                          TestServer::name_of(url_)));
  const auto ended = plain_sql(
      TestServer::shared().url("postgres"),
      fmt::format("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
                  TestServer::name_of(url_)));
  ASSERT_TRUE(ended.has_value()) << ended.error().message;
  Result<void> told;
  for (int attempt = 0; attempt < 100 && told; ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    told = run(store().verify());
  }
  ASSERT_FALSE(told.has_value());
  EXPECT_NE(told.error().message.find("read-only"), std::string::npos) << told.error().message;
}

}  // namespace
}  // namespace hunt::postgres
