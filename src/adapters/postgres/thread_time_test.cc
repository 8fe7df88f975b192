#include "adapters/postgres/thread_time.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

namespace hunt::postgres {
namespace {

using std::chrono::milliseconds;

std::int64_t cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

TEST(ThreadTime, running_counts_and_sleeping_does_not) {
  ThreadTime time;
  const std::int64_t begun_ns = time.awake_ns();
  ASSERT_GT(begun_ns, 0);
  const std::int64_t from_ns = cpu_ns();
  while (cpu_ns() - from_ns < 20'000'000) {
  }
  const std::int64_t spun_ns = time.awake_ns() - begun_ns;
  EXPECT_GE(spun_ns, 15'000'000);
  std::int64_t least_ns = INT64_MAX;  // of several: another program may have the core just then
  for (int i = 0; i < 20; ++i) {
    const std::int64_t before_ns = time.awake_ns();
    std::this_thread::sleep_for(milliseconds(10));
    least_ns = std::min(least_ns, time.awake_ns() - before_ns);
  }
  EXPECT_LT(least_ns, 5'000'000);
}

}  // namespace
}  // namespace hunt::postgres
