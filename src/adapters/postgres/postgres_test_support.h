// What the tests of this folder share: a PostgreSQL server of their own, databases in it, plain
// SQL.
//
// Not for production code. One server for the whole test program, made when first asked for; each
// test has its own database in it. Tests that stop or promote servers make their own.
#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/postgres/blocking.h"
#include "adapters/postgres/postgres_feed.h"
#include "adapters/postgres/postgres_store.h"
#include "base/testing/server_process.h"
#include "ports/contract/hunt_store_contract_fixture.h"

namespace hunt::postgres {

// Where Debian keeps PostgreSQL's programs: the newest version there is.
[[nodiscard]] inline std::string program(const std::string& name) {
  std::string newest;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
    newest = std::max(newest, entry.path().string());
  }
  return newest + "/bin/" + name;
}

class TestServer {
 public:
  using Settings = std::vector<std::string>;  // lines of postgresql.conf

  // An empty server, started.
  explicit TestServer(const Settings& settings = {}) : TestServer(settings, nullptr) {}
  // A standby of `primary`, which streams from it.
  TestServer(const Settings& settings, const TestServer* primary)
      : port_(testing::free_port()), data_(folder_.file("data")) {
    if (primary == nullptr) {
      run({"cp", "-a", empty_cluster(), data_});
    } else {
      run({program("pg_basebackup"), "--pgdata", data_, "--host", "127.0.0.1", "--port",
           std::to_string(primary->port()), "--username", "hunt", "--write-recovery-conf",
           "--checkpoint", "fast", "--no-sync"});
    }
    std::ofstream file(data_ + "/postgresql.auto.conf", std::ios::app);
    file << "port = " << port_ << "\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n"
         << "wal_level = logical\nmax_connections = 100\nshared_buffers = 64MB\n"
         << "max_wal_size = 256MB\nmin_wal_size = 64MB\ncluster_name = 'standby'\n";
    for (const auto& line : settings) file << line << "\n";
    file.close();
    start();
  }
  ~TestServer() { stop(); }

  // `file_kib_max`: no file becomes larger, as if the disk were full; 0: no limit.
  void start(std::size_t file_kib_max = 0) {
    std::vector<std::string> words{program("postgres"), "-D", data_};
    if (file_kib_max != 0) {
      const std::string limit = fmt::format("ulimit -S -f {}; exec \"$@\"", file_kib_max * 2);
      words.insert(words.begin(), {"/bin/sh", "-c", limit, "sh"});
    }
    server_ = std::make_unique<testing::ServerProcess>(
        testing::ServerCommand{std::move(words), folder_.path(), port_, "postgres"});
    const auto started = server_->start();
    ASSERT_TRUE(started.has_value()) << started.error().message;
    // It listens before it lets anybody in: after a crash for long, where others have the cores.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (std::chrono::steady_clock::now() < end) {
      if (BlockingConnection::open(url("postgres"), {{"target_session_attrs", "any"}})) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    FAIL() << "the server lets nobody in: " << server_->log();
  }
  // Fast: sessions are ended, nothing is lost.
  void stop() { server_->stop(SIGINT); }
  // As power loss does, but for what the disk keeps.
  void crash() { server_->stop(SIGQUIT); }
  [[nodiscard]] testing::ServerProcess& process() { return *server_; }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::string& data() const { return data_; }
  // As whom: "user" or "user:password".
  [[nodiscard]] std::string text_url(const std::string& database,
                                     const std::string& user = "hunt") const {
    return fmt::format("postgres://{}@127.0.0.1:{}/{}?sslmode=disable", user, port_, database);
  }
  [[nodiscard]] PostgresUrl url(const std::string& database) const {
    return PostgresUrl::parse(text_url(database)).value();
  }
  // Of a database of this server, from its URL.
  [[nodiscard]] static std::string name_of(const PostgresUrl& url) {
    return url.shown().substr(url.shown().rfind('/') + 1);
  }
  // A new database, empty.
  [[nodiscard]] PostgresUrl make_database() {
    const std::string name = fmt::format("test{}", ++databases_);
    auto connection = BlockingConnection::open(url("postgres"));
    HUNT_ASSERT(connection.has_value());
    HUNT_ASSERT(connection->execute("CREATE DATABASE " + name).has_value());
    return url(name);
  }

  // The one for tests that leave it as it is.
  [[nodiscard]] static TestServer& shared() {
    static TestServer server({"fsync = off", "full_page_writes = off", "autovacuum = off",
                              "max_replication_slots = 80", "max_wal_senders = 20"});
    return server;
  }

 private:
  static void run(std::vector<std::string> arguments, const std::string& folder) {
    testing::ServerProcess tool({std::move(arguments), folder, 0, "postgres"});
    const auto done = tool.start();
    HUNT_ASSERT(done.has_value());
  }
  void run(std::vector<std::string> arguments) { run(std::move(arguments), folder_.path()); }
  // What initdb makes, which takes longer than to copy it.
  static std::string empty_cluster() {
    static const testing::TemporaryFolder folder("hunt-postgres-empty");
    static const std::string data = [] {
      // Small files of the log, so that tests can run out of them.
      run({program("initdb"), "--pgdata", folder.file("data"), "--auth", "trust", "--username",
           "hunt", "--encoding", "UTF8", "--locale", "C.UTF-8", "--locale-provider", "icu",
           "--icu-locale", "en-US", "--no-sync", "--wal-segsize", "1"},
          folder.path());
      return folder.file("data");
    }();
    return data;
  }

  testing::TemporaryFolder folder_{"hunt-postgres"};
  std::uint16_t port_;
  std::string data_;
  std::unique_ptr<testing::ServerProcess> server_;
  int databases_ = 0;
};

// Opens, or fails the test with the message.
[[nodiscard]] inline std::unique_ptr<PostgresStore> open_store(const PostgresUrl& url,
                                                               PostgresOptions options = {}) {
  auto store = PostgresStore::open(url, options);
  EXPECT_TRUE(store.has_value()) << store.error().message;
  HUNT_ASSERT(store.has_value());
  return std::move(*store);
}

// What a person in psql does, over a connection of its own.
[[nodiscard]] inline Result<void> plain_sql(const PostgresUrl& url, const std::string& sql) {
  HUNT_TRY(connection, BlockingConnection::open(url, {{"application_name", "psql"}}));
  return connection.execute(sql);
}
[[nodiscard]] inline std::int64_t plain_number(const PostgresUrl& url, const std::string& sql) {
  auto connection = BlockingConnection::open(url, {{"application_name", "psql"}});
  HUNT_ASSERT(connection.has_value());
  auto rows = connection->query("SELECT (" + sql + ")::bigint");
  EXPECT_TRUE(rows.has_value()) << rows.error().message;
  return rows && rows->size() == 1 ? rows->integer(0, 0) : -1;
}

// Takes the slot of a database away from whoever reads it. False: there was none.
[[nodiscard]] inline bool drop_slot(const PostgresUrl& url) {
  const std::string mine =
      "slot_name = 'hunt_' || (SELECT oid FROM pg_database WHERE datname = current_database())";
  for (int attempt = 0; attempt < 100; ++attempt) {
    (void)plain_sql(
        url, "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE " + mine);
    if (plain_sql(url,
                  "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT "
                  "active AND " +
                      mine) &&
        plain_number(url, "SELECT count(*) FROM pg_replication_slots WHERE " + mine) == 0) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

// How a test opens the store in a database of its server.
using Opener = std::function<std::unique_ptr<PostgresStore>(const PostgresUrl&, PostgresOptions)>;

class PostgresUnderTest final : public ports::contract::StoreUnderTest {
 public:
  explicit PostgresUnderTest(ports::contract::ManualClock& clock, Opener opener = open_store)
      : clock_(clock), opener_(std::move(opener)), url_(TestServer::shared().make_database()) {
    reopen();
  }
  [[nodiscard]] ports::HuntStore& store() override { return *store_; }
  [[nodiscard]] ports::ChangeFeed& feed() override {
    if (!feed_) feed_ = std::make_unique<PostgresFeed>(url_, clock_);
    return *feed_;
  }

  void reopen() override {
    feed_.reset();
    store_.reset();
    PostgresOptions options;
    options.shard = shard_;
    options.test_clock = &clock_;
    store_ = opener_(url_, options);
  }
  void keep_copy() override {
    copy(TestServer::name_of(url_), TestServer::name_of(url_) + "_copy");
  }
  void put_copy_back() override {
    (void)drop_slot(url_);
    copy(TestServer::name_of(url_) + "_copy", TestServer::name_of(url_));
  }
  void set_range_state(model::WorldId world, model::TileId first, std::string state) override {
    expect_done(
        fmt::format("INSERT INTO ranges (first_world, first_tile_id, state, epoch)"
                    " VALUES ({}, {}, '{}', 1) ON CONFLICT (first_world, first_tile_id)"
                    " DO UPDATE SET state = excluded.state",
                    world, model::to_sql(first), state));
  }
  void count_spawns_from(std::uint64_t number) {
    expect_done(fmt::format("SELECT setval('spawn_number', {}, false)", number));
  }
  void abort_claim(const model::Claim& claim) override {
    expect_done(fmt::format(
        "INSERT INTO grants (claim_id, outcome, world, tile_id, spawn, player, item, rules,"
        " seed_id, as_of_us, at_us) VALUES ('{}', 'aborted', {}, {}, {}, '{}', '', '', 0, 0, 0)",
        model::format_claim_id(claim.id), claim.world, model::to_sql(claim.tile), claim.spawn,
        model::format_claim_id(claim.player)));
  }
  void forget_changes() override { EXPECT_TRUE(drop_slot(url_)); }

 private:
  void expect_done(const std::string& sql) {
    const auto done = plain_sql(url_, sql);
    EXPECT_TRUE(done.has_value()) << done.error().message;
  }
  // In place of what is called `to`, if anything is.
  void copy(const std::string& from, const std::string& to) {
    feed_.reset();
    store_.reset();
    const auto postgres = TestServer::shared().url("postgres");
    // A gateway before it may keep a connection.
    const auto others = fmt::format(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", from);
    for (const auto& sql : {others, fmt::format("DROP DATABASE IF EXISTS {} WITH (FORCE)", to),
                            fmt::format("CREATE DATABASE {} TEMPLATE {}", to, from)}) {
      const auto done = plain_sql(postgres, sql);
      EXPECT_TRUE(done.has_value()) << done.error().message;
    }
    reopen();
  }

  static constexpr std::uint32_t shard_ = 3;
  ports::contract::ManualClock& clock_;
  Opener opener_;
  PostgresUrl url_;
  std::unique_ptr<PostgresStore> store_;
  std::unique_ptr<PostgresFeed> feed_;  // made when first asked for: each holds a slot
};

}  // namespace hunt::postgres
