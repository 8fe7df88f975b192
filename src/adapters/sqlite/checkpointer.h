// Checkpointer: a thread that copies the write-ahead log into the database file, so that the
// writer never pays for it.
//
// Not needed for durability: the log is the durable copy. Small steps do not stop anyone (PASSIVE);
// only when the log has grown large does the writer pause between two transactions, so that the
// log can start over (RESTART; the file keeps its size). Lifetime: committed() and pause() are
// called by the writer's thread, which ends before close().
#pragma once
#include <sqlite3.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "adapters/sqlite/connection.h"

namespace hunt::sqlite {

class Checkpointer {
 public:
  explicit Checkpointer(std::unique_ptr<Connection> connection);
  ~Checkpointer() { close(); }

  // The log holds this many pages now.
  void committed(int log_pages) noexcept;
  // Waits while the log is being restarted.
  void pause();
  void close();

 private:
  void serve();
  // True when the log starts over.
  bool restart();

  std::unique_ptr<Connection> connection_;
  std::atomic<int> log_pages_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool restarting_ = false;
  bool held_ = false;  // by readers, when the log was last to start over
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace hunt::sqlite
