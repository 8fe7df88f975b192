#include "adapters/system/memory.h"

#include <gtest/gtest.h>

#include <vector>

namespace hunt::system {

TEST(Memory, reads_the_limit_of_a_control_group) {
  EXPECT_EQ(limit_of_memory_max("536870912"), 536'870'912U);
  EXPECT_EQ(limit_of_memory_max("max"), std::nullopt);
  EXPECT_EQ(limit_of_memory_max("9223372036854771712"), std::nullopt) << "none, in version 1";
  EXPECT_EQ(limit_of_memory_max(""), std::nullopt);
}

TEST(Memory, sees_what_is_used) {
  const auto before = memory_used_bytes();
  EXPECT_GT(before, 0U);
  constexpr std::size_t more = 64U << 20U;
  const std::vector<char> block(more, 1);
  EXPECT_GE(memory_used_bytes(), before + more / 2 + static_cast<std::size_t>(block[more / 2]) - 1);
}

}  // namespace hunt::system
