// Attribution as a classifier: known causes go in, the right name has to come out, and where none
// stands out it must not sound sure.
#include "engine/attribution.h"

#include <gtest/gtest.h>

#include "engine/attribution_test_support.h"

namespace hunt::engine {
namespace {

using model::Cause;

TEST(Attribution, names_the_round_trip_of_the_story) {
  Evidence evidence;
  evidence.claims.assign(200, claim(2, 500, 1, 1, 3));
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
    return attribute(evidence).cause;
  };
  EXPECT_EQ(cause(claim(1, 400, 390, 2)), Cause::lock);
  EXPECT_EQ(cause(claim(1, 400, 2, 390)), Cause::server);
  EXPECT_EQ(cause(claim(1, 400, 2, 2, 390)), Cause::commit);
  EXPECT_EQ(cause(claim(1, 400, 2, 2, 2)), Cause::round_trip);
  EXPECT_EQ(cause(claim(1, 400, 100, 100, 100)), Cause::unclear);
}

// A process that has no core for most of a minute sees such waits.
TEST(Attribution, waits_of_minutes_are_no_overflow) {
  Timeline half_told = claim(1, 60'000);
  half_told.grant = {30'000 * ms_ns, 0, 30'000 * ms_ns, 0};
  Evidence evidence;
  evidence.claims.assign(100, half_told);
  const model::Why why = attribute(evidence);
  EXPECT_EQ(why.cause, Cause::server) << why.verdict;
  EXPECT_EQ(why.resource, "shard 0");
}

// Planted: statements are slow, so that those who want the same rows wait for them.
TEST(Attribution, locks_that_our_own_slow_calls_hold_are_no_strangers) {
  const auto why_of = [](const Timeline& timeline) {
    Evidence evidence;
    evidence.claims.assign(100, timeline);
    Probe probe;
    probe.tells_holders = true;
    evidence.probes = {probe};
    return attribute(evidence);
  };
  const model::Why ours = why_of(claim(1, 1'300, 700, 510, 5));
  EXPECT_TRUE(ours.confident);
  EXPECT_EQ(ours.cause, Cause::server);
  EXPECT_NE(ours.verdict.find("shard 0 executing, 700 ms of it waiting for rows that other such "
                              "calls held"),
            std::string::npos)
      << ours.verdict;
  EXPECT_EQ(why_of(claim(1, 1'300, 700, 5, 510)).cause, Cause::commit);
  // A human at lunch, at a store that is none too quick.
  EXPECT_EQ(why_of(claim(1, 1'300, 1'250, 40, 5)).cause, Cause::lock);
  EXPECT_EQ(why_of(claim(1, 1'300, 1'100, 140, 5)).cause, Cause::unclear);
}

// Planted: claims take five times what they took, and no answer of the tail waited for one.
TEST(Attribution, looks_at_the_tail_that_is_new) {
  Evidence evidence;
  evidence.answers.assign(500, answer(9, 1, 0));
  evidence.answers_before_ns = 9 * ms_ns;
  evidence.claims.assign(100, claim(1, 70, 0, 60));
  evidence.claims_before_ns = 14 * ms_ns;
  const model::Why why = attribute(evidence);
  EXPECT_EQ(why.timeline, "claims");
  EXPECT_EQ(why.cause, Cause::server);
  evidence.claims_before_ns = 60 * ms_ns;
  EXPECT_EQ(attribute(evidence).cause, Cause::none);
}

// Planted: a shard far away. Some of the slowest read it for long, others wrote.
TEST(Attribution, calls_of_one_kind_to_one_shard_are_one_culprit) {
  const auto slow = [](std::int64_t load_ms, std::int64_t wait_ms, std::int64_t grant_ms) {
    Timeline timeline = claim(wait_ms, grant_ms, 0, 20);
    timeline.add(Stage::store_load, load_ms * ms_ns);
    timeline.load = {load_ms * ms_ns, 0, 20 * ms_ns, 0};
    return timeline;
  };
  Evidence evidence;
  evidence.answers.assign(270, answer(1, 1, 0));
  for (int i = 0; i < 2; ++i) evidence.answers.push_back(slow(800, 0, 0));
  for (int i = 0; i < 3; ++i) evidence.answers.push_back(slow(80, 0, 400));
  const model::Why far = attribute(evidence);
  EXPECT_TRUE(far.confident) << far.verdict;
  EXPECT_EQ(far.cause, Cause::round_trip) << far.verdict;
  EXPECT_EQ(far.resource, "shard 0");
  EXPECT_GT(far.share, 0.95);
  // So is the wait for such a call.
  evidence.answers.assign(270, answer(1, 1, 0));
  for (int i = 0; i < 3; ++i) evidence.answers.push_back(slow(0, 700, 100));
  for (int i = 0; i < 2; ++i) evidence.answers.push_back(slow(0, 0, 1'300));
  const model::Why waits = attribute(evidence);
  EXPECT_TRUE(waits.confident) << waits.verdict;
  EXPECT_EQ(waits.cause, Cause::round_trip) << waits.verdict;
  // Reads of one shard and writes of another are not one.
  evidence.answers.resize(270);
  for (int i = 0; i < 5; ++i) {
    evidence.answers.push_back(slow(480, 0, 400));
    evidence.answers.back().load.shard = 1;
  }
  EXPECT_LT(attribute(evidence).share, 0.7);
}

TEST(Attribution, names_the_one_slow_node_of_the_cache) {
  Evidence evidence;
  Timeline slow;
  slow.add(Stage::l2, 61 * ms_ns);
  evidence.answers.assign(100, slow);
  EXPECT_EQ(attribute(evidence).next.find("the network to the cache"), std::size_t{8});
  evidence.slow_node = {"10.0.0.7:6379", 60 * ms_ns, 3, 400'000};
  const model::Why why = attribute(evidence);
  EXPECT_EQ(why.cause, Cause::round_trip);
  EXPECT_EQ(why.resource, "cache");
  EXPECT_NE(why.verdict.find("its node 10.0.0.7:6379 takes 60 ms and was late with 3 commands, the "
                             "others 0.4 ms at most"),
            std::string::npos)
      << why.verdict;
  EXPECT_NE(why.next.find("10.0.0.7:6379"), std::string::npos) << why.next;
}

// A thread without a core is as late for each of them.
TEST(Attribution, a_want_of_cores_is_no_doubt_of_one_far_node) {
  Evidence evidence;
  Timeline slow;
  slow.add(Stage::l2, 61 * ms_ns);
  slow.starved_ns = 15 * ms_ns;
  Timeline quick;
  quick.add(Stage::l2, 2 * ms_ns);
  evidence.answers.assign(70, quick);
  evidence.answers.insert(evidence.answers.end(), 30, slow);
  evidence.cache_here = true;
  evidence.lane_starved = 0.25;
  evidence.slow_node = {"10.0.0.7:6379", 60 * ms_ns, 3, 7 * ms_ns};
  EXPECT_NE(attribute(evidence).cause, Cause::round_trip);
  evidence.slow_node.others_ns = 6 * ms_ns;
  const model::Why why = attribute(evidence);
  EXPECT_EQ(why.cause, Cause::round_trip) << why.verdict;
  EXPECT_TRUE(why.confident);
}

// The store says who stands before our calls: that decides, ended or not.
TEST(Attribution, who_holds_a_lock_is_as_the_store_says) {
  const auto cause_of = [](const Timeline& timeline, bool strangers) {
    Evidence evidence;
    evidence.claims.assign(100, timeline);
    Probe probe;
    probe.newest_ns = ms_ns;
    probe.age_ns = 200 * ms_ns;
    probe.locked = true;
    probe.strangers = strangers;
    probe.tells_holders = true;
    evidence.probes = {probe};
    return attribute(evidence).cause;
  };
  const Timeline told = claim(1, 2'400, 1'900, 390, 5);
  EXPECT_EQ(cause_of(told, false), Cause::server);
  EXPECT_EQ(cause_of(told, true), Cause::lock);
  Timeline open;  // it has told nothing yet
  open.add(Stage::store_grant, 2'000 * ms_ns);
  EXPECT_EQ(cause_of(open, false), Cause::server);
  EXPECT_EQ(cause_of(open, true), Cause::lock);
  // A store that does not tell who holds locks: they may be anybody's.
  Evidence silent;
  silent.claims.assign(100, claim(1, 120, 90, 1, 25));
  EXPECT_EQ(attribute(silent).cause, Cause::lock);
  // Locks of ours, and none of our calls is slow: nobody knows why.
  EXPECT_EQ(cause_of(claim(1, 2'400, 2'300, 5, 5), false), Cause::unclear);
}

// Planted: writers in turn on one tile, so that each of the calls on a connection waits for its
// lock of half a second: the last of them for all of these.
TEST(Attribution, a_line_of_calls_has_the_lock_of_each) {
  const auto why_of = [](bool strangers, std::uint64_t calls) {
    Evidence evidence;
    evidence.claims.assign(100, claim(300, 3'650, 540, 1, 1));
    evidence.grant_calls_max = calls;
    Probe probe;
    probe.newest_ns = ms_ns;
    probe.locked = strangers;
    probe.strangers = strangers;
    probe.tells_holders = true;
    evidence.probes = {probe};
    return attribute(evidence);
  };
  const model::Why why = why_of(true, 16);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::lock) << why.verdict;
  EXPECT_EQ(why.resource, "shard 0");
  EXPECT_NE(why_of(false, 16).cause, Cause::lock) << "nobody holds one";
  EXPECT_NE(why_of(true, 2).cause, Cause::lock) << "two calls do not wait seven times";
}

// Planted: the thread of the connections has no core, so answers lie in its socket.
TEST(Attribution, what_our_own_thread_takes_is_no_way) {
  const auto why_of = [](std::int64_t thread_ms) {
    Timeline waited = claim(1, 200, 0, 10);
    waited.grant.thread_ns = thread_ms * ms_ns;
    Evidence evidence;
    evidence.claims.assign(100, waited);
    evidence.lane_busy = 0.1;
    return attribute(evidence);
  };
  const model::Why ours = why_of(170);
  EXPECT_TRUE(ours.confident);
  EXPECT_EQ(ours.cause, Cause::cpu);
  EXPECT_EQ(ours.resource, "lanes");
  EXPECT_NE(ours.verdict.find("190 ms is our own thread"), std::string::npos) << ours.verdict;
  EXPECT_EQ(ours.next.find("will not help"), std::string::npos) << ours.next;
  EXPECT_EQ(why_of(20).cause, Cause::round_trip);
  const model::Why both = why_of(120);
  EXPECT_EQ(both.cause, Cause::unclear);
  EXPECT_FALSE(both.confident);
}

TEST(Attribution, blames_the_slow_call_when_claims_wait_for_one) {
  Evidence evidence;
  evidence.claims.assign(100, claim(5'000, 500));
  evidence.grant_calls_inflight = 8;
  evidence.grant_calls_max = 8;
  const model::Why slow = attribute(evidence);
  EXPECT_TRUE(slow.confident) << slow.verdict;
  EXPECT_EQ(slow.verdict.find("beside it"), std::string::npos) << slow.verdict;
  EXPECT_EQ(slow.stage, Stage::store_grant);
  EXPECT_EQ(slow.cause, Cause::round_trip);
  evidence.claims.assign(100, claim(5'000, 2));
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

// Planted: others take the cores. The lane is nearly idle over the second, and its batches wait all
// the same: each for a core.
TEST(Attribution, tells_a_wait_for_a_core_from_a_line) {
  const auto why_of = [](std::int64_t starved_ms, std::size_t waiting = 100) {
    Evidence evidence;
    evidence.answers.assign(1'000 - waiting, answer(0, 1, 0));
    Timeline waited = answer(24, 1, 0);
    waited.starved_ns = starved_ms * ms_ns;
    evidence.answers.insert(evidence.answers.end(), waiting, waited);
    evidence.lane_busy = 0.04;
    evidence.lane_starved = 0.05;
    return attribute(evidence);
  };
  const model::Why starved = why_of(20);
  EXPECT_TRUE(starved.confident);
  EXPECT_EQ(starved.stage, Stage::queue);
  EXPECT_EQ(starved.cause, Cause::cpu);
  EXPECT_NE(starved.verdict.find("19.2 ms is waiting for a core"), std::string::npos)
      << starved.verdict;
  EXPECT_NE(starved.next.find("gets no core"), std::string::npos) << starved.next;
  // Somebody who is gone may have had the cores while these few waited.
  const model::Why few = why_of(20, 10);
  EXPECT_EQ(few.cause, Cause::cpu);
  EXPECT_FALSE(few.confident) << few.verdict;
  EXPECT_NE(few.verdict.find("perhaps, since most others had a core"), std::string::npos)
      << few.verdict;
  const model::Why partly = why_of(8);
  EXPECT_FALSE(partly.confident);
  EXPECT_EQ(partly.cause, Cause::unclear);
  EXPECT_NE(partly.verdict.find("for 32 % of that the lane had no core"), std::string::npos)
      << partly.verdict;
  const model::Why line = why_of(1);
  EXPECT_EQ(line.cause, Cause::queue);
  EXPECT_FALSE(line.confident) << "a burst makes many wait";
}

TEST(Attribution, an_answer_of_the_store_that_waits_for_a_core_is_no_fault_of_the_store) {
  Evidence evidence;
  Timeline slow = claim(1, 300, 1, 1);
  slow.starved_ns = 280 * ms_ns;
  evidence.claims.assign(100, slow);
  const model::Why why = attribute(evidence);
  EXPECT_EQ(why.stage, Stage::queue);
  EXPECT_EQ(why.resource, "lanes");
  EXPECT_EQ(why.cause, Cause::cpu);
  EXPECT_NE(why.verdict.find("what shard 0 answered waits"), std::string::npos) << why.verdict;
  // A third of it: the store's part is still the most of it, or nobody's is.
  slow.starved_ns = 100 * ms_ns;
  evidence.claims.assign(100, slow);
  EXPECT_EQ(attribute(evidence).cause, Cause::round_trip);
  Timeline even = claim(1, 300, 100, 10, 10);
  even.starved_ns = 100 * ms_ns;
  evidence.claims.assign(100, even);
  EXPECT_EQ(attribute(evidence).cause, Cause::unclear);
  EXPECT_FALSE(attribute(evidence).confident);
}

TEST(Attribution, a_slow_load_is_the_way_there_or_the_server) {
  Evidence evidence;
  evidence.answers.assign(100, answer(0, 1, 200, 2));
  EXPECT_EQ(attribute(evidence).cause, Cause::round_trip);
  evidence.answers.assign(100, answer(0, 1, 200, 190));
  EXPECT_EQ(attribute(evidence).cause, Cause::server);
}

// Planted: a probe of before, while everything since hangs on the way.
TEST(Attribution, of_calls_that_have_not_ended_the_probe_under_way_tells) {
  Evidence evidence;
  Timeline open = answer(0, 1, 4'000);
  open.load = {};
  evidence.answers.assign(100, open);
  evidence.probes = {{ms_ns, 3'900 * ms_ns, 4'500 * ms_ns}};
  const model::Why way = attribute(evidence);
  EXPECT_EQ(way.cause, Cause::round_trip);
  EXPECT_NE(way.verdict.find("answers no quicker to a call that does nothing"), std::string::npos)
      << way.verdict;
  // Planted: the newest answer is of a probe from before these calls, the next is about to leave.
  evidence.probes = {{ms_ns, 0, 4'100 * ms_ns}};
  EXPECT_EQ(attribute(evidence).cause, Cause::unclear);
  evidence.probes = {{ms_ns, 0, 900 * ms_ns}};
  const model::Why busy = attribute(evidence);
  EXPECT_EQ(busy.cause, Cause::server);
  EXPECT_NE(busy.verdict.find("it executes, or waits for locks"), std::string::npos)
      << busy.verdict;
  evidence.probes = {{1'000 * ms_ns, 0, 1'500 * ms_ns}};
  EXPECT_EQ(attribute(evidence).cause, Cause::unclear);
  EXPECT_FALSE(attribute(evidence).confident);
  evidence.probes.clear();
  EXPECT_EQ(attribute(evidence).cause, Cause::unclear) << "nothing is known";
}

// Neither half of the tail would do alone.
TEST(Attribution, what_is_over_and_what_is_not_suffer_from_the_same_way) {
  Evidence evidence;
  evidence.claims.assign(990, claim(0, 1));
  const Timeline over = claim(0, 500, 200);
  Timeline open = claim(0, 500);
  open.grant = {};
  evidence.claims.insert(evidence.claims.end(), 6, over);
  evidence.claims.insert(evidence.claims.end(), 4, open);
  evidence.probes.assign(1, Probe{495 * ms_ns, 0, 1'000 * ms_ns});
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::round_trip) << why.verdict;
}

// A store that refuses some calls, because it has its hands full, tells the truth of the others.
TEST(Attribution, only_connections_that_break_make_the_times_of_calls_doubtful) {
  const auto cause = [](Cause of_failures) {
    Evidence evidence;
    evidence.claims.assign(100, claim(0, 400, 2, 390));
    evidence.failures.assign(1, Failures{20, "some error", of_failures, 20});
    return attribute(evidence).cause;
  };
  EXPECT_EQ(cause(Cause::server), Cause::server);
  EXPECT_EQ(cause(Cause::round_trip), Cause::unclear);
}

TEST(Attribution, a_wait_for_a_read_is_a_limit_unless_reads_are_slow) {
  Evidence evidence;
  evidence.loads_max = 4;
  Timeline waited = answer(0, 1, 2, 1);
  waited.add(Stage::load_wait, 300 * ms_ns);
  evidence.answers.assign(100, waited);
  const model::Why limit = attribute(evidence);
  EXPECT_EQ(limit.stage, Stage::load_wait);
  EXPECT_EQ(limit.resource, "shard 0");
  EXPECT_EQ(limit.cause, Cause::limit);
  EXPECT_NE(limit.verdict.find("one of the 4 reads at a time"), std::string::npos) << limit.verdict;
  Timeline slow = answer(0, 1, 100, 1);
  slow.add(Stage::load_wait, 300 * ms_ns);
  evidence.answers.assign(100, slow);
  const model::Why way = attribute(evidence);
  EXPECT_EQ(way.stage, Stage::store_load);
  EXPECT_EQ(way.cause, Cause::round_trip);
}

TEST(Attribution, is_not_sure_of_a_few) {
  Evidence evidence;
  evidence.answers.assign(54, answer(0, 1, 2));
  evidence.answers.push_back(answer(0, 1, 600));
  const model::Why outlier = attribute(evidence);
  EXPECT_FALSE(outlier.confident) << outlier.verdict;
  EXPECT_NE(outlier.verdict.find("perhaps, of only 1 of 55"), std::string::npos) << outlier.verdict;
  evidence.answers.assign(12, answer(0, 1, 600));
  EXPECT_FALSE(attribute(evidence).confident);
  evidence.answers.assign(200, answer(0, 1, 600));
  EXPECT_TRUE(attribute(evidence).confident);
}

TEST(Attribution, tells_what_stands_beside_the_largest) {
  Evidence evidence;
  Timeline two = answer(0, 1, 300, 5);
  two.add(Stage::l2, 150 * ms_ns);
  evidence.answers.assign(100, two);
  const model::Why why = attribute(evidence);
  EXPECT_EQ(why.stage, Stage::store_load);
  EXPECT_NE(why.verdict.find("beside it (33 % of the time) 150 ms is the way to the cache"),
            std::string::npos)
      << why.verdict;
}

TEST(Attribution, what_has_become_slow_is_told_though_it_is_below_the_bound) {
  Evidence evidence;
  evidence.claims.assign(200, claim(2, 60, 1, 55, 2));
  EXPECT_EQ(attribute(evidence).cause, Cause::none);
  evidence.claims_before_ns = 9 * ms_ns;
  EXPECT_EQ(attribute(evidence).cause, Cause::server);
  evidence.claims_before_ns = 40 * ms_ns;
  EXPECT_EQ(attribute(evidence).cause, Cause::none);
}

TEST(Attribution, a_store_that_cannot_be_reached_is_told_so) {
  Evidence evidence;
  evidence.claims.assign(100, claim(1, 5));
  evidence.store_error = "no answer for 15 s";
  evidence.store_error_cause = Cause::round_trip;
  const model::Why why = attribute(evidence);
  EXPECT_EQ(why.cause, Cause::round_trip);
  EXPECT_NE(why.verdict.find("shard 0 cannot be reached: no answer for 15 s"), std::string::npos);
}

TEST(Attribution, an_answer_that_waits_for_a_busy_lane_is_no_fault_of_the_store) {
  Evidence evidence;
  evidence.answers.assign(300, answer(1'900, 20, 0));
  for (int i = 0; i < 5; ++i) evidence.answers.push_back(answer(0, 1, 2'600, 2'500));
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
  evidence.answers.assign(100, answer(10, 1, 2'600, 2'500));
  EXPECT_EQ(attribute(evidence).stage, Stage::store_load);
}

TEST(Attribution, names_the_shard_that_holds_the_tail) {
  Evidence evidence;
  evidence.claims.assign(980, claim(1, 4));
  for (int i = 0; i < 20; ++i) {
    evidence.claims.push_back(claim(1, 300));
    evidence.claims.back().grant.shard = 2;
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
  evidence.lane_starved = 0.25;
  EXPECT_EQ(attribute(evidence).cause, Cause::round_trip) << "its cores are its own";
  evidence.cache_here = true;
  EXPECT_EQ(attribute(evidence).cause, Cause::round_trip) << "no line of a lane is that long";
  slow.add(Stage::queue, 10 * ms_ns);
  evidence.answers.assign(100, slow);
  EXPECT_EQ(attribute(evidence).cause, Cause::round_trip) << "waits for a core differ";
  for (int i = 0; i < 100; ++i) {
    evidence.answers[static_cast<std::size_t>(i)] = {};
    evidence.answers[static_cast<std::size_t>(i)].add(Stage::l2, (20 + i * 7 / 10) * ms_ns);
    evidence.answers[static_cast<std::size_t>(i)].add(Stage::queue, 10 * ms_ns);
  }
  EXPECT_EQ(attribute(evidence).cause, Cause::unclear) << "it may have had no core";
  slow.add_fill_wait(70 * ms_ns, 0);
  evidence.answers.assign(100, slow);
  EXPECT_EQ(attribute(evidence).cause, Cause::cache_miss);
}

TEST(Attribution, says_what_it_was_in_the_hour_before) {
  Evidence evidence;
  evidence.claims.assign(200, claim(2, 500, 1, 1));
  EXPECT_EQ(attribute(evidence).verdict.find("before"), std::string::npos);
  evidence.claims_before_ns = 9 * ms_ns;
  EXPECT_NE(attribute(evidence).verdict.find("part of the hour before they took 9 ms"),
            std::string::npos);
  evidence.claims_before_ns = 480 * ms_ns;
  EXPECT_NE(attribute(evidence).verdict.find("as in the hour before"), std::string::npos);
}

TEST(Attribution, only_the_tail_counts) {
  Evidence evidence;
  evidence.answers.assign(990, answer(0, 1, 0));
  for (int i = 0; i < 10; ++i) evidence.answers.push_back(answer(1, 1, 300));
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

Timeline before_lane(std::int64_t way_ms, std::int64_t stored_ms, std::int64_t front_ms,
                     std::int64_t load_ms = 0) {
  Timeline timeline = answer(0, 1, load_ms);
  timeline.bus_way_ns = way_ms * ms_ns;
  timeline.add(Stage::bus, (way_ms + stored_ms) * ms_ns);
  timeline.add(Stage::front, front_ms * ms_ns);
  return timeline;
}

TEST(Attribution, names_the_way_over_the_bus) {
  Evidence evidence;
  evidence.answers.assign(100, before_lane(50, 0, 0));
  evidence.lane_busy = 0.7;  // says nothing of the way
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident);
  EXPECT_EQ(why.cause, Cause::bus);
  EXPECT_EQ(why.resource, "bus");
  EXPECT_NE(why.verdict.find("50 ms is the way over the bus and back"), std::string::npos)
      << why.verdict;
  EXPECT_NE(why.next.find("scaling pods will not help"), std::string::npos) << why.next;
}

TEST(Attribution, a_backlog_is_of_what_fills_those_who_take_it) {
  Evidence evidence;
  evidence.answers.assign(100, before_lane(1, 900, 0));
  const model::Why idle = attribute(evidence);
  EXPECT_EQ(idle.cause, Cause::bus);
  EXPECT_EQ(idle.next.find("will not help"), std::string::npos) << idle.next;
  evidence.lane_busy = 0.95;
  const model::Why busy = attribute(evidence);
  EXPECT_EQ(busy.cause, Cause::cpu) << busy.verdict;
  EXPECT_EQ(busy.resource, "lanes");
  evidence.lane_busy = 0.1;
  evidence.lane_starved = 0.6;  // what had piled up takes all cores when it comes
  EXPECT_EQ(attribute(evidence).cause, Cause::bus);
  evidence.lane_starved = 0;
  evidence.answers.assign(100, before_lane(1, 900, 0, 250));
  const model::Why slow = attribute(evidence);
  EXPECT_TRUE(slow.confident);
  EXPECT_EQ(slow.cause, Cause::round_trip) << slow.verdict;
  EXPECT_EQ(slow.resource, "shard 0");
}

TEST(Attribution, names_the_thread_of_http_when_it_is_full) {
  Evidence evidence;
  evidence.answers.assign(100, before_lane(0, 0, 370));
  evidence.lane_busy = 0.14;
  evidence.front_busy = 0.98;
  const model::Why full = attribute(evidence);
  EXPECT_TRUE(full.confident);
  EXPECT_EQ(full.cause, Cause::cpu);
  EXPECT_EQ(full.resource, "http");
  EXPECT_EQ(full.next.find("will not help"), std::string::npos) << full.next;
  evidence.front_busy = 0.1;
  EXPECT_EQ(attribute(evidence).cause, Cause::queue);
}

TEST(Attribution, a_thread_of_http_that_stands_still_is_no_line) {
  Evidence evidence;
  evidence.answers.assign(100, before_lane(0, 0, 330));
  evidence.front_stalled_ns = 320 * ms_ns;
  const model::Why blocked = attribute(evidence);
  EXPECT_TRUE(blocked.confident);
  EXPECT_EQ(blocked.cause, Cause::throttle) << blocked.verdict;
  EXPECT_EQ(blocked.resource, "http");
  EXPECT_NE(blocked.verdict.find("320 ms the thread that answers HTTP stood still"),
            std::string::npos);
  evidence.lane_stalled_ns = 320 * ms_ns;
  const model::Why stopped = attribute(evidence);
  EXPECT_EQ(stopped.cause, Cause::throttle) << stopped.verdict;
  EXPECT_EQ(stopped.resource, "lanes") << "all of the process stood still";
  evidence.lane_stalled_ns = evidence.front_stalled_ns = 25 * ms_ns;
  EXPECT_EQ(attribute(evidence).cause, Cause::queue) << "a short one explains no long wait";
}

TEST(Attribution, a_store_on_a_machine_without_a_free_core_is_not_to_blame) {
  Evidence evidence;
  evidence.claims.assign(100, claim(1, 400, 2, 2, 390));
  evidence.lane_busy = 0.03;
  evidence.lane_starved = 0.4;
  EXPECT_EQ(attribute(evidence).cause, Cause::commit) << "its cores are its own";
  evidence.stores_here = {true};
  const model::Why here = attribute(evidence);
  EXPECT_TRUE(here.confident);
  EXPECT_EQ(here.cause, Cause::cpu);
  EXPECT_EQ(here.next.find("will not help"), std::string::npos) << here.next;
  evidence.claims.assign(100, claim(1, 400, 390, 2));
  EXPECT_EQ(attribute(evidence).cause, Cause::lock) << "the store said so";
}

TEST(Attribution, calls_that_fail_are_no_line) {
  Evidence evidence;
  evidence.claims.assign(100, claim(300, 10));
  EXPECT_EQ(attribute(evidence).cause, Cause::queue);
  evidence.failures = {{40, "the connection was reset", Cause::round_trip, 40}};
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident);
  EXPECT_EQ(why.cause, Cause::round_trip);
  EXPECT_EQ(why.resource, "shard 0");
  EXPECT_NE(why.verdict.find("40 calls failed"), std::string::npos) << why.verdict;
  evidence.claims.assign(100, claim(5, 10));
  const model::Why quick = attribute(evidence);
  EXPECT_EQ(quick.cause, Cause::round_trip);
  EXPECT_NE(quick.verdict.find("40 calls to shard 0 failed"), std::string::npos) << quick.verdict;
  evidence.failures = {{4, "the connection was reset", Cause::round_trip, 4}};
  EXPECT_EQ(attribute(evidence).cause, Cause::none);
}

TEST(Attribution, what_calls_wait_for_is_the_servers_own_word) {
  const auto cause = [](bool locked, bool committing) {
    Timeline open = claim(1, 4'000);
    open.grant = {};
    Evidence evidence;
    evidence.claims.assign(100, open);
    evidence.probes = {{ms_ns, 0, 1'000 * ms_ns, locked, committing, locked}};
    return attribute(evidence).cause;
  };
  EXPECT_EQ(cause(true, false), Cause::lock);
  EXPECT_EQ(cause(false, true), Cause::commit);
  EXPECT_EQ(cause(false, false), Cause::server);
}

// Planted: slow reads, beside grants of the same shard that wait for their commits.
TEST(Attribution, reads_wait_for_no_commit) {
  Timeline open = answer(0, 1, 4'000);
  open.load = {};
  Evidence evidence;
  evidence.answers.assign(100, open);
  evidence.probes = {{ms_ns, 0, 1'000 * ms_ns, false, true, false}};
  EXPECT_EQ(attribute(evidence).cause, Cause::server) << attribute(evidence).verdict;
}

TEST(Attribution, one_cause_in_several_stages_is_one) {
  const auto why_of = [](std::int64_t grant_exec_ms) {
    Timeline both = answer(0, 30, 200);
    both.load.shard = 1;
    both.add(Stage::store_grant, 200 * ms_ns);
    both.grant = {200 * ms_ns, 0, grant_exec_ms * ms_ns, 0};
    Evidence evidence;
    evidence.answers.assign(20, both);
    return attribute(evidence);
  };
  const model::Why ways = why_of(5);
  EXPECT_EQ(ways.cause, Cause::round_trip) << ways.verdict;
  EXPECT_TRUE(ways.confident);
  EXPECT_GT(ways.share, 0.9);
  EXPECT_NE(ways.verdict.find("beside it"), std::string::npos) << ways.verdict;
  EXPECT_EQ(why_of(195).cause, Cause::unclear);
}

TEST(Attribution, a_process_that_stood_still_says_so) {
  Evidence evidence;
  evidence.answers.assign(990, answer(0, 1, 0));
  for (int i = 0; i < 10; ++i) evidence.answers.push_back(answer(1, 1, 1'000));
  evidence.lane_stalled_ns = 1'100 * ms_ns;
  const model::Why stopped = attribute(evidence);
  EXPECT_TRUE(stopped.confident);
  EXPECT_EQ(stopped.cause, Cause::throttle) << stopped.verdict;
  EXPECT_EQ(stopped.resource, "lanes");
  evidence.lane_stalled_ns = 100 * ms_ns;
  EXPECT_EQ(attribute(evidence).cause, Cause::round_trip);
  // Each was caught in another stage.
  evidence.answers.assign(990, answer(0, 1, 0));
  for (int i = 0; i < 5; ++i) evidence.answers.push_back(answer(500, 1, 0));
  for (int i = 0; i < 5; ++i) evidence.answers.push_back(answer(0, 1, 500));
  evidence.answers.back().add(Stage::l2, 20 * ms_ns);
  for (int i = 0; i < 2; ++i) evidence.answers.push_back(answer(0, 530, 0));
  EXPECT_EQ(attribute(evidence).cause, Cause::unclear);
  evidence.lane_stalled_ns = 480 * ms_ns;
  EXPECT_TRUE(attribute(evidence).confident);
  EXPECT_EQ(attribute(evidence).cause, Cause::throttle);
  evidence.lane_still = 1;
  evidence.lane_still_ns = 12'000 * ms_ns;
  const model::Why still = attribute(evidence);
  EXPECT_EQ(still.cause, Cause::throttle);
  EXPECT_NE(still.verdict.find("lane 1 has not turned for 12000 ms"), std::string::npos)
      << still.verdict;
}

TEST(Attribution, what_was_so_before_and_is_little_is_nothing_new) {
  Evidence evidence;
  evidence.answers.assign(100, answer(0, 1, 14));
  EXPECT_EQ(attribute(evidence).cause, Cause::round_trip) << "nothing is known of before";
  evidence.answers_before_ns = 13 * ms_ns;
  const model::Why usual = attribute(evidence);
  EXPECT_EQ(usual.cause, Cause::none);
  EXPECT_NE(usual.verdict.find("nothing is new"), std::string::npos) << usual.verdict;
  evidence.answers_before_ns = 2 * ms_ns;
  EXPECT_EQ(attribute(evidence).cause, Cause::round_trip);
}

}  // namespace
}  // namespace hunt::engine
