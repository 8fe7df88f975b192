// What the store does when the disk or the file is not as it should be.
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <fstream>
#include <mutex>
#include <thread>

#include "adapters/sqlite/faulty_vfs.h"
#include "adapters/sqlite/sqlite_test_support.h"
#include "engine/ledger_check.h"

namespace hunt::adapters::sqlite {
namespace {

using model::Outcome;
using ports::contract::claim_id;
using ports::contract::ManualClock;
using ports::contract::run;

// SQLite's own files have one table of methods with locks and one without; each gets a copy with
// our functions in front of two of its methods, which are the same in all of them.
struct Methods {
  const sqlite3_io_methods* original = nullptr;
  sqlite3_io_methods faulty{};
};
std::mutex methods_mutex;  // files are opened on several threads
std::array<Methods, 4> methods;
sqlite3_vfs* real_vfs = nullptr;
int (*real_write)(sqlite3_file*, const void*, int, sqlite3_int64) = nullptr;
int (*real_sync)(sqlite3_file*, int) = nullptr;

int faulty_write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 at) {
  const int answer = FaultyVfs::write_answer;
  if (answer != SQLITE_OK && FaultyVfs::writes_before-- <= 0) return answer;
  return real_write(file, data, bytes, at);
}

int faulty_sync(sqlite3_file* file, int flags) {
  const int answer = FaultyVfs::sync_answer;
  return answer != SQLITE_OK ? answer : real_sync(file, flags);
}

const sqlite3_io_methods* faulty_copy_of(const sqlite3_io_methods* original) {
  const std::lock_guard lock(methods_mutex);
  for (auto& known : methods) {
    if (known.original == nullptr) {
      HUNT_ASSERT(real_write == nullptr || real_write == original->xWrite);
      HUNT_ASSERT(real_sync == nullptr || real_sync == original->xSync);
      real_write = original->xWrite;
      real_sync = original->xSync;
      known.original = original;
      known.faulty = *original;
      known.faulty.xWrite = faulty_write;
      known.faulty.xSync = faulty_sync;
    }
    if (known.original == original) return &known.faulty;
  }
  HUNT_ASSERT(!"SQLite has more kinds of files than expected");
  return nullptr;
}

int faulty_open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* flags_out) {
  const int code = real_vfs->xOpen(real_vfs, name, file, flags, flags_out);
  if (code == SQLITE_OK && file->pMethods != nullptr) {
    file->pMethods = faulty_copy_of(file->pMethods);
  }
  return code;
}

}  // namespace

FaultyVfs::FaultyVfs() : original_(sqlite3_vfs_find(nullptr)), shim_(*original_) {
  write_answer = SQLITE_OK;
  sync_answer = SQLITE_OK;
  writes_before = 0;
  real_vfs = original_;
  shim_.zName = "hunt-faulty";
  shim_.xOpen = faulty_open;
  HUNT_ASSERT(sqlite3_vfs_register(&shim_, 1) == SQLITE_OK);
}

FaultyVfs::~FaultyVfs() {
  sqlite3_vfs_unregister(&shim_);
  sqlite3_vfs_register(original_, 1);
}

namespace {

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
    made.item = std::string(200, 'x');
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
    FaultyVfs::writes_before = writes;
    FaultyVfs::write_answer = SQLITE_FULL;
    const auto answers = ports::contract::run_all(std::move(calls));
    FaultyVfs::write_answer = SQLITE_OK;
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
  FaultyVfs::write_answer = SQLITE_FULL;
  const auto refused = bury(*store, 3, "key");
  FaultyVfs::write_answer = SQLITE_OK;
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
  FaultyVfs::sync_answer = SQLITE_IOERR_FSYNC;
  const auto answer = grant(*store, spawn, 1);
  FaultyVfs::sync_answer = SQLITE_OK;
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
  FaultyVfs::write_answer = SQLITE_IOERR_WRITE;
  const auto answer = grant(*store, spawn, 1);
  FaultyVfs::write_answer = SQLITE_OK;
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
  FaultyVfs::sync_answer = SQLITE_IOERR_FSYNC;
  FaultyVfs::write_answer = SQLITE_IOERR_WRITE;
  const auto repeated = grant(*store, spawn, 1);
  const auto refused = grant(*store, spawn, 2);
  FaultyVfs::sync_answer = SQLITE_OK;
  FaultyVfs::write_answer = SQLITE_OK;
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
}  // namespace hunt::adapters::sqlite
