#include "adapters/system/system_clock.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

namespace hunt::system {

namespace {

std::size_t open_files() {
  std::size_t count = 0;
  DIR* folder = opendir("/proc/self/fd");
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

// On one core, so that two of them wait for each other.
void stay_on_first_core() {
  cpu_set_t all;
  CPU_ZERO(&all);
  sched_getaffinity(0, sizeof(all), &all);
  int first = 0;
  while (CPU_ISSET(first, &all) == 0) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  sched_setaffinity(0, sizeof(one), &one);
}

}  // namespace

TEST(SystemClock, knows_how_long_a_thread_had_no_core) {
  const SystemClock clock;
  if (access("/proc/thread-self/schedstat", R_OK) != 0) GTEST_SKIP() << "Linux does not tell";
  std::atomic<bool> over{false};
  const auto busy = [&over] {
    stay_on_first_core();
    while (!over) {
    }
  };
  std::int64_t starved_ns = 0;
  std::int64_t wall_ns = 0;
  std::thread other(busy);
  std::thread measured([&] {
    stay_on_first_core();
    const std::int64_t begun_ns = clock.now_ns();
    const std::int64_t before_ns = clock.thread_starved_ns();
    while (clock.thread_starved_ns() - before_ns < 50'000'000 &&
           clock.now_ns() - begun_ns < 20'000'000'000) {
    }
    starved_ns = clock.thread_starved_ns() - before_ns;
    wall_ns = clock.now_ns() - begun_ns;
  });
  measured.join();
  over = true;
  other.join();
  EXPECT_GE(starved_ns, 50'000'000);
  EXPECT_LE(starved_ns, wall_ns) << "it is the calling thread's own";
}

// Planted: what a thread opened to know that stays open.
TEST(SystemClock, keeps_nothing_open_of_threads_that_have_ended) {
  const SystemClock clock;
  static_cast<void>(clock.thread_starved_ns());
  const std::size_t before = open_files();
  for (int i = 0; i < 20; ++i) {
    std::thread([&clock] {
      for (int j = 0; j < 20; ++j) static_cast<void>(clock.thread_starved_ns());
    }).join();
  }
  EXPECT_EQ(open_files(), before);
}

}  // namespace hunt::system
