// The stage clock: what it cuts an answer into, and what it keeps of many.
#include "engine/timeline.h"

#include <gtest/gtest.h>

namespace hunt::engine {
namespace {

using model::Stage;

constexpr std::int64_t ms_ns = 1'000'000;

TEST(StageClock, gives_every_interval_to_one_stage_and_never_goes_back) {
  StageClock clock(100);
  clock.cut(Stage::queue, 110);
  clock.cut(Stage::l2, 90);  // before the last cut: nothing is left for it
  clock.cut(Stage::store_load, 150);
  EXPECT_EQ(clock.timeline.of(Stage::queue), 10);
  EXPECT_EQ(clock.timeline.of(Stage::l2), 0);
  EXPECT_EQ(clock.timeline.of(Stage::store_load), 40);
  EXPECT_EQ(clock.timeline.total_ns, 50);
}

// Planted: one call at a time, and thousands in line for it.
TEST(StageClock, who_waits_for_a_verdict_is_in_line_until_its_call_begins) {
  ClaimPlace place{3, INT64_MAX};
  StageClock clock(100);
  clock.waiting = &place;
  const Timeline in_line = clock.so_far(Stage::store_grant, 600);
  EXPECT_EQ(in_line.of(Stage::claim_wait), 500);
  EXPECT_EQ(in_line.of(Stage::store_grant), 0);
  EXPECT_EQ(in_line.shard_of(Stage::claim_wait), 3U);
  place.called_ns = 450;
  const Timeline called = clock.so_far(Stage::store_grant, 600);
  EXPECT_EQ(called.of(Stage::claim_wait), 350);
  EXPECT_EQ(called.of(Stage::store_grant), 150);
  EXPECT_EQ(called.grant.told_ns, 0);
  place.called_ns = 50;  // before this batch came to it
  EXPECT_EQ(clock.so_far(Stage::store_grant, 600).of(Stage::store_grant), 500);
}

TEST(StageClock, splits_a_call_as_the_store_tells_it) {
  model::CallTimes times;
  times.wait_us = 100;
  times.lock_us = 200;
  times.exec_us = 300;
  times.commit_us = 50;
  const Call call{1'000'000, times};
  LoadMarks load{0, 0, 3, call};
  StageClock whole(0);
  whole.cut_load(load, 1'000'000);
  EXPECT_EQ(whole.timeline.shard_of(Stage::store_load), 3U);
  EXPECT_EQ(whole.timeline.of(Stage::load_wait), 100'000);
  EXPECT_EQ(whole.timeline.of(Stage::store_load), 900'000);
  EXPECT_EQ(whole.timeline.load.told_ns, 900'000);
  EXPECT_EQ(whole.timeline.load.lock_ns, 200'000);
  EXPECT_EQ(whole.timeline.load.exec_ns, 300'000);
  EXPECT_EQ(whole.timeline.load.commit_ns, 50'000);
  StageClock late(500'000);  // came when the call was half over
  late.cut_load(load, 1'000'000);
  EXPECT_EQ(late.timeline.total_ns, 500'000);
  EXPECT_EQ(late.timeline.load.exec_ns, 150'000);
  // What cannot be is not believed: the stages still add up.
  StageClock wrong(0);
  times.wait_us = 5'000'000;
  wrong.cut_grant(1'000, 0, {1'000, times});
  EXPECT_EQ(wrong.timeline.total_ns, 1'000);
}

// Planted: the shard of the load that was looked at last, though another one took the time.
TEST(StageClock, keeps_the_shard_of_the_load_that_took_the_longest) {
  StageClock clock(0);
  clock.cut_load({0, 0, 1, {}}, 60);
  clock.cut_load({0, 0, 0, {}}, 61);
  EXPECT_EQ(clock.timeline.shard_of(Stage::store_load), 1U);
  EXPECT_EQ(clock.timeline.shard_of(Stage::l1), 0U);
}

TEST(StageClock, an_open_load_is_in_the_stage_that_it_has_come_to) {
  LoadMarks load;
  StageClock clock(0);
  clock.loading = &load;
  EXPECT_EQ(clock.so_far(Stage::store_load, 10).of(Stage::l2), 10);
  load.store_ns = 10;
  EXPECT_EQ(clock.so_far(Stage::store_load, 30).of(Stage::load_wait), 20);
  load.asked_ns = 40;
  const Timeline open = clock.so_far(Stage::store_load, 100);
  EXPECT_EQ(open.of(Stage::store_load), 60);
  EXPECT_EQ(open.total_ns, 100);
  EXPECT_EQ(open.load.told_ns, 0) << "the store has not told anything yet";
}

TEST(OpenClocks, show_what_waits_and_only_while_it_does) {
  OpenClocks open;
  StageClock first(0);
  StageClock second(0);
  const auto first_at = open.add(first, Stage::store_load);
  const auto second_at = open.add(second, Stage::store_grant);
  EXPECT_EQ(open.samples(70).size(), 2U);
  open.remove(first_at);
  ASSERT_EQ(open.samples(70).size(), 1U);
  EXPECT_EQ(open.samples(70)[0].of(Stage::store_grant), 70);
  open.remove(second_at);
  EXPECT_TRUE(open.samples(70).empty());
  std::vector<StageClock> many(3'000, StageClock(0));
  for (const auto& clock : many) open.add(clock, Stage::l2);
  EXPECT_LE(open.samples(1).size(), OpenClocks::samples_max);
  EXPECT_GT(open.samples(1).size(), OpenClocks::samples_max / 2);
}

constexpr std::int64_t second_ns = 1'000'000'000;

Timeline lasting(std::int64_t ns) {
  Timeline one;
  one.add(Stage::l1, ns);
  return one;
}

TEST(Reservoir, keeps_a_fair_sample_of_each_second) {
  Reservoir reservoir(1);
  for (int i = 0; i < 50'000; ++i) reservoir.add(lasting(1), second_ns * 10);
  for (int i = 0; i < 50'000; ++i) reservoir.add(lasting(2), second_ns * 10 + second_ns / 2);
  std::int64_t lates = 0;
  const auto samples = reservoir.samples(second_ns * 11);
  for (const auto& one : samples) lates += one.total_ns - 1;
  EXPECT_EQ(samples.size(), Reservoir::window_samples_max);
  EXPECT_NEAR(static_cast<double>(lates), 102.0, 45.0);
}

// What is told after 9 s is all of them, and after 10 s nothing of it; also where nobody looked.
TEST(Reservoir, keeps_nine_seconds_and_forgets_after_ten) {
  for (std::int64_t begun = 100; begun < 130; ++begun) {
    Reservoir reservoir(1);
    const std::int64_t begun_ns = begun * second_ns + begun * 37'000'000;
    for (int i = 0; i < 300; ++i) reservoir.add(lasting(i), begun_ns + i * second_ns / 100);
    const std::int64_t over_ns = begun_ns + 3 * second_ns;
    Reservoir untouched = reservoir;
    for (int i = 0; i < 60; ++i) {
      EXPECT_EQ(reservoir.samples(over_ns + i * second_ns / 10).size(), 300) << begun << " " << i;
    }
    EXPECT_TRUE(untouched.samples(over_ns + 10 * second_ns).empty()) << begun;
    untouched.add(lasting(1), over_ns + 1'000 * second_ns);
    EXPECT_EQ(untouched.samples(over_ns + 1'000 * second_ns).size(), 1) << begun;
  }
}

}  // namespace
}  // namespace hunt::engine
