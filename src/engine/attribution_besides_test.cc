// Two troubles at once, of which the slowest met one alone; and trouble that is known where the
// slowest do not tell what they wait for.
#include <gtest/gtest.h>

#include <utility>

#include "engine/attribution.h"
#include "engine/attribution_test_support.h"

namespace hunt::engine {
namespace {

using model::Cause;

Timeline read_of(std::uint32_t shard, std::int64_t load_ms, std::int64_t exec_ms) {
  Timeline timeline = answer(0, 1, load_ms, exec_ms);
  timeline.load.shard = shard;
  return timeline;
}

Timeline grant_of(std::uint32_t shard, std::int64_t grant_ms, std::int64_t exec_ms) {
  Timeline timeline = claim(2, grant_ms, 0, exec_ms);
  timeline.grant.shard = shard;
  return timeline;
}

// Planted: shard 0 is 102 ms away, shard 1 257 ms, and the slowest all wait for that.
Evidence two_far_shards() {
  Evidence evidence;
  evidence.answers.assign(240, answer(0, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 18, read_of(0, 112, 9));
  evidence.answers.insert(evidence.answers.end(), 18, read_of(1, 270, 12));
  evidence.answers.insert(evidence.answers.end(), 5, read_of(1, 459, 28));
  evidence.claims.assign(40, grant_of(0, 108, 5));
  evidence.claims.insert(evidence.claims.end(), 40, grant_of(1, 263, 5));
  evidence.probes = {{102 * ms_ns, 0, 500 * ms_ns}, {257 * ms_ns, 0, 500 * ms_ns}};
  evidence.answers_before_ns = 13 * ms_ns;
  return evidence;
}

TEST(Besides, a_second_shard_is_listed_that_the_slowest_did_not_meet) {
  Evidence evidence = two_far_shards();
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::round_trip);
  EXPECT_EQ(why.resource, "shard 1");
  EXPECT_NE(why.verdict.find("; besides, of each grant call 103 ms is the round trip to shard 0"),
            std::string::npos)
      << why.verdict;
  EXPECT_EQ(why.verdict.find("besides"), why.verdict.rfind("besides")) << "one line for a shard";
  // Where shard 0 is quick but for now and then, it is none.
  for (Timeline& one : evidence.claims) {
    if (one.grant.shard == 0) one = grant_of(0, 9, 5);
  }
  for (Timeline& one : evidence.answers) {
    if (one.load.shard == 0 && one.of(Stage::store_load) > 0) one = read_of(0, 10, 9);
  }
  for (int i = 0; i < 6; ++i) evidence.answers[static_cast<std::size_t>(i)] = read_of(0, 90, 9);
  evidence.probes[0].newest_ns = ms_ns;
  EXPECT_EQ(attribute(evidence).verdict.find("besides"), std::string::npos)
      << attribute(evidence).verdict;
}

// Planted: shard 0 is 237 ms away and takes all of the tail, and each node of the cache 48 ms.
TEST(Besides, a_slow_cache_is_listed_beside_a_shard_that_is_slower) {
  const auto looks = [](std::int64_t l2_ms, std::int64_t fill_ms, Timeline then) {
    then.add(Stage::l2, l2_ms * ms_ns);
    then.add_fill_wait(fill_ms * ms_ns, 0);
    return then;
  };
  Evidence evidence;
  evidence.answers.assign(200, answer(0, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 60, looks(50, 0, answer(0, 1, 0)));
  evidence.answers.insert(evidence.answers.end(), 10, looks(51, 0, read_of(0, 240, 3)));
  evidence.answers.insert(evidence.answers.end(), 5, looks(52, 0, read_of(0, 1'000, 30)));
  evidence.probes = {{237 * ms_ns, 0, 500 * ms_ns}, {ms_ns, 0, 500 * ms_ns}};
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.resource, "shard 0");
  EXPECT_NE(why.verdict.find("; besides, of each look into the cache 50.3 ms is the way to the "
                             "cache and back"),
            std::string::npos)
      << why.verdict;
  // Planted: the cache is quick, and others fill it.
  for (Timeline& one : evidence.answers) {
    if (one.of(Stage::l2) > 0) one.fill_wait_ns = one.of(Stage::l2) - 2 * ms_ns;
  }
  EXPECT_EQ(attribute(evidence).verdict.find("besides"), std::string::npos)
      << attribute(evidence).verdict;
}

// Planted: nothing but a want of cores. It makes all of them slow.
TEST(Besides, a_machine_without_cores_is_one_trouble) {
  Evidence evidence = two_far_shards();
  for (Probe& probe : evidence.probes) probe.newest_ns = 30 * ms_ns;
  evidence.stores_here = {true, true};
  evidence.lane_starved = 0.5;
  const model::Why why = attribute(evidence);
  EXPECT_EQ(why.cause, Cause::cpu) << why.verdict;
  EXPECT_EQ(why.verdict.find("besides"), std::string::npos) << why.verdict;
}

// Planted: connections to shard 1 are reset every 97 ms. What is stored is taken twice, a few calls
// wait, and all of it on cores that are short: no part of the tail is clear.
TEST(Besides, connections_that_break_are_named_where_the_tail_is_not_clear) {
  Evidence evidence;
  evidence.answers.assign(316, answer(2, 1, 0));
  Timeline mixed = grant_of(1, 40, 21);
  mixed.add(Stage::l2, 35 * ms_ns);
  mixed.add(Stage::queue, 30 * ms_ns);
  evidence.answers.insert(evidence.answers.end(), 5, mixed);
  evidence.failures = {{}, {31, "the connection was reset", Cause::round_trip, 29}};
  evidence.answers_before_ns = 14 * ms_ns;
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::round_trip) << why.verdict;
  EXPECT_EQ(why.resource, "shard 1");
  EXPECT_TRUE(
      why.verdict.starts_with("31 calls to shard 1 failed in the last seconds (the "
                              "connection was reset), and what the slowest wait for is "
                              "less clear: unclear: "))
      << why.verdict;
  // What a store refuses may be its own matter, and four resets may happen.
  evidence.failures[1].cause = Cause::server;
  evidence.failures[1].breaks = 0;
  EXPECT_FALSE(attribute(evidence).confident) << attribute(evidence).verdict;
  evidence.failures[1] = {4, "the connection was reset", Cause::round_trip, 4};
  EXPECT_FALSE(attribute(evidence).confident) << attribute(evidence).verdict;
}

// Planted: connections to shard 0 are reset every 275 ms, on a machine whose cores are short: new
// sessions need some themselves.
TEST(Besides, connections_that_break_are_no_matter_of_cores) {
  const auto again = [](std::int64_t wait_ms, std::int64_t grant_ms, std::int64_t exec_ms) {
    Timeline timeline = claim(wait_ms, grant_ms, 5, exec_ms, 5);
    timeline.add(Stage::queue, 5 * ms_ns);
    timeline.starved_ns = (wait_ms + grant_ms) * 7 * ms_ns / 10;
    return timeline;
  };
  Evidence evidence;
  evidence.answers.assign(319, answer(20, 1, 0));
  for (const auto& [wait_ms, grant_ms] :
       {std::pair(29, 122), {89, 35}, {36, 67}, {48, 53}, {15, 55}}) {
    evidence.answers.push_back(again(wait_ms, grant_ms, 15));
  }
  evidence.failures = {{24, "the connection was reset", Cause::round_trip, 24}, {}};
  evidence.stores_here = {true, true};
  evidence.cache_here = true;
  evidence.lane_busy = 0.04;
  evidence.lane_starved = 0.21;
  evidence.cpu_pressure = 0.67;
  evidence.answers_before_ns = 13 * ms_ns;
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::round_trip) << why.verdict;
  EXPECT_EQ(why.resource, "shard 0");
  EXPECT_NE(why.verdict.find("waiting to ask shard 0 again"), std::string::npos) << why.verdict;
  // A break now and then is none of it.
  evidence.failures[0] = {1, "the connection was reset", Cause::round_trip, 1};
  EXPECT_EQ(attribute(evidence).cause, Cause::cpu) << attribute(evidence).verdict;
}

// Planted: connections to shard 0 are reset every 212 ms, and what the slowest meet is the cache,
// on a machine that is full: of new sessions, for all that is known.
TEST(Besides, a_machine_may_be_full_of_connections_that_are_made_again) {
  Evidence evidence;
  evidence.answers.assign(600, answer(2, 1, 0));
  Timeline looking = answer(3, 1, 5);
  looking.add(Stage::l2, 60 * ms_ns);
  looking.starved_ns = 20 * ms_ns;
  evidence.answers.insert(evidence.answers.end(), 8, looking);
  evidence.stores_here = {true, true};
  evidence.cache_here = true;
  evidence.lane_starved = 0.46;
  evidence.cpu_pressure = 0.63;
  EXPECT_TRUE(attribute(evidence).confident);
  EXPECT_EQ(attribute(evidence).cause, Cause::cpu) << attribute(evidence).verdict;
  evidence.failures = {{36, "the connection was reset", Cause::round_trip, 36}, {}};
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::round_trip) << why.verdict;
  EXPECT_EQ(why.resource, "shard 0");
  EXPECT_NE(why.verdict.find("less clear: perhaps, since new connections take cores"),
            std::string::npos)
      << why.verdict;
  // New sessions of a store elsewhere take none here.
  evidence.stores_here = {false, true};
  EXPECT_EQ(attribute(evidence).cause, Cause::cpu) << attribute(evidence).verdict;
}

// Planted: the nodes of the cache are 44 ms away, and a shard 105 ms. For a fifth of the time the
// lane had no core.
TEST(Besides, a_cache_that_is_always_far_is_no_matter_of_cores) {
  const auto looks = [](std::int64_t l2_ms, std::int64_t starved_ms, Timeline then) {
    then.add(Stage::l2, l2_ms * ms_ns);
    then.starved_ns = starved_ms * ms_ns;
    return then;
  };
  Evidence evidence;
  evidence.answers.assign(180, answer(1, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 43, looks(48, 3, answer(1, 1, 0)));
  for (const auto& [l2_ms, load_ms] :
       {std::pair(276, 109), {107, 220}, {145, 111}, {141, 109}, {139, 105}}) {
    evidence.answers.push_back(looks(l2_ms, (l2_ms + load_ms) / 4, read_of(1, load_ms, 1)));
  }
  evidence.probes = {{2 * ms_ns, 0, 500 * ms_ns}, {109 * ms_ns, 0, 500 * ms_ns}};
  evidence.stores_here = {true, true};
  evidence.cache_here = true;
  evidence.lane_busy = 0.03;
  evidence.lane_starved = 0.12;
  evidence.cpu_pressure = 0.66;
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::round_trip) << why.verdict;
  EXPECT_EQ(why.resource, "cache");
  EXPECT_NE(why.verdict.find("the round trip to shard 1"), std::string::npos) << why.verdict;
  // Planted: looks are quick but for those of the tail.
  for (std::size_t i = 180; i < 223; ++i) evidence.answers[i] = looks(3, 0, answer(1, 1, 0));
  EXPECT_FALSE(attribute(evidence).confident) << attribute(evidence).verdict;
}

// Planted: two shards that are as far away as each other. Two of the slowest read twice from one,
// the others from the other.
TEST(Besides, a_few_that_suffer_as_all_such_calls_do_are_no_chance) {
  Evidence evidence;
  evidence.answers.assign(240, answer(0, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 30, read_of(0, 140, 2));
  evidence.answers.insert(evidence.answers.end(), 32, read_of(1, 141, 2));
  evidence.answers.insert(evidence.answers.end(), 2, read_of(0, 277, 1));
  evidence.answers.insert(evidence.answers.end(), 3, read_of(1, 152, 1));
  evidence.probes = {{139 * ms_ns, 0, 500 * ms_ns}, {136 * ms_ns, 0, 500 * ms_ns}};
  evidence.answers_before_ns = 14 * ms_ns;
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.resource, "shard 0");
  EXPECT_NE(why.verdict.find("the round trip to shard 1"), std::string::npos) << why.verdict;
  // Planted: the reads are quick but for these two.
  for (Timeline& one : evidence.answers) {
    if (one.of(Stage::store_load) == 140 * ms_ns) one = read_of(0, 3, 1);
  }
  evidence.probes[0].newest_ns = ms_ns;
  EXPECT_FALSE(attribute(evidence).confident) << attribute(evidence).verdict;
}

// Planted: each read takes 266 ms, again and again after others that take 2 ms. Those of the tail
// wait for one of eight, and the slots are in use for the slow ones.
TEST(Besides, slots_are_in_use_for_what_takes_the_most_of_the_time) {
  Timeline in_line = answer(0, 1, 2);
  in_line.add(Stage::load_wait, 4'996 * ms_ns);
  Evidence evidence;
  evidence.answers.assign(200, answer(0, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 60, answer(0, 1, 2, 1));
  evidence.answers.insert(evidence.answers.end(), 20, answer(0, 1, 268, 267));
  evidence.answers.insert(evidence.answers.end(), 19, in_line);
  evidence.probes = {{ms_ns, 0, 1'003 * ms_ns}};
  evidence.loads_inflight = evidence.loads_max = 8;
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::server) << why.verdict;
  // Planted: more quick reads than eight at a time can do.
  for (Timeline& one : evidence.answers) {
    if (one.of(Stage::store_load) == 268 * ms_ns) one = answer(0, 1, 3, 2);
  }
  EXPECT_EQ(attribute(evidence).cause, Cause::limit) << attribute(evidence).verdict;
}

// Planted: slow reads, and a narrow way. Calls of the tail have not ended, and no probe was
// answered since they began; other calls to that shard are over.
TEST(Besides, calls_that_are_over_tell_of_those_of_the_tail_that_are_not) {
  const auto open_for = [](std::int64_t load_ms) {
    Timeline open = answer(0, 1, load_ms);
    open.load = {};
    return open;
  };
  Evidence evidence;
  evidence.answers.assign(300, answer(0, 1, 0));
  for (const std::int64_t ms : {1'127, 713, 640, 620, 610})
    evidence.answers.push_back(open_for(ms));
  evidence.probes = {{ms_ns, 0, 1'004 * ms_ns}};
  EXPECT_EQ(attribute(evidence).cause, Cause::unclear) << attribute(evidence).verdict;
  for (int i = 0; i < 4; ++i) evidence.answers.push_back(answer(0, 1, 260, 258));
  EXPECT_EQ(attribute(evidence).cause, Cause::server) << attribute(evidence).verdict;
  // Grants of that shard execute for long: that is no matter of the reads.
  evidence.answers.resize(305);
  evidence.claims.assign(20, grant_of(0, 90, 85));
  EXPECT_EQ(attribute(evidence).cause, Cause::unclear) << attribute(evidence).verdict;
  // They were on their way for long: so are the reads.
  for (Timeline& one : evidence.answers) {
    if (one.of(Stage::store_load) > 0) one = open_for(4'500);
  }
  evidence.probes = {{1'159 * ms_ns, 0, 4'014 * ms_ns}};
  evidence.claims.assign(20, grant_of(0, 5'533, 6));
  const model::Why way = attribute(evidence);
  EXPECT_EQ(way.timeline, "answers");
  EXPECT_TRUE(way.confident) << way.verdict;
  EXPECT_EQ(way.cause, Cause::round_trip) << way.verdict;
}

// Planted: another orchestrator has a narrow way to shard 0. Here two of 317 waited for its fills,
// each for ten times what anything takes.
TEST(Besides, two_that_hold_nearly_all_of_the_tail_are_no_chance) {
  Timeline waits = answer(0, 1, 0);
  waits.add(Stage::l2, 270 * ms_ns);
  waits.load = {};
  waits.add_fill_wait(268 * ms_ns, 0);
  Evidence evidence;
  evidence.answers.assign(315, answer(0, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 3, answer(0, 1, 7));
  evidence.answers.insert(evidence.answers.end(), 2, waits);
  evidence.answers_before_ns = 15 * ms_ns;
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::cache_miss) << why.verdict;
  evidence.answers.back() = answer(0, 1, 60);
  EXPECT_FALSE(attribute(evidence).confident) << attribute(evidence).verdict;
}

// Planted: 45,000 positions a second over HTTP on two cores. What waits in the sockets is not seen.
TEST(Besides, a_lane_that_has_no_core_is_not_as_ever) {
  Timeline waits = answer(6, 1, 0);
  waits.add(Stage::l2, 14 * ms_ns);
  Evidence evidence;
  evidence.answers.assign(4'059, answer(2, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 41, waits);
  evidence.answers_before_ns = 13 * ms_ns;
  evidence.stores_here = {true, true};
  evidence.cache_here = true;
  evidence.lane_busy = 0.14;
  evidence.lane_starved = 0.32;
  EXPECT_EQ(attribute(evidence).cause, Cause::none) << attribute(evidence).verdict;
  evidence.lane_starved = 0.65;
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::cpu) << why.verdict;
}

// Planted: 13 kB a second to shard 0. Reads have not ended for longer than a call that does
// nothing, and may execute as well; grants have waited no longer than that.
TEST(Besides, reads_and_grants_go_the_same_way) {
  const auto waits = [](std::int64_t load_ms, std::int64_t grant_ms) {
    Timeline timeline = answer(0, 1, load_ms);
    timeline.load = {};
    timeline.add(Stage::store_grant, grant_ms * ms_ns);
    return timeline;
  };
  Evidence evidence;
  evidence.answers.assign(310, answer(0, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 3, waits(5'000, 0));
  evidence.answers.insert(evidence.answers.end(), 2, waits(2'400, 2'600));
  evidence.probes = {{1'800 * ms_ns, 0, 500 * ms_ns}, {ms_ns, 0, 500 * ms_ns}};
  evidence.answers_before_ns = 18 * ms_ns;
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::round_trip) << why.verdict;
  EXPECT_EQ(why.resource, "shard 0");
  // Planted: grants wait for locks, which are no matter of the reads.
  evidence.probes[0] = {ms_ns, 0, 500 * ms_ns, true, false, true, true};
  EXPECT_NE(attribute(evidence).cause, Cause::round_trip) << attribute(evidence).verdict;
}

}  // namespace
}  // namespace hunt::engine
