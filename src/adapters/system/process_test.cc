// What the kernel says of this very process is believable.
#include "adapters/system/process.h"

#include <gtest/gtest.h>

#include <ctime>

namespace hunt::system {
namespace {

TEST(ProcessFigures, are_of_this_process) {
  const auto before = process_figures();
  volatile double work = 1;
  for (int i = 0; i < 20'000'000; ++i) work = work * 1.000000001;
  const auto after = process_figures();
  EXPECT_GT(after.cpu_seconds, before.cpu_seconds);
  EXPECT_GT(after.resident_bytes, 1e6);
  EXPECT_GT(after.virtual_bytes, after.resident_bytes);
  EXPECT_GE(after.threads, 1);
  EXPECT_GE(after.open_fds, 3);
  EXPECT_GE(after.max_fds, after.open_fds);
  const auto now = static_cast<double>(std::time(nullptr));
  EXPECT_LE(after.start_time_seconds, now + 1);
  EXPECT_GT(after.start_time_seconds, now - 3600);
  EXPECT_NEAR(after.start_time_seconds, before.start_time_seconds, 0.1);
}

}  // namespace
}  // namespace hunt::system
