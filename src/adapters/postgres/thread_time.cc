#include "adapters/postgres/thread_time.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>

namespace hunt::postgres {

ThreadTime::~ThreadTime() {
  if (file_ >= 0) ::close(file_);
}

// Time on a core and time waiting for one: Linux, Documentation/scheduler/sched-stats.rst.
std::int64_t ThreadTime::awake_ns() noexcept {
  if (file_ == unopened) file_ = ::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  if (file_ < 0) return 0;
  std::array<char, 64> text{};
  const auto count = ::pread(file_, text.data(), text.size(), 0);
  if (count <= 0) return 0;
  const char* end = text.data() + count;
  std::int64_t ran_ns = 0;
  std::int64_t ready_ns = 0;
  const auto first = std::from_chars(text.data(), end, ran_ns);
  if (first.ec != std::errc() || first.ptr == end) return 0;
  const auto second = std::from_chars(first.ptr + 1, end, ready_ns);
  return second.ec == std::errc() ? ran_ns + ready_ns : 0;
}

}  // namespace hunt::postgres
