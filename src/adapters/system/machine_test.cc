#include "adapters/system/machine.h"

#include <gtest/gtest.h>

namespace hunt::system {

TEST(Machine, reads_how_many_cores_a_control_group_may_use) {
  EXPECT_EQ(cores_of_cpu_max("150000 100000"), 1.5);
  EXPECT_EQ(cores_of_cpu_max("max 100000"), std::nullopt);
  EXPECT_EQ(cores_of_cpu_max("-1 100000"), std::nullopt);
  EXPECT_EQ(cores_of_cpu_max(""), std::nullopt);
}

TEST(Machine, tells_of_files_clock_and_cores) {
  const auto findings = check_machine();
  EXPECT_EQ(findings.size(), 3U);
  for (const auto& finding : findings) EXPECT_EQ(finding.subject, "this machine");
}

}  // namespace hunt::system
