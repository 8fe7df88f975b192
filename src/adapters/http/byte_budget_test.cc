// Bytes that all connections share: full is an answer, and who is waited for longest gives way.
#include "adapters/http/byte_budget.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace hunt::http {
namespace {

using std::chrono::milliseconds;

TEST(ByteBudget, takes_until_it_is_full_and_gets_all_back) {
  ByteBudget budget(100);
  const auto nobody = [] {};
  ByteBudget::Share one(budget, nobody);
  {
    ByteBudget::Share other(budget, nobody);
    EXPECT_TRUE(other.take(60));
    EXPECT_FALSE(one.take(41));
    EXPECT_EQ(one.bytes(), 0U);
    EXPECT_TRUE(one.take(40));
    EXPECT_FALSE(one.take(1));
    other.give(10);
    EXPECT_TRUE(one.take(10));
  }
  EXPECT_EQ(budget.used_bytes(), 50U);
  one.give_all();
  EXPECT_EQ(budget.used_bytes(), 0U);
}

TEST(ByteBudget, ends_those_waited_for_longest_when_little_is_left) {
  ByteBudget budget(100);
  const ByteBudget::Time start{};
  std::vector<int> ended;
  std::vector<std::unique_ptr<ByteBudget::Share>> shares;
  for (int i = 0; i < 5; ++i) {
    shares.push_back(
        std::make_unique<ByteBudget::Share>(budget, [&ended, i] { ended.push_back(i); }));
    ASSERT_TRUE(shares.back()->take(i == 4 ? 10 : 20));
    if (i != 2) shares.back()->waits_for_peer(start + milliseconds(100 - i));  // 2 waits for us
  }
  EXPECT_EQ(budget.relieve(start + milliseconds(1'050), milliseconds(1'000)), 0U) << "too early";
  EXPECT_EQ(budget.relieve(start + milliseconds(1'200), milliseconds(1'000)), 2U);
  EXPECT_EQ(ended, (std::vector<int>{4, 3})) << "10 and 20 of 90 bytes";
  EXPECT_EQ(budget.relieve(start + milliseconds(1'200), milliseconds(1'000)), 1U);
  EXPECT_EQ(ended, (std::vector<int>{4, 3, 1})) << "nobody twice";
  shares.clear();
  EXPECT_EQ(budget.relieve(start + milliseconds(9'000), milliseconds(1'000)), 0U);
}

}  // namespace
}  // namespace hunt::http
