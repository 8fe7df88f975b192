// What the tests of this folder share: a directory of their own, the store under test, plain SQL.
//
// Not for production code. The directory goes with its object.
#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/sqlite_store.h"
#include "ports/contract/hunt_store_contract_fixture.h"

namespace hunt::sqlite {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = testing::TempDir() + "hunt-sqlite-XXXXXX";
    HUNT_ASSERT(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

// Opens, or fails the test with the message.
[[nodiscard]] inline std::unique_ptr<SqliteStore> open_store(SqliteOptions options) {
  auto store = SqliteStore::open(std::move(options));
  EXPECT_TRUE(store.has_value()) << store.error().message;
  HUNT_ASSERT(store.has_value());
  return std::move(*store);
}

// What a person at the sqlite3 shell does, over a connection of its own.
[[nodiscard]] inline Result<void> plain_sql(const std::string& path, const std::string& sql) {
  HUNT_TRY(connection, Connection::open(path, Connection::Mode::read_write));
  return connection->execute(sql.c_str());
}

[[nodiscard]] inline std::int64_t plain_number(const std::string& path, const std::string& sql) {
  auto connection = Connection::open(path, Connection::Mode::read_write);
  HUNT_ASSERT(connection.has_value());
  auto number = (*connection)->integer(sql.c_str());
  EXPECT_TRUE(number.has_value()) << number.error().message;
  return number.value_or(-1);
}

class SqliteUnderTest final : public ports::contract::StoreUnderTest {
 public:
  explicit SqliteUnderTest(ports::contract::ManualClock& clock) : clock_(clock) { reopen(); }
  [[nodiscard]] ports::HuntStore& store() override { return *store_; }
  [[nodiscard]] ports::ChangeFeed& feed() override { return *store_; }
  [[nodiscard]] std::string path() const { return directory_.file("hunt.db"); }

  void reopen() override {
    store_.reset();
    store_ = open_store(SqliteOptions{path(), clock_, shard_});
  }
  void keep_copy() override {
    store_.reset();
    std::filesystem::copy_file(path(), directory_.file("copy.db"));
    reopen();
  }
  void put_copy_back() override {
    store_.reset();
    for (const char* rest : {"-wal", "-shm"}) std::filesystem::remove(path() + rest);
    std::filesystem::copy_file(directory_.file("copy.db"), path(),
                               std::filesystem::copy_options::overwrite_existing);
    reopen();
  }
  void set_range_state(model::WorldId world, model::TileId first, std::string state) override {
    expect_done(
        fmt::format("INSERT INTO ranges VALUES ({}, {}, '{}', 1)"
                    " ON CONFLICT DO UPDATE SET state = excluded.state",
                    world, model::to_sql(first), state));
  }
  void abort_claim(const model::Claim& claim) override {
    expect_done(fmt::format(
        "INSERT INTO grants (claim_id, outcome, world, tile_id, spawn, player, item, rules,"
        " seed_id, as_of_us, at_us) VALUES (x'{}', 'aborted', {}, {}, {}, x'{}', '', '', 0, 0, 0)",
        model::format_claim_id(claim.id), claim.world, model::to_sql(claim.tile), claim.spawn,
        model::format_claim_id(claim.player)));
  }
  void forget_changes() override { expect_done("DELETE FROM changes"); }

 private:
  void expect_done(const std::string& sql) {
    const auto done = plain_sql(path(), sql);
    EXPECT_TRUE(done.has_value()) << done.error().message;
  }

  static constexpr std::uint32_t shard_ = 3;
  ports::contract::ManualClock& clock_;
  TemporaryDirectory directory_;
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace hunt::sqlite
