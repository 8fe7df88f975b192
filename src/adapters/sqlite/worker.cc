#include "adapters/sqlite/worker.h"

#include "base/thread_name.h"

namespace hunt::sqlite {
namespace {

// A feed that was away longer than this many changes sees a gap and flushes, which is cheaper than
// to keep the past for ever. A guess: minutes of the reference load's 500 changes/s.
constexpr std::int64_t changes_kept = 200'000;
constexpr std::int64_t changes_pruned_at_once = 10'000;

// An fsync that fails in COMMIT leaves the pages of the transaction in the log: a crash before they
// are overwritten would bring them back, so nobody can say whether it happened.
Error commit_error(Error error, int code) {
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) {
    error.code = Errc::unknown_outcome;
  }
  return error;
}

}  // namespace

void CallQueue::submit(std::unique_ptr<Job> job) {
  if (queue_.try_push(job)) return;
  if (closed_) {
    job->fail_with({Errc::unavailable, "the store is closed: the process is shutting down", {}});
  } else {
    job->fail_with(
        {Errc::overloaded, "too many calls wait for the store; try again in a moment", {}});
  }
  job->finish();
}

void CallQueue::close() {
  closed_ = true;
  queue_.close();
}

Worker::Worker() {
  thread_ = std::thread([this] {
    name_thread("sqlite-read");
    std::vector<std::unique_ptr<Job>> jobs;
    while (queue_.pop_all(jobs)) {
      for (auto& job : jobs) {
        (void)job->run();  // the job keeps its error for the caller
        job->finish();
      }
    }
  });
}

void Worker::close() {
  queue_.close();
  if (thread_.joinable()) thread_.join();
}

Writer::Writer(Connection& connection, std::function<void()> before_group,
               std::function<void()> after_commit)
    : connection_(connection),
      before_group_(std::move(before_group)),
      after_commit_(std::move(after_commit)),
      begin_(connection, "BEGIN IMMEDIATE"),
      commit_(connection, "COMMIT"),
      rollback_(connection, "ROLLBACK"),
      newest_change_(connection, "SELECT coalesce(max(seq), 0) FROM changes"),
      forget_changes_(connection, "DELETE FROM changes WHERE seq <= ?1") {
  thread_ = std::thread([this] { serve(); });
}

void Writer::close() {
  queue_.close();
  if (thread_.joinable()) thread_.join();
}

void Writer::serve() {
  name_thread("sqlite-write");
  std::vector<std::unique_ptr<Job>> jobs;
  while (queue_.pop_all(jobs)) {
    before_group_();
    run_group(jobs);
    for (auto& job : jobs) job->finish();
    jobs.clear();
  }
}

void Writer::roll_back() {
  // SQLite may have done so by itself.
  if (connection_.in_transaction()) (void)rollback_.bind().run();
  HUNT_ASSERT(!connection_.in_transaction());
}

// No savepoint for each call: with one, SQLite keeps every page that a statement is about to
// change, and walks along all it has kept after each statement. That was half of the writer's time.
void Writer::run_group(std::span<std::unique_ptr<Job>> jobs) {
  const auto fail_all = [&jobs](const Error& error) {
    for (auto& job : jobs) job->fail_with(error);
  };
  if (auto begun = begin_.bind().run(); !begun) return fail_all(begun.error());

  const std::int64_t changed_before = connection_.rows_changed_ever();
  for (auto& job : jobs) {
    if (job->run()) continue;
    roll_back();
    if (jobs.size() == 1) return;  // it keeps its own error
    for (auto& alone : jobs) run_group({&alone, 1});
    return;
  }
  const bool wrote = connection_.rows_changed_ever() != changed_before;
  Result<void> whole;
  if (wrote) whole = prune_changes();
  if (whole) {
    whole = commit_.bind().run();
    if (!whole) {
      const int code = sqlite3_extended_errcode(connection_.handle());
      whole = tl::unexpected(commit_error(whole.error(), code));
    }
  }
  if (!whole) {
    roll_back();  // whoever shares a transaction shares its end
    return fail_all(whole.error());
  }
  if (wrote) after_commit_();
}

Result<void> Writer::prune_changes() {
  Cursor newest = newest_change_.bind();
  HUNT_TRY(row, newest.step());
  const std::int64_t keep_after = (row ? newest.integer(0) : 0) - changes_kept;
  if (keep_after < pruned_to_ + changes_pruned_at_once) return {};
  HUNT_CHECK(forget_changes_.bind(keep_after).run());
  pruned_to_ = keep_after;
  return {};
}

}  // namespace hunt::sqlite
