// Which node of the cache is slow: of late, and only where it is one.
#include "service/cache_node_times.h"

#include <gtest/gtest.h>

namespace hunt::service {
namespace {

model::CacheNode node(const char* address, std::uint64_t replies, std::uint64_t reply_ms,
                      std::uint64_t late = 0) {
  return {address, true, 0, replies, reply_ms * 1'000'000, 0, late, 0};
}

TEST(CacheNodeTimes, names_the_one_that_is_slower_than_all_others_of_late) {
  CacheNodeTimes times;
  EXPECT_EQ(times.slowest().address, "");
  times.look({node("a", 1'000, 100'000), node("b", 1'000, 400), node("c", 1'000, 400)});
  times.look({node("a", 2'000, 100'400), node("b", 2'000, 60'400), node("c", 2'000, 900)});
  const engine::SlowNode slow = times.slowest();
  EXPECT_EQ(slow.address, "b") << "a was slow before, and is not now";
  EXPECT_EQ(slow.mean_ns, 60'000'000);
  EXPECT_EQ(slow.others_ns, 500'000);
  for (int i = 0; i < 20; ++i) {
    times.look({node("a", 3'000, 100'800), node("b", 3'000, 60'800), node("c", 3'000, 1'300)});
  }
  EXPECT_EQ(times.slowest().address, "");
}

TEST(CacheNodeTimes, all_slow_is_none_and_one_that_is_late_is_told) {
  CacheNodeTimes all;
  all.look({node("a", 0, 0), node("b", 0, 0)});
  all.look({node("a", 100, 6'000), node("b", 100, 5'000)});
  EXPECT_EQ(all.slowest().address, "");
  CacheNodeTimes silent;
  silent.look({node("a", 10, 5), node("b", 10, 5)});
  silent.look({node("a", 10, 5, 20), node("b", 500, 250)});
  EXPECT_EQ(silent.slowest().address, "a");
  EXPECT_EQ(silent.slowest().late, 20U);
  CacheNodeTimes lone;
  lone.look({node("a", 0, 0)});
  lone.look({node("a", 100, 9'000), node("seed", 0, 0)});
  EXPECT_EQ(lone.slowest().address, "") << "there is nobody to compare it with";
  CacheNodeTimes few;
  few.look({node("a", 0, 0), node("b", 0, 0)});
  few.look({node("a", 1, 9), node("b", 5'000, 500)});
  EXPECT_EQ(few.slowest().address, "") << "one slow reply";
  CacheNodeTimes both;  // a late command of a good node does not hide a slow one
  both.look({node("a", 0, 0), node("b", 0, 0)});
  both.look({node("a", 1'000, 5'000, 1), node("b", 1'000, 45'000)});
  EXPECT_EQ(both.slowest().address, "b");
  EXPECT_EQ(both.slowest().others_ns, 5'000'000);
}

}  // namespace
}  // namespace hunt::service
