// What stands behind a wait: calls that break off, a shard far from all, a relay that tells late.
#include <gtest/gtest.h>

#include <utility>

#include "engine/attribution.h"
#include "engine/attribution_test_support.h"
#include "engine/tail.h"

namespace hunt::engine {
namespace {

using model::Cause;

// Planted: connections that are reset. What the server told of the last try is little, and what
// became of the others nobody knows.
TEST(Attribution, calls_that_break_off_are_the_way_where_nothing_else_holds_them) {
  Evidence evidence;
  evidence.claims.assign(100, claim(5, 300, 60, 80, 60));
  EXPECT_EQ(attribute(evidence).cause, Cause::unclear);
  evidence.failures = {{23, "the connection was reset", Cause::round_trip, 1}};
  EXPECT_EQ(attribute(evidence).cause, Cause::unclear) << "one of them may happen";
  evidence.failures = {{26, "the connection was reset", Cause::round_trip, 23}};
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::round_trip) << why.verdict;
  EXPECT_EQ(why.resource, "shard 0");
  EXPECT_NE(why.verdict.find("of which 23 broke off in the last seconds (the connection was reset"),
            std::string::npos)
      << why.verdict;
  evidence.claims.assign(100, claim(5, 300, 280, 5, 5));
  EXPECT_EQ(attribute(evidence).cause, Cause::lock) << "the store said so";
  // Planted: resets now and then, of which few meet a call; those of the tail were sent again.
  evidence.claims_before_ns = 9 * ms_ns;
  evidence.failures[0].count = evidence.failures[0].breaks = 3;
  for (const auto& [wait_ms, grant_ms] : {std::pair(22, 12), std::pair(16, 17)}) {
    evidence.claims.assign(400, claim(1, 7, 0, 4, 1));
    evidence.claims.insert(evidence.claims.end(), 4, claim(wait_ms, grant_ms, 0, 10, 1));
    const model::Why again = attribute(evidence);
    EXPECT_TRUE(again.confident) << again.verdict;
    EXPECT_EQ(again.cause, Cause::round_trip) << again.verdict;
  }
  evidence.failures[0].breaks = 1;
  evidence.claims.insert(evidence.claims.end(), 4, claim(25, 12, 0, 10, 1));
  EXPECT_FALSE(attribute(evidence).confident) << attribute(evidence).verdict;
}

// Planted: a shard is far from all. One of two orchestrators reads, the other waits for its fill.
TEST(Attribution, who_waits_for_a_fill_has_the_trouble_of_the_shard_too) {
  const auto filled_by_another = [](std::uint32_t shard) {
    Timeline waits = answer(0, 1, 0);
    waits.add(Stage::l2, 200 * ms_ns);
    waits.load = {};
    waits.add_fill_wait(195 * ms_ns, shard);
    return waits;
  };
  Evidence evidence;
  evidence.answers.assign(100, filled_by_another(1));
  evidence.probes = {{ms_ns, 0, 500 * ms_ns}, {ms_ns, 0, 500 * ms_ns}};
  EXPECT_EQ(attribute(evidence).cause, Cause::cache_miss) << "our own way is well";
  evidence.probes[1].newest_ns = 150 * ms_ns;
  const model::Why far = attribute(evidence);
  EXPECT_TRUE(far.confident) << far.verdict;
  EXPECT_EQ(far.cause, Cause::round_trip) << far.verdict;
  EXPECT_EQ(far.resource, "shard 1");
  EXPECT_NE(far.verdict.find("somebody else has filled the cache"), std::string::npos)
      << far.verdict;
  evidence.probes[1].newest_ns = ms_ns;
  evidence.failures = {{}, {12, "the connection was reset", Cause::round_trip, 12}};
  const model::Why reset = attribute(evidence);
  EXPECT_EQ(reset.cause, Cause::round_trip) << reset.verdict;
  EXPECT_EQ(reset.resource, "shard 1");
  EXPECT_NE(reset.verdict.find("12 calls failed"), std::string::npos) << reset.verdict;
  // Statements are slow: those of the tail that read themselves say so.
  evidence.failures.clear();
  Timeline reads = answer(0, 1, 180, 170);
  reads.load.shard = 1;
  evidence.answers.assign(400, answer(0, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 3, filled_by_another(1));
  evidence.answers.insert(evidence.answers.end(), 2, reads);
  const model::Why slow = attribute(evidence);
  EXPECT_TRUE(slow.confident) << slow.verdict;
  EXPECT_EQ(slow.cause, Cause::server) << slow.verdict;
  EXPECT_EQ(slow.resource, "shard 1");
}

// Planted: the other orchestrator reads for both over a narrow way. Who waits has not told of it.
TEST(Attribution, what_is_longer_than_a_look_waits_for_a_fill) {
  const auto looks_for = [](std::int64_t ms) {
    Timeline looks = answer(0, 1, 0);
    looks.add(Stage::l2, ms * ms_ns);
    return looks;
  };
  Evidence evidence;
  evidence.answers.assign(100, looks_for(1));
  evidence.answers.insert(evidence.answers.end(), 20, looks_for(3'500));
  const model::Why waits = attribute(evidence);
  EXPECT_EQ(waits.cause, Cause::cache_miss) << waits.verdict;
  evidence.answers.resize(100);
  evidence.answers.insert(evidence.answers.end(), 20, looks_for(150));
  const model::Why late = attribute(evidence);
  EXPECT_EQ(late.cause, Cause::round_trip) << late.verdict;
}

// Planted: a quota, which leaves it a core for so little of the time that it fills the cache too
// late; and a cache that is flushed again and again, which fills the machine with reads.
TEST(Attribution, who_hardly_runs_blames_no_empty_cache) {
  Timeline misses = answer(0, 1, 100);
  misses.add(Stage::l2, 5 * ms_ns);
  misses.starved_ns = 90 * ms_ns;
  Evidence evidence;
  evidence.answers.assign(200, misses);
  evidence.cache_here = true;
  evidence.stores_here = {true};
  evidence.lane_starved = 0.65;
  const model::Why flushed = attribute(evidence);
  EXPECT_EQ(flushed.cause, Cause::cache_miss) << flushed.verdict;
  evidence.lane_starved = 0.92;
  const model::Why starved = attribute(evidence);
  EXPECT_TRUE(starved.confident) << starved.verdict;
  EXPECT_EQ(starved.cause, Cause::cpu) << starved.verdict;
}

// Planted: it reads from shard 0 for long enough, and waits for a fill of shard 1's.
TEST(Attribution, a_fill_is_of_the_shard_that_was_waited_for) {
  Timeline waits = answer(0, 1, 90, 1);
  waits.add(Stage::l2, 260 * ms_ns);
  waits.add_fill_wait(45 * ms_ns, 0);
  waits.add_fill_wait(200 * ms_ns, 1);
  waits.add_fill_wait(10 * ms_ns, 0);
  Timeline claim_after;
  claim_after.begin_with(waits);
  for (const Timeline& one : {waits, claim_after}) {
    EXPECT_EQ(one.fill_wait_ns, 255 * ms_ns);
    EXPECT_EQ(shard_of_fills(tail_of({one})), 1U);
  }
}

// Planted: a tile that humans hold in turn. Some calls are over, others have waited for a second.
TEST(Attribution, a_probe_tells_of_those_calls_alone_that_are_not_over) {
  Timeline open = claim(0, 1'500);
  open.grant = {};
  Evidence evidence;
  evidence.claims.assign(900, claim(0, 1));
  evidence.claims.insert(evidence.claims.end(), 6, claim(0, 800, 390, 200, 100));
  evidence.claims.insert(evidence.claims.end(), 3, open);
  evidence.probes = {{ms_ns, 0, 900 * ms_ns, true, false, true, true}};
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::lock) << why.verdict;
}

// Planted: slow statements. Some calls are over, and no probe was sent since the others began.
TEST(Attribution, those_that_are_over_tell_of_those_that_are_not) {
  Timeline open = claim(0, 600);
  open.grant = {};
  Evidence evidence;
  evidence.claims.assign(900, claim(0, 1));
  evidence.claims.insert(evidence.claims.end(), 5, claim(0, 900, 200, 650, 1));
  evidence.claims.insert(evidence.claims.end(), 4, open);
  evidence.probes = {{ms_ns, 0, 950 * ms_ns, true, false, false, true}};
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::server) << why.verdict;
  // Those that are over were quick: they say nothing of these.
  for (std::size_t i = 900; i < 905; ++i) evidence.claims[i] = claim(0, 60, 5, 50, 1);
  EXPECT_FALSE(attribute(evidence).confident) << attribute(evidence).verdict;
}

// Planted: two culprits, of which one takes a little more than half of each of the slowest.
TEST(Attribution, who_takes_the_most_of_each_is_no_outlier) {
  const auto both = [](std::int64_t load_ms) {
    Timeline timeline = answer(0, 1, load_ms, 5);
    timeline.add(Stage::l2, 100 * ms_ns);
    return timeline;
  };
  Evidence evidence;
  evidence.answers.assign(300, answer(0, 1, 0));
  for (const std::int64_t load_ms : {180, 160, 115, 112, 110}) {
    evidence.answers.push_back(both(load_ms));
  }
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::round_trip) << why.verdict;
  EXPECT_NE(why.verdict.find("beside it"), std::string::npos) << why.verdict;
}

Timeline told_after(Timeline timeline, std::int64_t telling_ms) {
  timeline.telling_ns = telling_ms * ms_ns;
  return timeline;
}

// Planted: commits take 60 ms, and the relay needs one of its own for each time it tells.
TEST(Attribution, a_claim_is_over_when_it_was_told) {
  Evidence evidence;
  evidence.claims.assign(100, told_after(claim(5, 65, 0, 1, 60), 90));
  const model::Why slow = attribute(evidence);
  EXPECT_TRUE(slow.confident) << slow.verdict;
  EXPECT_EQ(slow.cause, Cause::commit);
  EXPECT_EQ(slow.tail_ns, 160 * ms_ns);
  EXPECT_EQ(slow.claims_tail_ns, 160 * ms_ns);
  EXPECT_NE(slow.verdict.find("; 90 ms of it is after the verdict, until they are told"),
            std::string::npos)
      << slow.verdict;
  EXPECT_GT(slow.share, 0.9);
  double sum = 0;
  for (const auto& stage : slow.stages) sum += stage.share;
  EXPECT_NEAR(sum, 1, 1e-9);
  evidence.claims.assign(100, told_after(claim(5, 65, 0, 1, 60), 5));
  evidence.claims_before_ns = 10 * ms_ns;
  EXPECT_EQ(attribute(evidence).verdict.find("until they are told"), std::string::npos);
}

// Planted: the relay stands still. The grants themselves are as quick as ever.
TEST(Attribution, a_late_telling_is_no_fault_of_a_quick_store) {
  Evidence evidence;
  evidence.claims.assign(100, told_after(claim(1, 9, 0, 1, 8), 3'000));
  const model::Why late = attribute(evidence);
  EXPECT_FALSE(late.confident);
  EXPECT_EQ(late.cause, Cause::unclear) << late.verdict;
  EXPECT_EQ(late.resource, "bus");
  EXPECT_NE(late.verdict.find("3000 ms of it is after the verdict"), std::string::npos)
      << late.verdict;
  EXPECT_NE(late.next.find("Ask the relay"), std::string::npos) << late.next;
  // Planted: a lane that is busy as ever. It does not keep the relay from telling.
  evidence.claims.assign(100, told_after(claim(5, 4, 0, 1, 2), 3'000));
  evidence.lane_busy = 0.6;
  const model::Why busy = attribute(evidence);
  EXPECT_FALSE(busy.confident) << busy.verdict;
  EXPECT_EQ(busy.resource, "bus") << busy.verdict;
  // But it makes a telling as late as it makes the stages.
  evidence.claims.assign(100, told_after(claim(150, 4, 0, 1, 2), 200));
  EXPECT_EQ(attribute(evidence).cause, Cause::cpu) << attribute(evidence).verdict;
  // Where nothing has a core, the relay has none, either.
  evidence.claims.assign(100, told_after(claim(1, 9, 0, 1, 8), 3'000));
  evidence.lane_busy = 0;
  evidence.stores_here = {true};
  evidence.lane_starved = 0.5;
  EXPECT_EQ(attribute(evidence).cause, Cause::cpu);
}

// Planted: one grant call at a time, 387 ms away, and a rush. Those that wait for it longest are in
// line still; the calls that are over know what one is like.
TEST(Attribution, who_is_in_line_still_has_the_cause_of_the_calls_that_are_over) {
  Timeline in_line;
  in_line.add(Stage::claim_wait, 5'003 * ms_ns);
  in_line.grant.shard = 1;
  Timeline over = claim(1'900, 390, 1, 6, 2);
  over.grant.shard = 1;
  Evidence evidence;
  evidence.answers.assign(190, answer(0, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 47, in_line);
  evidence.claims.assign(900, over);
  evidence.probes = {{ms_ns, 0, 500 * ms_ns}, {388 * ms_ns, 0, 500 * ms_ns}};
  evidence.grant_calls_inflight = evidence.grant_calls_max = 2;
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::round_trip) << why.verdict;
  EXPECT_EQ(why.resource, "shard 1");
  EXPECT_NE(
      why.verdict.find("one of 2 grant calls at a time, and of each call 381 ms is the round"),
      std::string::npos)
      << why.verdict;
  // None is over: a probe knows the way, and not what else a call may need.
  evidence.claims.clear();
  EXPECT_EQ(attribute(evidence).cause, Cause::round_trip) << attribute(evidence).verdict;
  // Planted: calls are quick but for two, which are no reason to wait.
  evidence.probes[1].newest_ns = ms_ns;
  Timeline quick = claim(1'900, 5, 0, 1, 2);
  quick.grant.shard = 1;
  evidence.claims.assign(900, quick);
  evidence.claims[0] = evidence.claims[1] = over;
  EXPECT_EQ(attribute(evidence).cause, Cause::limit) << attribute(evidence).verdict;
}

// Planted: shards 218 and 172 ms away, on a machine whose cores are short; and a shard that answers
// nothing any more.
TEST(Attribution, a_way_that_is_always_long_is_no_matter_of_cores) {
  Evidence evidence;
  evidence.answers.assign(222, answer(0, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 5, answer(0, 4, 222, 5));
  evidence.stores_here = {true};
  evidence.lane_starved = 0.1;
  evidence.cpu_pressure = 0.5;
  evidence.probes = {{60 * ms_ns, 0, 500 * ms_ns}};
  EXPECT_EQ(attribute(evidence).cause, Cause::unclear) << "the server may have no core";
  evidence.probes[0].newest_ns = 218 * ms_ns;
  const model::Why far = attribute(evidence);
  EXPECT_TRUE(far.confident) << far.verdict;
  EXPECT_EQ(far.cause, Cause::round_trip) << far.verdict;
  Timeline in_line;
  in_line.add(Stage::claim_wait, 5'004 * ms_ns);
  Timeline open;
  open.add(Stage::store_grant, 4'868 * ms_ns);
  evidence.answers.assign(300, answer(0, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 69, in_line);
  evidence.claims.assign(16, open);
  evidence.probes = {{ms_ns, 4'900 * ms_ns, 11'000 * ms_ns}};
  const model::Why gone = attribute(evidence);
  EXPECT_TRUE(gone.confident) << gone.verdict;
  EXPECT_EQ(gone.cause, Cause::round_trip) << gone.verdict;
}

// Planted: reads of 193 ms each on a machine whose cores are short; lanes wait 3 ms in their line.
TEST(Attribution, a_want_of_cores_explains_no_more_than_it_takes) {
  Evidence evidence;
  evidence.answers.assign(222, answer(3, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 5, answer(0, 4, 196, 193));
  evidence.stores_here = {true};
  evidence.lane_starved = 0.15;
  evidence.cpu_pressure = 0.5;
  evidence.probes = {{2 * ms_ns, 0, 500 * ms_ns}};
  const model::Why slow = attribute(evidence);
  EXPECT_TRUE(slow.confident) << slow.verdict;
  EXPECT_EQ(slow.cause, Cause::server) << slow.verdict;
  // Cores that are a little shorter do not change that; where all of them are taken it does.
  evidence.cpu_pressure = 0.65;
  EXPECT_EQ(attribute(evidence).cause, Cause::server) << attribute(evidence).verdict;
  evidence.cpu_pressure = 1;
  evidence.lane_starved = 0.4;
  EXPECT_EQ(attribute(evidence).cause, Cause::cpu) << attribute(evidence).verdict;
  // Lanes that wait 20 ms in their line: so may the server, again and again.
  evidence.answers.assign(222, answer(20, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 5, answer(0, 4, 196, 193));
  evidence.lane_starved = 0.15;
  evidence.cpu_pressure = 0.5;
  EXPECT_EQ(attribute(evidence).cause, Cause::unclear) << attribute(evidence).verdict;
}

// Planted: a shard 259 ms away whose reads take two ways, beside lanes that wait for a core.
TEST(Attribution, a_long_way_that_is_gone_twice_is_no_matter_of_cores) {
  Evidence evidence;
  evidence.answers.assign(222, answer(3, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 5, answer(0, 4, 523, 5));
  evidence.stores_here = {true};
  evidence.lane_starved = 0.1;
  evidence.cpu_pressure = 0.5;
  evidence.probes = {{259 * ms_ns, 0, 500 * ms_ns}};
  const model::Why far = attribute(evidence);
  EXPECT_TRUE(far.confident) << far.verdict;
  EXPECT_EQ(far.cause, Cause::round_trip) << far.verdict;
}

// Planted: of 58 ms 39 passed at the cache, and of these 20 without a core. What is to blame for
// the other 38 is not known.
TEST(Attribution, a_want_of_cores_is_named_for_the_time_that_it_took) {
  Timeline slow;
  slow.add(Stage::l2, 39 * ms_ns);
  slow.add(Stage::store_load, 19 * ms_ns);
  slow.starved_ns = 30 * ms_ns;  // about as much of each
  Evidence evidence;
  evidence.answers.assign(222, answer(3, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 5, slow);
  evidence.lane_starved = 0.16;
  EXPECT_EQ(attribute(evidence).cause, Cause::cpu) << attribute(evidence).verdict;
  for (auto at = evidence.answers.end() - 5; at != evidence.answers.end(); ++at) {
    at->stages_ns[static_cast<std::size_t>(Stage::bus)] = 20 * ms_ns;
    at->total_ns += 20 * ms_ns;
  }
  const model::Why why = attribute(evidence);
  EXPECT_EQ(why.cause, Cause::unclear) << why.verdict;
}

Timeline stored_for(std::int64_t stored_ms, Timeline then) {
  then.add(Stage::bus, stored_ms * ms_ns);
  return then;
}

// Planted: an orchestrator that stands still for 198 ms of each half a second. What is stored waits
// until it is taken, and then for the lane.
TEST(Attribution, a_stall_that_is_met_twice_is_one) {
  Evidence evidence;
  evidence.answers.assign(100, answer(0, 1, 0));
  evidence.answers.insert(evidence.answers.end(), 6, stored_for(198, answer(199, 4, 40)));
  evidence.lane_stalled_ns = 198 * ms_ns;
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::throttle) << why.verdict;
  evidence.lane_stalled_ns = 50 * ms_ns;
  EXPECT_EQ(attribute(evidence).cause, Cause::unclear) << attribute(evidence).verdict;
}

// Planted: the bus is away for 5.7 s, then all comes at once; and a shard that answers nothing, so
// that what was taken comes to nothing after 5 s and is stored again.
TEST(Attribution, a_backlog_is_of_what_all_of_those_do_that_take_it) {
  Timeline held_up = answer(0, 1, 10);
  held_up.add(Stage::load_wait, 650 * ms_ns);
  Evidence evidence;
  evidence.answers.assign(275, stored_for(2'000, answer(0, 1, 60)));
  evidence.answers.insert(evidence.answers.end(), 3, stored_for(5'360, answer(0, 1, 70)));
  evidence.answers.insert(evidence.answers.end(), 2, stored_for(5'360, held_up));
  const model::Why away = attribute(evidence);
  EXPECT_TRUE(away.confident) << away.verdict;
  EXPECT_EQ(away.cause, Cause::bus) << away.verdict;
  Timeline hangs = answer(0, 1, 0);
  hangs.add(Stage::load_wait, 5'000 * ms_ns);
  hangs.load.shard = 1;
  Timeline reads = answer(0, 1, 5'000);
  reads.load = {};
  reads.load.shard = 1;
  evidence.answers.assign(100, stored_for(1, answer(0, 1, 2)));
  evidence.answers.insert(evidence.answers.end(), 150, stored_for(1, hangs));
  evidence.answers.insert(evidence.answers.end(), 100, stored_for(1, reads));
  evidence.answers.insert(evidence.answers.end(), 27, stored_for(10'391, answer(0, 1, 0)));
  evidence.probes = {{ms_ns, 0, 500 * ms_ns}, {ms_ns, 4'900 * ms_ns, 11'000 * ms_ns}};
  const model::Why again = attribute(evidence);
  EXPECT_TRUE(again.confident) << again.verdict;
  EXPECT_EQ(again.cause, Cause::round_trip) << again.verdict;
  EXPECT_EQ(again.resource, "shard 1");
}

// Planted: each read takes 40 ms, and what is stored waits for one of eight; most of it is in the
// cache, so that all of it together does little.
TEST(Attribution, a_backlog_is_of_the_reads_while_all_of_them_are_used) {
  Timeline in_line = answer(0, 1, 0);
  in_line.add(Stage::load_wait, 800 * ms_ns);
  Timeline reads = answer(0, 1, 40, 39);
  reads.add(Stage::load_wait, 800 * ms_ns);
  Evidence evidence;
  evidence.answers.assign(800, stored_for(3'000, answer(0, 1, 0)));
  evidence.answers.insert(evidence.answers.end(), 80, stored_for(3'000, reads));
  evidence.answers.insert(evidence.answers.end(), 20, stored_for(7'000, in_line));
  evidence.loads_max = 8;
  evidence.loads_inflight = 7;
  EXPECT_EQ(attribute(evidence).cause, Cause::bus) << attribute(evidence).verdict;
  evidence.loads_inflight = 8;
  const model::Why used = attribute(evidence);
  EXPECT_TRUE(used.confident) << used.verdict;
  EXPECT_EQ(used.cause, Cause::server) << used.verdict;
  EXPECT_EQ(used.resource, "shard 0");
}

// Planted: commits take 55 ms. A grant waits for a round of the relay that has begun, of up to two
// commits, and then for its own.
TEST(Attribution, the_relay_may_take_two_rounds_of_two_commits) {
  Evidence evidence;
  evidence.claims.assign(430, told_after(claim(2, 58, 0, 1, 56), 60));
  evidence.claims.insert(evidence.claims.end(), 5, told_after(claim(17, 49, 0, 1, 47), 227));
  evidence.claims_before_ns = 23 * ms_ns;
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::commit) << why.verdict;
  EXPECT_EQ(why.resource, "shard 0");
  for (std::size_t i = 430; i < 435; ++i) evidence.claims[i].telling_ns = 400 * ms_ns;
  EXPECT_EQ(attribute(evidence).cause, Cause::unclear) << "more than all of that";
}

// Planted: the other orchestrator stands still now and then. Here two of five waited for HTTP.
TEST(Attribution, a_line_in_which_few_wait_is_not_sure) {
  const auto in_front = [](std::int64_t front_ms) {
    Timeline timeline = answer(0, 1, 8);
    timeline.add(Stage::front, front_ms * ms_ns);
    return timeline;
  };
  Evidence evidence;
  evidence.answers.assign(399, in_front(1));
  for (const std::int64_t front_ms : {40, 30, 15, 8, 6}) {
    evidence.answers.push_back(in_front(front_ms));
  }
  const model::Why few = attribute(evidence);
  EXPECT_EQ(few.cause, Cause::queue) << few.verdict;
  EXPECT_FALSE(few.confident) << few.verdict;
  EXPECT_TRUE(few.verdict.starts_with("perhaps, since most do not wait there: ")) << few.verdict;
  // Planted: bursts, in which a quarter waits.
  for (std::size_t i = 0; i < 100; ++i) evidence.answers[i] = in_front(18);
  EXPECT_TRUE(attribute(evidence).confident) << attribute(evidence).verdict;
}

// Planted: nobody tells the grants of shard 1.
TEST(Attribution, who_tells_nothing_is_named_for_the_grants_of_its_shard_alone) {
  Timeline untold = told_after(claim(1, 9, 0, 1, 8), 9'000);
  untold.grant.shard = 1;
  Evidence evidence;
  evidence.claims.assign(100, untold);
  evidence.not_told = {{"no relay of shard 0 is heard for 9 s", "relay of shard 0"}, {}};
  EXPECT_EQ(attribute(evidence).cause, Cause::unclear) << "that of shard 1 is heard";
  std::swap(evidence.not_told[0], evidence.not_told[1]);
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::bus);
  EXPECT_EQ(why.resource, "relay of shard 0");
  EXPECT_NE(why.verdict.find("until they are told: by the relay, over the bus, and no relay"),
            std::string::npos)
      << why.verdict;
  // What was told as quickly as ever does not wait for it.
  for (Timeline& one : evidence.claims) one = claim(1, 300, 0, 290, 8);
  EXPECT_EQ(attribute(evidence).cause, Cause::server);
}

// Planted: one of two orchestrators has a twentieth of a core, and the other waits for its fills.
// One such wait is so long that none of the others takes half of the mean.
TEST(Attribution, who_is_held_up_by_the_same_counts_beside_a_longer_one) {
  const auto filled_after = [](std::int64_t wait_ms) {
    Timeline waits = answer(0, 1, 0);
    waits.add(Stage::l2, (wait_ms + 1) * ms_ns);
    waits.load = {};
    waits.add_fill_wait(wait_ms * ms_ns, 0);
    return waits;
  };
  Evidence evidence;
  evidence.answers.assign(245, answer(0, 1, 0));
  for (const std::int64_t wait_ms : {300, 24, 22, 7, 5}) {
    evidence.answers.push_back(filled_after(wait_ms));
  }
  evidence.answers_before_ns = 4 * ms_ns;
  const model::Why why = attribute(evidence);
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, Cause::cache_miss) << why.verdict;
  // Planted: a single one, and beside it what is as long as ever.
  evidence.answers_before_ns = 20 * ms_ns;
  EXPECT_FALSE(attribute(evidence).confident) << attribute(evidence).verdict;
}

}  // namespace
}  // namespace hunt::engine
