// How long after the verdict a grant is told: what is heard late, early, never, and not ours.
#include "service/tellings.h"

#include <gtest/gtest.h>

namespace hunt::service {
namespace {

constexpr std::int64_t ms_ns = 1'000'000;

class ManualClock final : public ports::Clock {
 public:
  [[nodiscard]] std::int64_t now_ns() const noexcept override { return now_ns_; }
  [[nodiscard]] std::int64_t wall_us() const noexcept override { return now_ns_ / 1'000; }
  std::int64_t now_ns_ = 5'000'000'000;
};

model::ClaimId claim(std::uint8_t number) {
  return {0, number};
}

engine::Timeline granted_in(std::int64_t ms) {
  engine::Timeline timeline;
  timeline.add(model::Stage::store_grant, ms * ms_ns);
  return timeline;
}

class Telling : public testing::Test {
 protected:
  ManualClock clock;
  Tellings tellings{clock, false};
};

TEST_F(Telling, counts_from_the_verdict_until_it_is_heard) {
  tellings.told(claim(9));  // somebody else's
  tellings.expect({claim(1)});
  EXPECT_TRUE(tellings.samples().empty()) << "the store has not answered";
  EXPECT_TRUE(tellings.granted(claim(1), granted_in(40)));
  clock.now_ns_ += 25 * ms_ns;
  ASSERT_EQ(tellings.samples().size(), 1U) << "what waits is seen, too";
  EXPECT_EQ(tellings.samples()[0].telling_ns, 25 * ms_ns);
  clock.now_ns_ += 35 * ms_ns;
  tellings.told(claim(1));
  clock.now_ns_ += 100 * ms_ns;
  tellings.told(claim(1));  // once more, as may happen
  ASSERT_EQ(tellings.samples().size(), 1U);
  EXPECT_EQ(tellings.samples()[0].telling_ns, 60 * ms_ns);
  EXPECT_EQ(tellings.samples()[0].whole_ns(), 100 * ms_ns);
}

TEST_F(Telling, waits_for_none_that_was_told_or_that_nobody_tells) {
  tellings.expect({claim(1)});
  EXPECT_FALSE(tellings.granted(claim(1), granted_in(1))) << "nobody was ever heard";
  tellings.told(claim(9));
  tellings.expect({claim(2), claim(3)});
  tellings.told(claim(2));  // a store far from us, and near the relay
  EXPECT_FALSE(tellings.granted(claim(2), granted_in(400)));
  tellings.forget(claim(3));
  EXPECT_FALSE(tellings.granted(claim(3), granted_in(1))) << "sold out";
  tellings.expect({claim(4)});
  EXPECT_TRUE(tellings.granted(claim(4), granted_in(1)));
  tellings.forget(claim(4));  // of another lane, which heard that it was granted before
  EXPECT_EQ(tellings.samples().size(), 1U);
  tellings.told(claim(4));
  clock.now_ns_ += engine::Reservoir::kept_ns;
  EXPECT_TRUE(tellings.samples().empty());
}

// Planted: no relay has run since the process began.
TEST_F(Telling, waits_from_the_start_where_it_listens) {
  Tellings listening{clock, true};
  listening.expect({claim(1)});
  EXPECT_TRUE(listening.granted(claim(1), granted_in(1)));
  clock.now_ns_ += 4'000 * ms_ns;
  ASSERT_EQ(listening.samples().size(), 1U);
  EXPECT_EQ(listening.samples()[0].telling_ns, 4'000 * ms_ns);
}

TEST_F(Telling, gives_up_what_may_have_been_lost_and_keeps_a_bound) {
  tellings.told(claim(9));
  tellings.expect({claim(1)});
  EXPECT_TRUE(tellings.granted(claim(1), granted_in(1)));
  clock.now_ns_ += Tellings::waited_ns_max;
  EXPECT_EQ(tellings.samples().size(), 1U);
  clock.now_ns_ += 1;
  EXPECT_TRUE(tellings.samples().empty());
  std::vector<model::ClaimId> many(Tellings::expected_max + 1);
  for (std::size_t i = 0; i < many.size(); ++i) {
    many[i] = {1, i};
  }
  tellings.expect(many);
  EXPECT_TRUE(tellings.granted(many.front(), granted_in(1)));
  EXPECT_FALSE(tellings.granted(many.back(), granted_in(1)));
}

TEST_F(Telling, looks_for_the_lost_once_a_second_at_most) {
  tellings.told(claim(9));
  std::vector<model::ClaimId> many(Tellings::expected_max);
  for (std::size_t i = 0; i < many.size(); ++i) {
    many[i] = {1, i};
  }
  tellings.expect(many);
  for (const auto& id : many) {
    ASSERT_TRUE(tellings.granted(id, granted_in(1)));
  }
  clock.now_ns_ += Tellings::waited_ns_max;
  EXPECT_FALSE(tellings.samples().empty());  // looked: none is lost yet
  clock.now_ns_ += 500 * ms_ns;
  tellings.expect({claim(1)});
  EXPECT_FALSE(tellings.granted(claim(1), granted_in(1))) << "there was no room";
  clock.now_ns_ += 500 * ms_ns;
  tellings.expect({claim(2)});
  EXPECT_TRUE(tellings.granted(claim(2), granted_in(1)));
}

}  // namespace
}  // namespace hunt::service
