#include "engine/final_set.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "base/prng.h"
#include "model/ids.h"

namespace hunt::engine {
namespace {

struct ByLow {
  std::size_t operator()(const model::ClaimId& id) const noexcept { return id.low; }
};
using Few = FinalSet<model::ClaimId, ByLow, 8>;

TEST(FinalSet, has_what_was_added_and_when) {
  Few set;
  EXPECT_EQ(set.find({1, 2}), nullptr);
  set.add({{1, 2}, 77, 3, 4});
  const auto* found = set.find({1, 2});
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->asked_ns, 77);
  EXPECT_EQ(found->epoch, 3U);
  EXPECT_EQ(found->shard, 4U);
}

TEST(FinalSet, takes_no_key_for_another_of_the_same_set) {
  Few set;
  set.add({{1, 2}, 1, 1, 0});
  EXPECT_EQ(set.find({2, 2}), nullptr);
  EXPECT_EQ(set.find({1, 10}), nullptr);
  EXPECT_EQ(set.find({0, 0}), nullptr) << "a free place is nobody's";
}

TEST(FinalSet, keeps_a_key_once_with_its_newest_word) {
  Few set;
  for (std::int64_t at = 1; at <= 9; ++at) {
    set.add({{1, 2}, at, 1, 0});
    set.add({{2, 2}, at, 1, 0});
  }
  for (std::uint64_t high = 3; high <= Few::ways; ++high) set.add({{high, 2}, 9, 1, 0});
  for (std::uint64_t high = 1; high <= Few::ways; ++high) {
    const auto* found = set.find({high, 2});
    ASSERT_NE(found, nullptr) << high;
    EXPECT_EQ(found->asked_ns, 9) << high;
  }
}

TEST(FinalSet, forgets_the_oldest_of_a_full_set) {
  Few set;
  const std::uint64_t last = Few::ways + 1;
  for (std::uint64_t high = 1; high <= last; ++high) set.add({{high, 2}, 1, 1, 0});
  EXPECT_EQ(set.find({1, 2}), nullptr);
  for (std::uint64_t high = 2; high <= last; ++high) EXPECT_NE(set.find({high, 2}), nullptr);
}

TEST(FinalSet, forgets_none_while_a_quarter_of_it_is_full_for_any_seed) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Prng random(seed);
    FinalSet<model::ClaimId, model::Id128Hash, 4'096> set;
    std::vector<model::ClaimId> all;
    for (int i = 0; i < 16'384; ++i) all.push_back({random.next(), random.next()});
    for (const auto& claim : all) set.add({claim, 1, 1, 0});
    for (const auto& claim : all) EXPECT_NE(set.find(claim), nullptr) << "seed " << seed;
  }
}

TEST(FinalSet, has_nothing_that_was_not_added_for_any_seed) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Prng random(seed);
    FinalSet<model::ClaimId, model::Id128Hash, 64> set;
    for (int i = 0; i < 10'000; ++i) {
      const model::ClaimId odd{random.below(1'000), 2 * random.below(100) + 1};
      set.add({odd, i, 1, 0});
      EXPECT_NE(set.find(odd), nullptr);
      EXPECT_EQ(set.find({odd.high, odd.low + 1}), nullptr);
    }
  }
}

}  // namespace
}  // namespace hunt::engine
