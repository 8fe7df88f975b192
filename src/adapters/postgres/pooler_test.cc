// What stands between us and PostgreSQL: a real PgBouncer is seen in each of its modes, also when
// all its connections are taken; what only passes bytes on is not taken for one; limits are told.
#include "adapters/postgres/byte_gate_test_support.h"
#include "adapters/postgres/checkup.h"
#include "adapters/postgres/postgres_store_test_support.h"

namespace hunt::postgres {
namespace {

using ports::contract::run;

class PgBouncer {
 public:
  // `settings`: more lines of its file.
  PgBouncer(const TestServer& server, const std::string& mode, const std::string& settings)
      : port_(testing::free_port()) {
    std::ofstream(folder_.file("users")) << "\"hunt\" \"\"\n";
    std::ofstream(folder_.file("pgbouncer.ini"))
        << "[databases]\n* = host=127.0.0.1 port=" << server.port() << "\n[pgbouncer]\n"
        << "listen_addr = 127.0.0.1\nlisten_port = " << port_ << "\nunix_socket_dir =\n"
        << "auth_type = trust\nauth_file = " << folder_.file("users") << "\npool_mode = " << mode
        << "\n"
        << settings << "\n";
    process_ = std::make_unique<testing::ServerProcess>(testing::ServerCommand{
        {"pgbouncer", folder_.file("pgbouncer.ini")}, folder_.path(), port_, "postgres"});
    const auto started = process_->start();
    EXPECT_TRUE(started.has_value()) << started.error().message;
  }
  [[nodiscard]] PostgresUrl url(const PostgresUrl& of) const {
    return PostgresUrl::parse(fmt::format("postgres://hunt@127.0.0.1:{}/{}?sslmode=disable", port_,
                                          TestServer::name_of(of)))
        .value();
  }

 private:
  testing::TemporaryFolder folder_{"hunt-pgbouncer"};
  std::uint16_t port_;
  std::unique_ptr<testing::ServerProcess> process_;
};

constexpr const char* lenient = "ignore_startup_parameters = options,extra_float_digits";

void expect_seen(const Error& error) {
  EXPECT_NE(error.message.find("pooler"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("name the server itself in --store"), std::string::npos)
      << error.message;
}

bool doctor_sees(const PostgresUrl& url) {
  const RealClock clock;
  for (const auto& finding : check_up(url, 0, 1, clock)) {
    if (finding.severity == ports::Severity::failure &&
        finding.found.find("pooler") != std::string::npos) {
      return true;
    }
  }
  return false;
}

TEST(PostgresPooler, is_seen_in_every_mode_when_a_store_is_opened_and_by_the_doctor) {
  TestServer& server = TestServer::shared();
  const PostgresUrl direct = server.make_database();
  ASSERT_NE(open_store(direct), nullptr);
  for (const std::string mode : {"session", "transaction", "statement"}) {
    const PgBouncer pooler(server, mode, lenient);
    for (const bool read_only : {false, true}) {
      PostgresOptions options;
      options.read_only = read_only;
      const auto refused = PostgresStore::open(pooler.url(direct), options);
      ASSERT_FALSE(refused.has_value()) << mode;
      EXPECT_EQ(refused.error().code, Errc::unsupported) << mode;
      expect_seen(refused.error());
    }
    EXPECT_TRUE(doctor_sees(pooler.url(direct))) << mode;
  }
}

TEST(PostgresPooler, that_refuses_our_settings_is_seen_too) {
  TestServer& server = TestServer::shared();
  const PostgresUrl direct = server.make_database();
  const PgBouncer pooler(server, "transaction", "");
  const auto refused = PostgresStore::open(pooler.url(direct), {});
  ASSERT_FALSE(refused.has_value());
  expect_seen(refused.error());
  EXPECT_TRUE(doctor_sees(pooler.url(direct)));
}

TEST(PostgresPooler, whose_connections_are_all_taken_is_a_sentence_and_no_silence) {
  TestServer& server = TestServer::shared();
  const PostgresUrl direct = server.make_database();
  const PgBouncer pooler(server, "session",
                         std::string(lenient) + "\ndefault_pool_size = 1\nquery_wait_timeout = 2");
  auto taken = BlockingConnection::open(pooler.url(direct));
  ASSERT_TRUE(taken.has_value());
  ASSERT_TRUE(taken->execute("SELECT 1").has_value()) << "it has the only one until it ends";
  const auto refused = PostgresStore::open(pooler.url(direct), {});
  ASSERT_FALSE(refused.has_value());
  expect_seen(refused.error());
  EXPECT_TRUE(doctor_sees(pooler.url(direct)));
}

TEST(PostgresPooler, what_only_passes_bytes_on_is_none) {
  TestServer& server = TestServer::shared();
  const PostgresUrl direct = server.make_database();
  const ByteGate gate(server.port());
  const auto url = PostgresUrl::parse(fmt::format("postgres://hunt@127.0.0.1:{}/{}?sslmode=disable",
                                                  gate.port(), TestServer::name_of(direct)));
  const auto store = open_store(url.value());
  EXPECT_TRUE(run(store->verify()).has_value());
  EXPECT_FALSE(doctor_sees(url.value()));
  store->close();
}

TEST(PostgresLimits, too_few_connections_are_told_and_those_there_are_used) {
  TestServer& server = TestServer::shared();
  const PostgresUrl owner = server.make_database();
  const std::string user = "few_" + TestServer::name_of(owner);
  const auto buried = run(open_store(owner)->bury(1, {burial_of({1, 1}, 5)})).value();
  ASSERT_TRUE(plain_sql(owner, fmt::format("CREATE ROLE {} LOGIN CONNECTION LIMIT 4;"
                                           " GRANT hunt_ingest TO {}",
                                           user, user))
                  .has_value());
  const auto url = PostgresUrl::parse(server.text_url(TestServer::name_of(owner), user)).value();
  bool sees = false;
  const RealClock clock;
  for (const auto& finding : check_up(url, 0, 1, clock)) {
    sees = sees || finding.found.find("connection 4 of the 5") != std::string::npos;
  }
  EXPECT_TRUE(sees) << "the doctor opens what serve opens";
  PostgresOptions options;
  options.connect_ahead = true;
  const auto store = open_store(url, options);
  Result<void> told;
  for (int attempt = 0; attempt < 100 && told; ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    told = run(store->verify());
  }
  ASSERT_FALSE(told.has_value());
  EXPECT_NE(told.error().message.find("of 5 connections"), std::string::npos)
      << told.error().message;
  EXPECT_NE(told.error().message.find("raise max_connections"), std::string::npos)
      << told.error().message;
  // Whichever of the connections for grants could be made is the one that is used.
  ASSERT_TRUE(
      plain_sql(owner, fmt::format("ALTER ROLE {} CONNECTION LIMIT 100", user)).has_value());
  bool granted = false;
  for (int attempt = 0; attempt < 200 && !granted; ++attempt) {
    const auto call = run(store->grant_claims({claim_of({1, 1}, buried[0].spawn, 1)}));
    granted = call.has_value();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(granted);
  for (int attempt = 0; attempt < 300 && !told; ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    told = run(store->verify());
  }
  EXPECT_TRUE(told.has_value()) << told.error().message;
}

}  // namespace
}  // namespace hunt::postgres
