#include "adapters/sqlite/checkpointer.h"

#include <chrono>

namespace hunt::sqlite {
namespace {

constexpr auto look_every = std::chrono::milliseconds(200);
constexpr int pages_worth_a_step = 1'000;    // 4 MB, SQLite's own default
constexpr int pages_worth_a_pause = 16'384;  // 64 MB
// The writer stands still at most this long per restart when readers hold the log.
constexpr int truncate_wait_ms = 50;

}  // namespace

Checkpointer::Checkpointer(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)) {
  sqlite3_busy_timeout(connection_->handle(), truncate_wait_ms);
  thread_ = std::thread([this] { serve(); });
}

void Checkpointer::pause() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !truncating_; });
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
  std::unique_lock lock(mutex_);
  while (!closing_) {
    changed_.wait_for(lock, look_every, [this] { return closing_; });
    const int pages = log_pages_.exchange(0);
    if (closing_ || pages < pages_worth_a_step) continue;
    lock.unlock();
    // A failure (a full disk, a busy reader) leaves the log as it is: the next round tries again,
    // and the writer's own errors tell the world.
    (void)sqlite3_wal_checkpoint_v2(connection_->handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                    nullptr, nullptr);
    if (pages >= pages_worth_a_pause) truncate();
    lock.lock();
  }
}

void Checkpointer::truncate() {
  {
    const std::lock_guard lock(mutex_);
    truncating_ = true;
  }
  (void)sqlite3_wal_checkpoint_v2(connection_->handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE,
                                  nullptr, nullptr);
  {
    const std::lock_guard lock(mutex_);
    truncating_ = false;
  }
  changed_.notify_all();
}

}  // namespace hunt::sqlite
