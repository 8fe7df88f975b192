// Whose a store's files are, and that one process tells what is committed to the real file.
#include "adapters/sqlite/file_guard.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/sqlite/sqlite_test_support.h"

namespace hunt::sqlite {
namespace {

class SqliteFiles : public testing::Test {
 protected:
  static unsigned mode_of(const std::string& path) {
    struct stat found {};
    EXPECT_EQ(::stat(path.c_str(), &found), 0) << path;
    return found.st_mode & 07777U;
  }
  SqliteOptions options(const std::string& name, bool for_all = true) {
    SqliteOptions made{directory_.file(name), clock_};
    made.feed_for_all = for_all;
    return made;
  }
  static Result<model::FeedStart> resume(SqliteStore& store) {
    return ports::contract::run(store.resume());
  }
  TemporaryDirectory directory_;
  ports::contract::ManualClock clock_;
};

TEST_F(SqliteFiles, are_their_owners_alone_whatever_the_umask) {
  for (const mode_t mask : {mode_t{0}, mode_t{022}, mode_t{0177}}) {
    const std::string name = "hunt" + std::to_string(mask) + ".db";
    const mode_t before = ::umask(mask);
    const auto store = open_store(options(name));
    ASSERT_TRUE(resume(*store).has_value());
    ::umask(before);
    EXPECT_EQ(mode_of(directory_.file(name)), 0600U);
    EXPECT_EQ(mode_of(directory_.file(name + "-wal")), 0600U);
    EXPECT_EQ(mode_of(directory_.file(name + "-shm")), 0600U);
    EXPECT_EQ(open_to_others(directory_.file(name)), "");
  }
}

TEST_F(SqliteFiles, that_others_may_open_are_told) {
  const std::string path = directory_.file("hunt.db");
  open_store(options("hunt.db")).reset();
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  const std::string told = open_to_others(path);
  EXPECT_NE(told.find("hunt.db (0644)"), std::string::npos) << told;
  EXPECT_NE(told.find("chmod 600"), std::string::npos) << told;
}

TEST_F(SqliteFiles, have_one_teller_whatever_names_lead_to_them) {
  const auto store = open_store(options("a.db"));
  ASSERT_TRUE(resume(*store).has_value());
  std::filesystem::create_symlink(directory_.file("a.db"), directory_.file("link.db"));
  for (const std::string name : {"a.db", "link.db", "./a.db"}) {
    const auto other = open_store(options(name));
    EXPECT_EQ(resume(*other).error().code, Errc::unavailable) << name;
  }
  // Under a hard link SQLite would use another log for the same file.
  std::filesystem::create_hard_link(directory_.file("a.db"), directory_.file("hard.db"));
  const auto hard = SqliteStore::open(options("hard.db"));
  ASSERT_FALSE(hard.has_value());
  EXPECT_EQ(hard.error().code, Errc::unavailable);
  EXPECT_EQ(hard.error().field, other_name);
  EXPECT_NE(hard.error().message.find("hard link"), std::string::npos) << hard.error().message;
}

TEST_F(SqliteFiles, may_be_used_under_another_name_when_nobody_has_them_open) {
  open_store(options("a.db")).reset();
  std::filesystem::create_hard_link(directory_.file("a.db"), directory_.file("hard.db"));
  const auto hard = open_store(options("hard.db"));
  EXPECT_TRUE(resume(*hard).has_value());
}

TEST_F(SqliteFiles, do_not_care_for_locks_on_files_beside_them) {
  const std::string beside = directory_.file("hunt.db-feed");
  const int file = ::open(beside.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  ASSERT_EQ(::flock(file, LOCK_EX), 0);
  const auto store = open_store(options("hunt.db"));
  EXPECT_TRUE(resume(*store).has_value());
  ::close(file);
}

// Closing any descriptor of a file drops the locks that its process has on it: SQLite's, too.
TEST_F(SqliteFiles, keep_their_locks_while_other_stores_of_the_process_come_and_go) {
  const std::string path = directory_.file("hunt.db");
  const auto store = open_store(options("hunt.db"));
  ASSERT_TRUE(resume(*store).has_value());
  for (int i = 0; i < 3; ++i) open_store(options("hunt.db")).reset();
  // Another process that wants the file alone: a checkpoint that ends the log, for one.
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = 0x40000000;  // SQLite's locks
    lock.l_len = 512;
    const bool shared_lock_is_held = ::fcntl(file, F_SETLK, &lock) != 0;
    struct flock feed = lock;
    feed.l_start = off_t{1} << 62;
    feed.l_len = 1;
    const bool feed_is_held = ::fcntl(file, F_SETLK, &feed) != 0;
    ::_exit(shared_lock_is_held && feed_is_held ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0) << "the locks of the store are gone";
}

TEST_F(SqliteFiles, that_are_locked_removed_or_replaced_are_told) {
  const std::string path = directory_.file("hunt.db");
  const auto store = open_store(options("hunt.db"));
  const auto verify = [&] { return ports::contract::run(store->verify()); };
  EXPECT_TRUE(verify().has_value());
  {
    auto other = Connection::open(path, Connection::Mode::read_write).value();
    ASSERT_TRUE(other->execute("BEGIN IMMEDIATE").has_value());
    const auto locked = verify();
    ASSERT_FALSE(locked.has_value());
    EXPECT_NE(locked.error().message.find("another process keeps"), std::string::npos);
    ASSERT_TRUE(other->execute("COMMIT").has_value());
  }
  EXPECT_TRUE(verify().has_value());
  std::filesystem::rename(path, path + ".old");
  EXPECT_NE(verify().error().message.find("was removed"), std::string::npos);
  std::filesystem::copy_file(path + ".old", path);
  EXPECT_NE(verify().error().message.find("replaced"), std::string::npos);
}

}  // namespace
}  // namespace hunt::sqlite
