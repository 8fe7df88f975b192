// Attribution as a classifier: known causes go in, the right name has to come out, and where none
// stands out it must not sound sure.
#include "engine/attribution.h"

#include <gtest/gtest.h>

namespace hunt::engine {
namespace {

using model::Cause;
using model::Stage;

constexpr std::int64_t ms_ns = 1'000'000;

Timeline claim(std::int64_t wait_ms, std::int64_t grant_ms, std::int64_t lock_ms = 0,
               std::int64_t exec_ms = 0) {
  Timeline timeline;
  timeline.add(Stage::claim_wait, wait_ms * ms_ns);
  timeline.add(Stage::store_grant, grant_ms * ms_ns);
  timeline.lock_ns = lock_ms * ms_ns;
  timeline.exec_ns = exec_ms * ms_ns;
  return timeline;
}

Timeline answer(std::int64_t queue_ms, std::int64_t l1_ms, std::int64_t load_ms) {
  Timeline timeline;
  timeline.add(Stage::queue, queue_ms * ms_ns);
  timeline.add(Stage::l1, l1_ms * ms_ns);
  timeline.add(Stage::store_load, load_ms * ms_ns);
  return timeline;
}

TEST(Attribution, names_the_round_trip_of_the_story) {
  Evidence evidence;
  evidence.claims.assign(200, claim(2, 500, 1, 1));
  evidence.round_trip_ns = {495 * ms_ns};
  evidence.lane_busy = 0.31;
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident);
  EXPECT_EQ(why.stage, Stage::store_grant);
  EXPECT_EQ(why.cause, Cause::round_trip);
  EXPECT_EQ(why.resource, "shard 0");
  EXPECT_NE(why.verdict.find("495 ms is the round trip to shard 0"), std::string::npos)
      << why.verdict;
  EXPECT_NE(why.next.find("scaling pods will not help"), std::string::npos) << why.next;
}

TEST(Attribution, tells_lock_execution_and_commit_apart) {
  const auto cause = [](const Timeline& timeline) {
    Evidence evidence;
    evidence.claims.assign(100, timeline);
    evidence.round_trip_ns = {ms_ns};
    return attribute(evidence).cause;
  };
  EXPECT_EQ(cause(claim(1, 400, 390, 2)), Cause::lock);
  EXPECT_EQ(cause(claim(1, 400, 2, 390)), Cause::server);
  EXPECT_EQ(cause(claim(1, 400, 2, 2)), Cause::commit);
}

TEST(Attribution, blames_the_slow_call_when_claims_wait_for_one) {
  Evidence evidence;
  evidence.claims.assign(100, claim(5'000, 500));
  evidence.round_trip_ns = {495 * ms_ns};
  evidence.grant_calls_inflight = 8;
  evidence.grant_calls_max = 8;
  const model::Why slow = attribute(evidence);
  EXPECT_EQ(slow.stage, Stage::store_grant);
  EXPECT_EQ(slow.cause, Cause::round_trip);
  evidence.claims.assign(100, claim(5'000, 2));
  evidence.round_trip_ns = {ms_ns};
  const model::Why limit = attribute(evidence);
  EXPECT_EQ(limit.stage, Stage::claim_wait);
  EXPECT_EQ(limit.cause, Cause::limit);
}

TEST(Attribution, tells_cpu_from_bursts_in_the_queue) {
  Evidence evidence;
  evidence.answers.assign(100, answer(80, 2, 0));
  evidence.lane_busy = 0.95;
  EXPECT_EQ(attribute(evidence).cause, Cause::cpu);
  evidence.lane_busy = 0.2;
  EXPECT_EQ(attribute(evidence).cause, Cause::queue);
  evidence.lane_starved = 0.6;  // others have the core
  const model::Why starved = attribute(evidence);
  EXPECT_EQ(starved.cause, Cause::cpu);
  EXPECT_NE(starved.verdict.find("60 % of the time it was ready without one"), std::string::npos)
      << starved.verdict;
  EXPECT_NE(starved.next.find("raise their CPU limit"), std::string::npos) << starved.next;
  evidence.lane_starved = 0;
  evidence.answers.assign(100, answer(2, 80, 0));
  EXPECT_EQ(attribute(evidence).cause, Cause::cpu);
}

TEST(Attribution, a_slow_load_is_the_way_there_or_the_server) {
  Evidence evidence;
  evidence.answers.assign(100, answer(0, 1, 200));
  evidence.round_trip_ns = {190 * ms_ns};
  EXPECT_EQ(attribute(evidence).cause, Cause::round_trip);
  evidence.round_trip_ns = {ms_ns};
  EXPECT_EQ(attribute(evidence).cause, Cause::server);
  // Two loads one after the other are two ways there.
  Timeline twice = answer(0, 1, 200);
  twice.load_calls = 2;
  evidence.answers.assign(100, twice);
  evidence.round_trip_ns = {95 * ms_ns};
  EXPECT_EQ(attribute(evidence).cause, Cause::round_trip);
}

TEST(Attribution, an_answer_that_waits_for_a_busy_lane_is_no_fault_of_the_store) {
  Evidence evidence;
  evidence.answers.assign(300, answer(1'900, 20, 0));
  for (int i = 0; i < 3; ++i) evidence.answers.push_back(answer(0, 1, 2'600));
  evidence.round_trip_ns = {ms_ns};
  evidence.lane_busy = 0.97;
  const model::Why why = attribute(evidence);
  EXPECT_EQ(why.stage, Stage::queue);
  EXPECT_EQ(why.resource, "lanes");
  EXPECT_EQ(why.cause, Cause::cpu);
  EXPECT_NE(why.verdict.find("what shard 0 answered waits"), std::string::npos) << why.verdict;
  EXPECT_NE(why.next.find("Add lanes or pods"), std::string::npos) << why.next;
  // With room on the lane, or no line there, it is the store's.
  evidence.lane_busy = 0.3;
  EXPECT_EQ(attribute(evidence).cause, Cause::server);
  evidence.lane_busy = 0.97;
  evidence.answers.assign(100, answer(10, 1, 2'600));
  EXPECT_EQ(attribute(evidence).stage, Stage::store_load);
}

TEST(Attribution, names_the_shard_that_holds_the_tail) {
  Evidence evidence;
  evidence.round_trip_ns = {ms_ns, 1, 290 * ms_ns};
  evidence.claims.assign(980, claim(1, 4));
  for (int i = 0; i < 20; ++i) {
    evidence.claims.push_back(claim(1, 300));
    evidence.claims.back().shard = 2;
  }
  const model::Why why = attribute(evidence);
  EXPECT_EQ(why.resource, "shard 2");
  EXPECT_EQ(why.cause, Cause::round_trip);
  evidence.store_error = "the disk is full";
  evidence.store_error_shard = 1;
  EXPECT_EQ(attribute(evidence).resource, "shard 1");
}

TEST(Attribution, a_slow_cache_is_the_way_there_or_somebody_elses_fill) {
  Evidence evidence;
  Timeline slow;
  slow.add(Stage::l1, ms_ns);
  slow.add(Stage::l2, 80 * ms_ns);
  evidence.answers.assign(100, slow);
  const model::Why way = attribute(evidence);
  EXPECT_EQ(way.stage, Stage::l2);
  EXPECT_EQ(way.resource, "cache");
  EXPECT_EQ(way.cause, Cause::round_trip);
  EXPECT_NE(way.next.find("cache"), std::string::npos) << way.next;
  slow.fill_wait_ns = 70 * ms_ns;
  evidence.answers.assign(100, slow);
  EXPECT_EQ(attribute(evidence).cause, Cause::cache_miss);
}

TEST(Attribution, says_what_it_was_in_the_minutes_before) {
  Evidence evidence;
  evidence.claims.assign(200, claim(2, 500, 1, 1));
  evidence.round_trip_ns = {495 * ms_ns};
  EXPECT_EQ(attribute(evidence).verdict.find("before"), std::string::npos);
  evidence.claims_before_ns = 9 * ms_ns;
  EXPECT_NE(attribute(evidence).verdict.find("in the minutes before they took 9 ms"),
            std::string::npos);
  evidence.claims_before_ns = 480 * ms_ns;
  EXPECT_NE(attribute(evidence).verdict.find("as in the minutes before"), std::string::npos);
}

TEST(Attribution, only_the_tail_counts) {
  Evidence evidence;
  evidence.answers.assign(990, answer(0, 1, 0));
  for (int i = 0; i < 10; ++i) evidence.answers.push_back(answer(1, 1, 300));
  evidence.round_trip_ns = {290 * ms_ns};
  const model::Why why = attribute(evidence);
  EXPECT_EQ(why.stage, Stage::store_load);
  EXPECT_NEAR(why.share, 300.0 / 302.0, 1e-9);
  EXPECT_EQ(why.tail_ns, 302 * ms_ns);
}

TEST(Attribution, says_that_nothing_is_wrong_or_that_it_is_unclear) {
  Evidence evidence;
  EXPECT_EQ(attribute(evidence).cause, Cause::none);
  evidence.answers.assign(100, answer(0, 1, 2));
  evidence.claims.assign(100, claim(1, 5));
  const model::Why fine = attribute(evidence);
  EXPECT_EQ(fine.cause, Cause::none);
  EXPECT_TRUE(fine.confident);
  EXPECT_NE(fine.verdict.find("nothing is wrong"), std::string::npos);
  evidence.answers.assign(100, answer(34, 33, 33));
  const model::Why unclear = attribute(evidence);
  EXPECT_EQ(unclear.cause, Cause::unclear);
  EXPECT_FALSE(unclear.confident);
}

TEST(Attribution, shares_add_up_to_the_whole_for_any_seed) {
  Prng prng(5);
  for (int round = 0; round < 100; ++round) {
    Evidence evidence;
    for (int i = 0; i < 300; ++i) {
      Timeline timeline;
      for (std::size_t s = 0; s < model::stage_count; ++s) {
        timeline.add(static_cast<Stage>(s), static_cast<std::int64_t>(prng.below(100'000'000)));
      }
      evidence.answers.push_back(timeline);
    }
    double sum = 0;
    for (const auto& figures : attribute(evidence).stages) sum += figures.share;
    ASSERT_NEAR(sum, 1.0, 1e-9);
  }
}

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

TEST(Reservoir, keeps_a_fair_sample_of_the_last_seconds) {
  Reservoir reservoir(1);
  Timeline early;
  early.add(Stage::l1, 1);
  Timeline late;
  late.add(Stage::l1, 2);
  constexpr std::int64_t second_ns = 1'000'000'000;
  for (int i = 0; i < 50'000; ++i) reservoir.add(early, second_ns * 10);
  for (int i = 0; i < 50'000; ++i) reservoir.add(late, second_ns * 10 + second_ns);
  std::int64_t lates = 0;
  const auto samples = reservoir.samples(second_ns * 11);
  for (const auto& one : samples) lates += one.total_ns - 1;
  EXPECT_EQ(samples.size(), Reservoir::window_samples_max);
  EXPECT_NEAR(static_cast<double>(lates), 512.0, 100.0);
  EXPECT_TRUE(reservoir.samples(second_ns * 60).empty());
}

}  // namespace
}  // namespace hunt::engine
