// CallTimes: where the time of one call to a store went, as the store tells it.
//
// Not the time of the call: who asked knows that.
#pragma once
#include <cstdint>

namespace hunt::model {

// What a store tells of the time of one call. The rest of it is the way there and back, but for
// what our own thread may have taken of that.
struct CallTimes {
  std::int64_t wait_us = 0;    // for a connection, and for earlier calls on it
  std::int64_t lock_us = 0;    // for locks (SQLite: for its thread)
  std::int64_t exec_us = 0;    // executing, without the commit
  std::int64_t commit_us = 0;  // making it durable
  // Not the store's: meanwhile the thread that holds our connection ran, or was ready and had no
  // core.
  std::int64_t thread_us = 0;

  CallTimes& operator+=(const CallTimes& other) noexcept {
    wait_us += other.wait_us;
    lock_us += other.lock_us;
    exec_us += other.exec_us;
    commit_us += other.commit_us;
    thread_us += other.thread_us;
    return *this;
  }
};

// What the hunt's calls do in a store just now.
struct StoreDoing {
  std::uint32_t locked = 0;      // wait for somebody's lock
  std::uint32_t committing = 0;  // wait for the disk or a standby
  bool tells_holders = false;    // the next one is known
  // Of the locked: somebody stands before them who is no call of the hunt.
  std::uint32_t locked_by_others = 0;
};

}  // namespace hunt::model
