// What the store does when the disk or the file is not as it should be.
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "adapters/sqlite/faulty_vfs.h"
#include "adapters/sqlite/sqlite_test_support.h"
#include "engine/ledger_check.h"

namespace hunt::sqlite {
namespace {

using model::Outcome;
using ports::contract::claim_id;
using ports::contract::ManualClock;
using ports::contract::run;

class SqliteFaults : public testing::Test {
 protected:
  static constexpr model::Tile here{3, 4};

  SqliteOptions options() { return SqliteOptions{path_, clock_}; }
  static Result<std::vector<model::Buried>> bury(SqliteStore& store, std::uint32_t budget,
                                                 std::string key = {}) {
    model::Burial wish;
    wish.tile = here;
    wish.table = "starlight";
    wish.budget = budget;
    wish.key = std::move(key);
    return run(store.bury(1, {wish}));
  }
  static model::Claim claim(model::SpawnId spawn, std::uint64_t player) {
    model::Claim made;
    made.world = 1;
    made.tile = model::tile_id_of(here);
    made.spawn = spawn;
    made.player = {1, player};
    made.id = claim_id(1, made.tile, spawn, made.player);
    made.reward = std::string(200, 'x');
    made.rules = "00000000000000aa";
    return made;
  }
  static Result<model::GrantCall> grant(SqliteStore& store, model::SpawnId spawn,
                                        std::uint64_t player) {
    return run(store.grant_claims({claim(spawn, player)}));
  }
  static engine::LedgerReport audit(SqliteStore& store) {
    class Visitor final : public ports::LedgerVisitor {
     public:
      void on_spawn(const Spawn& spawn) override {
        check.on_spawn({spawn.spawn, spawn.budget, spawn.remaining, spawn.done, spawn.sold_out});
      }
      void on_grant(const model::Grant& row) override { check.on_grant(row); }
      engine::LedgerCheck check;
    } visitor;
    EXPECT_TRUE(run(store.read_ledger(visitor)).has_value());
    return visitor.check.finish();
  }
  static void expect_message(const Error& error, Errc code, const std::string& words) {
    EXPECT_EQ(error.code, code) << error.message;
    EXPECT_NE(error.message.find(words), std::string::npos) << error.message;
  }
  Error refusal(SqliteOptions asked) {
    auto store = SqliteStore::open(std::move(asked));
    EXPECT_FALSE(store.has_value());
    return store ? Error{} : store.error();
  }

  ManualClock clock_;
  TemporaryDirectory directory_;
  std::string path_ = directory_.file("hunt.db");
};

// The disk fills up at each of the first writes in turn: in the middle of the log, before the
// commit frame, and so on. Several calls share the transaction.
TEST_F(SqliteFaults, a_full_disk_grants_nothing_by_halves_and_recovers) {
  const FaultyVfs faults;
  const auto store = open_store(options());
  const auto spawn = bury(*store, 10'000).value().at(0).spawn;
  std::uint64_t granted = 0;
  int refused = 0;
  for (int writes = 0; writes < 12; ++writes) {
    std::vector<boost::asio::awaitable<Result<model::GrantCall>>> calls;
    for (std::uint64_t i = 0; i < 4; ++i) {
      calls.push_back(
          store->grant_claims({claim(spawn, granted + 2 * i), claim(spawn, granted + 2 * i + 1)}));
    }
    faulty::writes_before = writes;
    faulty::write_answer = SQLITE_FULL;
    const auto answers = ports::contract::run_all(std::move(calls));
    faulty::write_answer = SQLITE_OK;
    for (const auto& answer : answers) {
      if (answer) continue;
      ++refused;
      expect_message(answer.error(), Errc::disk_full, "hunt.db");
    }
    const auto report = audit(*store);
    EXPECT_TRUE(report.clean()) << report.violations.at(0).sentence;
    // Whatever was answered with a value is there, whatever with an error is not.
    std::uint64_t answered = 0;
    for (const auto& answer : answers) {
      if (!answer) continue;
      for (const auto& verdict : answer->verdicts) answered += verdict.repeat ? 0 : 1;
    }
    EXPECT_EQ(report.grants, granted + answered);
    // There is space again: the same claims go through.
    for (std::uint64_t i = 0; i < 8; ++i) {
      EXPECT_EQ(grant(*store, spawn, granted + i).value().verdicts[0].outcome, Outcome::granted);
    }
    granted += 8;
  }
  EXPECT_GT(refused, 10);
  EXPECT_EQ(audit(*store).grants, granted);
}

TEST_F(SqliteFaults, a_full_disk_refuses_burials_too_and_their_keys_work_later) {
  const FaultyVfs faults;
  const auto store = open_store(options());
  faulty::write_answer = SQLITE_FULL;
  const auto refused = bury(*store, 3, "key");
  faulty::write_answer = SQLITE_OK;
  ASSERT_FALSE(refused.has_value());
  expect_message(refused.error(), Errc::disk_full, "free some space");
  const auto buried = bury(*store, 3, "key");
  ASSERT_TRUE(buried.has_value());
  EXPECT_FALSE(buried->at(0).unchanged);
}

TEST_F(SqliteFaults, a_commit_whose_sync_fails_has_an_unknown_outcome) {
  const FaultyVfs faults;
  const auto store = open_store(options());
  const auto spawn = bury(*store, 5).value().at(0).spawn;
  faulty::sync_answer = SQLITE_IOERR_FSYNC;
  const auto answer = grant(*store, spawn, 1);
  faulty::sync_answer = SQLITE_OK;
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::unknown_outcome);
  // Calling again with the same claim settles it, whichever way it was.
  EXPECT_EQ(grant(*store, spawn, 1).value().verdicts[0].outcome, Outcome::granted);
  const auto report = audit(*store);
  EXPECT_TRUE(report.clean());
  EXPECT_EQ(report.grants, 1U);
}

TEST_F(SqliteFaults, an_io_error_is_told_and_loses_nothing) {
  const FaultyVfs faults;
  const auto store = open_store(options());
  const auto spawn = bury(*store, 5).value().at(0).spawn;
  faulty::write_answer = SQLITE_IOERR_WRITE;
  const auto answer = grant(*store, spawn, 1);
  faulty::write_answer = SQLITE_OK;
  ASSERT_FALSE(answer.has_value());
  expect_message(answer.error(), Errc::io, "operating system");
  EXPECT_EQ(audit(*store).grants, 0U);
  EXPECT_FALSE(grant(*store, spawn, 1).value().verdicts[0].repeat);
}

TEST_F(SqliteFaults, a_call_without_writes_does_not_sync) {
  const FaultyVfs faults;
  const auto store = open_store(options());
  const auto spawn = bury(*store, 1).value().at(0).spawn;
  ASSERT_TRUE(grant(*store, spawn, 1).has_value());
  faulty::sync_answer = SQLITE_IOERR_FSYNC;
  faulty::write_answer = SQLITE_IOERR_WRITE;
  const auto repeated = grant(*store, spawn, 1);
  const auto refused = grant(*store, spawn, 2);
  faulty::sync_answer = SQLITE_OK;
  faulty::write_answer = SQLITE_OK;
  ASSERT_TRUE(repeated.has_value() && refused.has_value());
  EXPECT_TRUE(repeated->verdicts[0].repeat);
  EXPECT_EQ(refused->verdicts[0].outcome, Outcome::sold_out);
}

TEST_F(SqliteFaults, one_call_that_fails_does_not_disturb_its_neighbours) {
  const auto store = open_store(options());
  const auto spawn = bury(*store, 100).value().at(0).spawn;
  // The ledger refuses an item that breaks its schema only through the database itself, so let a
  // trigger of somebody else refuse one player.
  ASSERT_TRUE(plain_sql(path_,
                        "CREATE TRIGGER no_seven BEFORE INSERT ON grants"
                        " WHEN substr(NEW.player, 16) = x'07'"
                        " BEGIN SELECT RAISE(ABORT, 'not seven'); END")
                  .has_value());
  std::vector<boost::asio::awaitable<Result<model::GrantCall>>> calls;
  for (std::uint64_t player = 1; player <= 10; ++player) {
    calls.push_back(store->grant_claims({claim(spawn, 100 + player), claim(spawn, player)}));
  }
  const auto answers = ports::contract::run_all(std::move(calls));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].has_value(), i != 6) << i;
  }
  expect_message(answers[6].error(), Errc::corrupt, "not seven");
  const auto report = audit(*store);
  EXPECT_TRUE(report.clean());
  EXPECT_EQ(report.grants, 18U);  // the failed call's other claim is undone with it
}

TEST_F(SqliteFaults, a_locked_file_is_unavailable_and_then_works) {
  const auto store = open_store(options());
  const auto spawn = bury(*store, 5).value().at(0).spawn;
  auto other = Connection::open(path_, Connection::Mode::read_write);
  ASSERT_TRUE(other.has_value());
  ASSERT_TRUE((*other)->execute("BEGIN IMMEDIATE").has_value());
  const auto answer = grant(*store, spawn, 1);
  ASSERT_FALSE(answer.has_value());
  expect_message(answer.error(), Errc::unavailable, "locked");
  ASSERT_TRUE((*other)->execute("COMMIT").has_value());
  EXPECT_TRUE(grant(*store, spawn, 1).has_value());
}

TEST_F(SqliteFaults, a_closed_store_answers_unavailable) {
  const auto store = open_store(options());
  store->close();
  EXPECT_EQ(bury(*store, 1).error().code, Errc::unavailable);
  EXPECT_EQ(run(store->worlds()).error().code, Errc::unavailable);
  EXPECT_EQ(run(store->next({}, 1'000'000'000)).error().code, Errc::unavailable);
}

TEST_F(SqliteFaults, closing_answers_those_who_wait_for_the_feed) {
  const auto store = open_store(options());
  const auto now = run(store->now()).value();
  std::thread closer([&store] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    store->close();
  });
  const auto answer = run(store->next(now, 30'000'000'000));
  closer.join();
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::unavailable);
}

TEST_F(SqliteFaults, too_many_readers_of_the_feed_are_refused) {
  const auto store = open_store(options());
  const auto now = run(store->now()).value();
  std::vector<boost::asio::awaitable<Result<model::ChangeBatch>>> calls;
  for (int i = 0; i < 100; ++i) calls.push_back(store->next(now, 500'000'000));
  int refused = 0;
  for (const auto& answer : ports::contract::run_all(std::move(calls))) {
    if (answer) continue;
    ++refused;
    EXPECT_EQ(answer.error().code, Errc::overloaded);
  }
  EXPECT_EQ(refused, 36);
}

TEST_F(SqliteFaults, too_many_calls_are_refused_and_the_others_answered) {
  const auto store = open_store(options());
  auto other = Connection::open(path_, Connection::Mode::read_write);
  ASSERT_TRUE(other.has_value());
  const auto spawn = bury(*store, 5).value().at(0).spawn;
  // While another process holds the lock the first call occupies the writer and the rest queue up.
  ASSERT_TRUE((*other)->execute("BEGIN IMMEDIATE").has_value());
  std::thread release([&other] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_TRUE((*other)->execute("COMMIT").has_value());
  });
  std::vector<boost::asio::awaitable<Result<model::GrantCall>>> calls;
  for (std::uint64_t i = 0; i < 3'000; ++i) calls.push_back(store->grant_claims({claim(spawn, i)}));
  int refused = 0;
  std::uint64_t granted = 0;
  for (const auto& answer : ports::contract::run_all(std::move(calls))) {
    if (!answer) {
      ++refused;
      EXPECT_EQ(answer.error().code, Errc::overloaded);
    } else if (answer->verdicts[0].outcome == Outcome::granted) {
      ++granted;
    }
  }
  release.join();
  EXPECT_GT(refused, 500);
  EXPECT_LT(refused, 2'900);
  EXPECT_EQ(granted, 5U);
  EXPECT_TRUE(audit(*store).clean());
}

TEST_F(SqliteFaults, the_database_of_another_program_is_left_alone) {
  ASSERT_TRUE(plain_sql(path_, "CREATE TABLE recipes (name TEXT)").has_value());
  expect_message(refusal(options()), Errc::invalid_argument, "another program");
  const auto other = directory_.file("other.db");
  ASSERT_TRUE(
      plain_sql(other, "PRAGMA application_id = 77; CREATE TABLE t (a INTEGER)").has_value());
  expect_message(refusal({other, clock_}), Errc::invalid_argument, "another program");
  EXPECT_EQ(plain_number(path_, "SELECT count(*) FROM sqlite_schema"), 1);
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
}

TEST_F(SqliteFaults, a_newer_schema_is_refused_with_both_numbers) {
  open_store(options())->close();
  ASSERT_TRUE(plain_sql(path_, "PRAGMA user_version = 99").has_value());
  expect_message(refusal(options()), Errc::unsupported, "schema 99");
  SqliteOptions reading = options();
  reading.read_only = true;
  expect_message(refusal(std::move(reading)), Errc::unsupported, "schema 99");
}

TEST_F(SqliteFaults, a_file_that_is_no_database_is_named) {
  std::ofstream(path_) << std::string(5'000, 'z');
  expect_message(refusal(options()), Errc::corrupt, "not an SQLite database");
}

TEST_F(SqliteFaults, a_path_that_cannot_be_is_explained) {
  expect_message(refusal({directory_.file("no/such/hunt.db"), clock_}), Errc::io, "does not exist");
  expect_message(refusal({directory_.path(), clock_}), Errc::io, "is a directory");
  SqliteOptions reading = options();
  reading.read_only = true;
  expect_message(refusal(reading), Errc::io, "no such file");
  EXPECT_FALSE(std::filesystem::exists(path_));
  SqliteOptions far_shard = options();
  far_shard.shard = 32'768;
  expect_message(refusal(far_shard), Errc::invalid_argument, "32767");
}

// Root may write anything, so it becomes somebody else for a moment.
class AsNobody {
 public:
  AsNobody() : was_root_(geteuid() == 0) {
    if (was_root_) HUNT_ASSERT(seteuid(65'534) == 0);
  }
  ~AsNobody() {
    if (was_root_) HUNT_ASSERT(seteuid(0) == 0);
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  bool was_root_;
};

TEST_F(SqliteFaults, a_file_or_directory_without_permission_is_explained) {
  open_store(options())->close();
  ASSERT_EQ(chmod(path_.c_str(), 0444), 0);
  ASSERT_EQ(chmod(directory_.path().c_str(), 0555), 0);
  {
    const AsNobody nobody;
    expect_message(refusal(options()), Errc::io, "read-only");
    expect_message(refusal({directory_.file("new.db"), clock_}), Errc::io, "may not write");
  }
  ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
}

TEST_F(SqliteFaults, reading_a_file_that_nobody_has_open_needs_no_right_and_leaves_nothing) {
  {
    const auto store = open_store(options());
    const auto spawn = bury(*store, 5).value().at(0).spawn;
    ASSERT_TRUE(grant(*store, spawn, 1).has_value());
    store->close();
  }
  ASSERT_EQ(chmod(path_.c_str(), 0444), 0);
  ASSERT_EQ(chmod(directory_.path().c_str(), 0555), 0);
  const auto before = std::filesystem::last_write_time(path_);
  SqliteOptions reading = options();
  reading.read_only = true;
  {
    const AsNobody nobody;
    const auto reader = open_store(reading);
    EXPECT_EQ(audit(*reader).grants, 1U);
    EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
    EXPECT_FALSE(std::filesystem::exists(path_ + "-shm"));
  }
  ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
  EXPECT_FALSE(std::filesystem::exists(path_ + "-shm"));
  EXPECT_EQ(std::filesystem::last_write_time(path_), before);
}

// What it reads could be half of the old and half of the new.
TEST_F(SqliteFaults, reading_a_file_as_it_lies_ends_when_somebody_opens_it) {
  open_store(options())->close();
  SqliteOptions reading = options();
  reading.read_only = true;
  const auto reader = open_store(reading);
  ASSERT_TRUE(run(reader->worlds()).has_value());
  const auto writer = open_store(options());
  ASSERT_TRUE(bury(*writer, 5).has_value());
  const auto late = run(reader->worlds());
  ASSERT_FALSE(late.has_value());
  expect_message(late.error(), Errc::unavailable, "opened by another process");
  writer->close();
  EXPECT_FALSE(run(reader->worlds()).has_value());
  EXPECT_TRUE(run(open_store(reading)->worlds()).has_value());
}

TEST_F(SqliteFaults, a_read_only_store_reads_beside_the_writer_and_refuses_writes) {
  const auto store = open_store(options());
  const auto spawn = bury(*store, 5).value().at(0).spawn;
  ASSERT_TRUE(grant(*store, spawn, 1).has_value());
  SqliteOptions reading = options();
  reading.read_only = true;
  const auto reader = open_store(reading);
  EXPECT_EQ(audit(*reader).grants, 1U);
  expect_message(grant(*reader, spawn, 2).error(), Errc::io, "reading only");
  ASSERT_TRUE(grant(*store, spawn, 2).has_value());
  EXPECT_EQ(audit(*reader).grants, 2U);
}

}  // namespace
}  // namespace hunt::sqlite
