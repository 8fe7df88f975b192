// Worker: a thread with a bounded queue of calls that only read. Writer: the one thread that
// writes, with group commit.
//
// Not aware of what the calls do. Lifetime: submit() until close(), from any thread; close() lets
// queued calls finish and joins. A call that cannot be queued is answered at once.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/job.h"
#include "base/bounded_queue.h"

namespace hunt::sqlite {

// Calls waiting for a thread of the store. A guess: several times what the lanes keep in flight
// (limits::claim_calls_inflight_max, limits::loads_inflight_max).
inline constexpr std::size_t calls_waiting_max = 1'024;

// A queue of calls that answers those it cannot take.
class CallQueue {
 public:
  void submit(std::unique_ptr<Job> job);
  [[nodiscard]] bool pop_all(std::vector<std::unique_ptr<Job>>& out) { return queue_.pop_all(out); }
  void close();

 private:
  std::atomic<bool> closed_ = false;
  BoundedQueue<std::unique_ptr<Job>> queue_{calls_waiting_max};
};

class Worker {
 public:
  Worker();
  ~Worker() { close(); }
  void submit(std::unique_ptr<Job> job) { queue_.submit(std::move(job)); }
  void close();

 private:
  CallQueue queue_;
  std::thread thread_;
};

class Writer {
 public:
  // `before_group` runs between transactions, `after_commit` after each that wrote something;
  // both on the writer's thread. Lifetime: `connection` outlives the writer.
  Writer(Connection& connection, std::function<void()> before_group,
         std::function<void()> after_commit);
  ~Writer() { close(); }
  void submit(std::unique_ptr<Job> job) { queue_.submit(std::move(job)); }
  void close();

 private:
  void serve();
  // One transaction for all of `jobs`, or one for each where one of them fails; afterwards each
  // holds its final result.
  void run_group(std::span<std::unique_ptr<Job>> jobs);
  void roll_back();
  [[nodiscard]] Result<void> prune_changes();

  Connection& connection_;
  std::function<void()> before_group_;
  std::function<void()> after_commit_;
  Statement begin_;
  Statement commit_;
  Statement rollback_;
  Statement newest_change_;
  Statement forget_changes_;
  std::int64_t pruned_to_ = 0;
  CallQueue queue_;
  std::thread thread_;
};

}  // namespace hunt::sqlite
