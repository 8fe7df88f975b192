#include "adapters/sqlite/checkpointer.h"

#include <chrono>

#include "base/result.h"
#include "base/thread_name.h"

namespace hunt::sqlite {
namespace {

constexpr auto look_every = std::chrono::milliseconds(200);
constexpr int pages_worth_a_step = 1'000;    // 4 MB, SQLite's own default
constexpr int pages_worth_a_pause = 16'384;  // 64 MB
// The writer stands still at most this long per restart when readers hold the log.
constexpr int restart_wait_ms = 50;

// A failure (a full disk, a busy reader) leaves the log as it is: the next round tries again, and
// the writer's own errors tell the world.
bool checkpoint(Connection& connection, int how) {
  int log_pages = 0;
  const int code =
      sqlite3_wal_checkpoint_v2(connection.handle(), nullptr, how, &log_pages, nullptr);
  HUNT_ASSERT(code != SQLITE_OK || log_pages >= 0);  // it knows that there is a log
  return code == SQLITE_OK;
}

}  // namespace

Checkpointer::Checkpointer(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)) {
  sqlite3_busy_timeout(connection_->handle(), restart_wait_ms);
  thread_ = std::thread([this] { serve(); });
}

void Checkpointer::committed(int log_pages) noexcept {
  log_pages_.store(log_pages);
  if (log_pages >= pages_worth_a_pause) changed_.notify_all();
}

void Checkpointer::pause() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !restarting_; });
}

void Checkpointer::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Checkpointer::serve() {
  name_thread("sqlite-check");
  std::unique_lock lock(mutex_);
  // A log that readers hold is looked at now and then, so that the writer does not always pause.
  const auto at_once = [this] {
    return closing_ || (!held_ && log_pages_.load() >= pages_worth_a_pause);
  };
  while (!closing_) {
    changed_.wait_for(lock, look_every, at_once);
    const int pages = log_pages_.exchange(0);
    if (closing_ || pages < pages_worth_a_step) continue;
    lock.unlock();
    checkpoint(*connection_, SQLITE_CHECKPOINT_PASSIVE);
    const bool restarted = pages < pages_worth_a_pause || restart();
    lock.lock();
    held_ = !restarted;
  }
}

// RESTART, not TRUNCATE: a file that grows anew costs each commit a change of its metadata.
bool Checkpointer::restart() {
  {
    const std::lock_guard lock(mutex_);
    restarting_ = true;
  }
  const bool done = checkpoint(*connection_, SQLITE_CHECKPOINT_RESTART);
  {
    const std::lock_guard lock(mutex_);
    restarting_ = false;
  }
  changed_.notify_all();
  return done;
}

}  // namespace hunt::sqlite
