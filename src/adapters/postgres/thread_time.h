// ThreadTime: how long the calling thread was not at rest: it ran, or was ready and had no core.
//
// Not a clock. What a call waits while its thread was at rest, it waits for somebody else; the rest
// may be our own doing. Thread: the one that calls first, for ever.
#pragma once
#include <cstdint>

namespace hunt::postgres {

class ThreadTime {
 public:
  ThreadTime() = default;
  ~ThreadTime();
  ThreadTime(const ThreadTime&) = delete;
  ThreadTime& operator=(const ThreadTime&) = delete;

  // Since the thread began. 0 where the system does not tell. Cost: one system call.
  [[nodiscard]] std::int64_t awake_ns() noexcept;

 private:
  static constexpr int unopened = -2;
  int file_ = unopened;
};

}  // namespace hunt::postgres
