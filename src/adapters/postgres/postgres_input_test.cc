// What people get wrong: URLs, passwords, databases of others, users without rights. Each answer is
// a sentence that says what to do, and none shows a password.
#include <array>
#include <fstream>

#include "adapters/postgres/postgres_store_test_support.h"

namespace hunt::postgres {
namespace {

using ports::contract::run;

constexpr const char* secret = "s3cret";

void expect_no_secret(const std::string& message) {
  EXPECT_EQ(message.find(secret), std::string::npos) << message;
  EXPECT_FALSE(message.empty());
}

TEST(PostgresUrl, refuses_what_it_cannot_read_and_shows_no_password) {
  constexpr std::array<const char*, 20> refused{
      "mysql://u:s3cret@host/db",
      "postgres://u:s3cret%zz@host/db",
      "postgres://u:%00s3cret@host/db",
      "postgres://u:s3cret@host:port/db",
      "postgres://u:s3cret@[::1/db",
      "postgres://u:s3cret@[::1]x/db",
      "postgres://u:s3cret@host/db?nonsense=1",
      "postgres://u:s3cret@host/db?sslmode",
      "postgres://u:s3cret@host",
      "postgres://u:s3cret@host/",
      "postgres://u:p@s3cret@host/db",
      "postgres://u:12/s3cret@host/db",
      "postgres://u:s3cret/db",
      "postgres://u:s3cret@host/db?port=s3cret",
      "postgres://host/db?user=u&password=a&s3cret",
      "postgres://host/db?user=u&password=a&s3cret=1",
      "postgres://host/db?user=u&password=a=s3cret",
      "postgres://host/db?user=u&password=s3cret%zz",
      "postgres://host/db?user=u&password:s3cret",
      "postgres://host?user=u&password=s3cret",
  };
  for (const char* url : refused) {
    const auto parsed = PostgresUrl::parse(url);
    ASSERT_FALSE(parsed.has_value()) << url << " is " << parsed->shown();
    EXPECT_EQ(parsed.error().code, Errc::invalid_argument) << url;
    EXPECT_EQ(parsed.error().field, "store") << url;
    expect_no_secret(parsed.error().message);
  }
}

TEST(PostgresUrl, shows_host_port_and_database_only) {
  constexpr std::array<std::pair<const char*, const char*>, 9> shown{{
      {"postgres://u:s3cret@host/db", "host:5432/db"},
      {"postgresql://u:s3cret@host:6543/db?sslmode=require", "host:6543/db"},
      {"postgres://host/db?user=u&password=s3cret", "host:5432/db"},
      {"postgres://host/db?pass%77ord=s3cret", "host:5432/db"},
      {"postgres://host/db?password=p@s3cret/x", "host:5432/db"},
      {"postgres://host/db?sslpassword=s3cret", "host:5432/db"},
      {"postgres://u:s3cret@a:1,b:2/db", "a,b:1,2/db"},
      {"postgres://u:s3cret%40%2F%3A@host/db", "host:5432/db"},
      {"postgres://u:s3cret@[::1]:7/db", "::1:7/db"},
  }};
  for (const auto& [url, expected] : shown) {
    const auto parsed = PostgresUrl::parse(url);
    ASSERT_TRUE(parsed.has_value()) << url << ": " << parsed.error().message;
    EXPECT_EQ(parsed->shown(), expected);
  }
}

TEST(PostgresUrl, its_own_settings_win_over_ours) {
  const auto pairs =
      PostgresUrl::parse("postgres://host/db?application_name=mine&options=-c%20lock_timeout%3D7")
          .value()
          .pairs({{"options", "-c enable_seqscan=off"}});
  std::map<std::string, std::string> all(pairs.begin(), pairs.end());
  EXPECT_EQ(all["application_name"], "mine");
  const std::string& said = all["options"];
  ASSERT_NE(said.find("lock_timeout=2s"), std::string::npos) << said;
  EXPECT_GT(said.rfind("lock_timeout=7"), said.find("lock_timeout=2s")) << said;
  EXPECT_NE(said.find("enable_seqscan=off"), std::string::npos) << said;
}

class PostgresInput : public PostgresShell {
 protected:
  [[nodiscard]] std::string name() const { return TestServer::name_of(url_); }
  // Of this database, or another one, as this user.
  [[nodiscard]] PostgresUrl as(const std::string& user, const std::string& database = {}) const {
    const auto url = TestServer::shared().text_url(database.empty() ? name() : database, user);
    return PostgresUrl::parse(url).value();
  }
  Error refused(const PostgresUrl& url, PostgresOptions asked = options()) {
    const auto opened = PostgresStore::open(url, asked);
    EXPECT_FALSE(opened.has_value());
    if (opened) return {};
    expect_no_secret(opened.error().message);
    return opened.error();
  }
  // A user of this database alone.
  std::string make_user(const std::string& rights) {
    const std::string user = "user_" + name();
    expect_done(fmt::format("CREATE ROLE {} LOGIN {}", user, rights));
    return user;
  }
};

TEST_F(PostgresInput, a_wrong_password_is_unauthorized) {
  auto& server = TestServer::shared();
  const std::string file = server.data() + "/pg_hba.conf";
  std::ifstream old_file(file);
  const std::string old((std::istreambuf_iterator<char>(old_file)), {});
  std::ofstream(file) << "host all guarded 127.0.0.1/32 scram-sha-256\n" << old;
  expect_done("CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 's3cret'");
  expect_done("SELECT pg_reload_conf()");
  ASSERT_TRUE(comes_true(url_,
                         "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method ="
                         " 'scram-sha-256'"));
  (void)store();
  Error wrong;
  for (int attempt = 0; attempt < 100 && wrong.code != Errc::unauthorized; ++attempt) {
    const auto opened = PostgresStore::open(as("guarded:wrong-s3cret"), options());
    if (!opened) wrong = opened.error();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // until it is reloaded
  }
  EXPECT_EQ(wrong.code, Errc::unauthorized);
  expect_no_secret(wrong.message);
  EXPECT_NE(wrong.message.find("password"), std::string::npos) << wrong.message;
  EXPECT_EQ(refused(as("guarded")).code, Errc::unauthorized);
  const auto right = open_store(as("guarded:s3cret"), options());
  EXPECT_TRUE(run(right->worlds()).has_value());
  // Changed while it runs: new connections fail, and say why.
  expect_done("ALTER ROLE guarded PASSWORD 'another'");
  const auto call = run(right->grant_claims({claim_of(here, 1, 1)}));
  ASSERT_FALSE(call.has_value());
  EXPECT_EQ(call.error().code, Errc::unauthorized);
  expect_no_secret(call.error().message);
  const ports::contract::ManualClock clock;
  PostgresFeed feed(as("guarded:s3cret"), clock);
  const auto resumed = run(feed.resume());
  ASSERT_FALSE(resumed.has_value());
  EXPECT_EQ(resumed.error().code, Errc::unauthorized) << resumed.error().message;
  expect_no_secret(resumed.error().message);
}

TEST_F(PostgresInput, no_server_no_database_and_no_user_are_told_apart) {
  const auto nobody = fmt::format("postgres://hunt:s3cret@127.0.0.1:{}/db", testing::free_port());
  EXPECT_EQ(refused(PostgresUrl::parse(nobody).value()).code, Errc::unavailable);
  const auto none = refused(as("hunt:s3cret", "no_such_database"));
  EXPECT_EQ(none.code, Errc::not_found);
  EXPECT_NE(none.message.find("no_such_database"), std::string::npos) << none.message;
  EXPECT_EQ(refused(as("no_such_user:s3cret")).code, Errc::not_found);
}

TEST_F(PostgresInput, tables_of_another_program_are_left_alone) {
  expect_done("CREATE TABLE invoices (id int)");
  const auto error = refused(url_);
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_NE(error.message.find("another program"), std::string::npos) << error.message;
  EXPECT_EQ(plain_number(url_,
                         "SELECT count(*) FROM pg_class WHERE relnamespace ="
                         " 'public'::regnamespace"),
            1);
}

TEST_F(PostgresInput, a_newer_schema_and_another_shard_are_refused) {
  (void)store();
  auto other = options();
  other.shard = 6;
  const auto elsewhere = refused(url_, other);
  EXPECT_EQ(elsewhere.code, Errc::invalid_argument);
  EXPECT_NE(elsewhere.message.find("is shard 5"), std::string::npos) << elsewhere.message;
  other.shard = 40'000;
  EXPECT_EQ(refused(url_, other).code, Errc::invalid_argument);
  other = options();
  other.grant_connections = 0;
  EXPECT_EQ(refused(url_, other).code, Errc::invalid_argument);
  expect_done("INSERT INTO hunt_schema (version) VALUES (1000)");
  const auto newer = refused(url_);
  EXPECT_EQ(newer.code, Errc::unsupported);
  EXPECT_NE(newer.message.find("newer version"), std::string::npos) << newer.message;
}

TEST_F(PostgresInput, a_store_that_many_open_at_once_is_made_once) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([this] {
      const auto opened = PostgresStore::open(url_, options());
      EXPECT_TRUE(opened.has_value()) << opened.error().message;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(plain_number(url_, "SELECT count(*) FROM seeds"), 1);
}

TEST_F(PostgresInput, a_user_without_rights_makes_no_tables) {
  const auto user = make_user("");
  EXPECT_EQ(refused(as(user)).code, Errc::unauthorized);
  (void)store();
  EXPECT_EQ(refused(as(user)).code, Errc::unauthorized) << "nor reads ours";
}

TEST_F(PostgresInput, readers_read_and_write_nothing) {
  const auto spawn = bury(here, 3);
  const auto user = make_user("IN ROLE hunt_reader");
  const auto reader = open_store(as(user), options());
  std::vector<model::ChunkKey> keys{model::chunk_of(1, model::tile_id_of(here))};
  EXPECT_EQ(run(reader->load_chunks(std::move(keys))).value().chunks.at(0).rows.size(), 1U);
  EXPECT_TRUE(run(reader->grants_after(0, 10)).has_value());
  EXPECT_TRUE(run(reader->world_stats(1)).has_value());
  Audit audit(*reader);
  const auto code = [](const auto& result) {
    EXPECT_FALSE(result.has_value());
    return result ? Errc::internal : result.error().code;
  };
  EXPECT_EQ(code(run(reader->grant_claims({claim_of(here, spawn, 1)}))), Errc::unauthorized);
  std::vector<model::Burial> wishes{burial_of(here, 1)};
  EXPECT_EQ(code(run(reader->bury(1, std::move(wishes)))), Errc::unauthorized);
  EXPECT_EQ(code(run(reader->close_tiles(1, {here}))), Errc::unauthorized);
  EXPECT_EQ(code(run(reader->create_world(0, "mine"))), Errc::unauthorized);
  EXPECT_NE(run(reader->info()).value().hunt.id, model::HuntId()) << "whose it is, is no secret";
  EXPECT_EQ(code(run(reader->secrets())), Errc::unauthorized) << "the seed and the key are";
  EXPECT_EQ(code(run(reader->join_hunt({{1, 1}, "mine"}, {}))), Errc::unauthorized);
  EXPECT_FALSE(plain_sql(as(user), "SELECT key FROM hunt_key").has_value());
  EXPECT_FALSE(plain_sql(as(user), "UPDATE loot_tiles SET loot_table = 'x'").has_value());
  EXPECT_FALSE(plain_sql(as(user), "SELECT seed FROM seeds").has_value());
  const ports::contract::ManualClock clock;
  PostgresFeed feed(as(user), clock);
  const auto resumed = run(feed.resume());
  EXPECT_EQ(code(resumed), Errc::unauthorized) << resumed.error().message;
}

TEST_F(PostgresInput, a_spawn_id_that_a_restored_database_may_have_used_is_refused) {
  const auto spawn = bury(here, 3);
  const auto by_hand = [this](std::uint64_t id) {
    const auto done = plain_sql(url_, fmt::format("INSERT INTO stock VALUES ({}, 4)", id));
    EXPECT_FALSE(done.has_value());
    return done ? std::string() : done.error().message;
  };
  EXPECT_NE(by_hand(7).find("use bury()"), std::string::npos);
  EXPECT_NE(by_hand((std::uint64_t{shard} << 48) + 7).find("use bury()"), std::string::npos);
  EXPECT_NE(by_hand(spawn + (std::uint64_t{1} << 48)).find("use bury()"), std::string::npos);
}

TEST_F(PostgresInput, many_bury_at_once_and_no_spawn_id_comes_twice) {
  (void)store();
  for (int world = 2; world <= 5; ++world) {
    (void)run(store().create_world(static_cast<model::WorldId>(world), fmt::format("w{}", world)));
  }
  std::vector<std::thread> people;
  std::array<std::vector<model::SpawnId>, 4> ids;
  for (std::size_t person = 0; person < ids.size(); ++person) {
    people.emplace_back([this, person, &mine = ids[person]] {
      const auto other = open_store(url_, options());
      for (int round = 0; round < 8; ++round) {
        std::vector<model::Burial> wishes;
        for (std::int32_t i = 0; i < 50; ++i) wishes.push_back(burial_of({i, round}, 1));
        const auto world = static_cast<model::WorldId>(person + 2);
        const auto buried = run(other->bury(world, std::move(wishes)));
        ASSERT_TRUE(buried.has_value()) << buried.error().message;
        for (const auto& one : *buried) mine.push_back(one.spawn);
      }
    });
  }
  for (auto& person : people) person.join();
  std::set<model::SpawnId> all;
  for (const auto& mine : ids) {
    for (const auto id : mine) EXPECT_TRUE(all.insert(id).second) << id;
  }
  EXPECT_EQ(all.size(), 4U * 8 * 50);
  EXPECT_EQ(plain_number(url_,
                         "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
                         " AND classid::bigint >> 16 = 18436"),
            0);
}

TEST_F(PostgresInput, the_roles_are_enough_for_their_work) {
  const auto user = make_user("IN ROLE hunt_ingest");
  (void)store();
  const auto ingest = open_store(as(user), options());
  std::vector<model::Burial> wishes{burial_of(here, 3)};
  const auto spawn = run(ingest->bury(1, std::move(wishes))).value().at(0).spawn;
  EXPECT_EQ(run(ingest->grant_claims({claim_of(here, spawn, 1)})).value().verdicts[0].outcome,
            model::Outcome::granted);
  EXPECT_EQ(run(ingest->close_tiles(1, {here})).value(), 1U);
  EXPECT_TRUE(run(ingest->create_world(0, "mine")).has_value());
  EXPECT_TRUE(run(ingest->info()).has_value());
  EXPECT_EQ(run(ingest->secrets()).value().seed_bytes.size(), 32U);
  EXPECT_TRUE(run(ingest->join_hunt({{1, 1}, "mine"}, {1})).has_value());
  EXPECT_FALSE(plain_sql(as(user), "INSERT INTO stock VALUES (7, 7)").has_value());
  EXPECT_FALSE(plain_sql(as(user), "SELECT raise_epoch()").has_value());

  expect_done(fmt::format("CREATE ROLE relay_{0} LOGIN REPLICATION IN ROLE hunt_relay", name()));
  const ports::contract::ManualClock clock;
  PostgresFeed feed(as("relay_" + name()), clock);
  const auto relay = open_store(as("relay_" + name()), options());
  const auto secrets = run(relay->secrets());
  ASSERT_TRUE(secrets.has_value()) << secrets.error().message;
  EXPECT_EQ(secrets->hunt_key, run(ingest->secrets()).value().hunt_key) << "a relay signs";
  EXPECT_TRUE(secrets->seed_bytes.empty()) << "and rolls nothing";
  const auto start = run(feed.resume());
  ASSERT_TRUE(start.has_value()) << start.error().message;
  const auto repaired = run(feed.repair());
  ASSERT_TRUE(repaired.has_value()) << repaired.error().message;
  EXPECT_TRUE(run(feed.secure(repaired->cursor)).has_value());
  EXPECT_TRUE(run(feed.confirm(repaired->cursor)).has_value());
  const auto batch = run(feed.next(start->cursor, 0));
  ASSERT_TRUE(batch.has_value()) << batch.error().message;
}

}  // namespace
}  // namespace hunt::postgres
