#include "engine/fleet_why.h"

#include <gtest/gtest.h>

namespace hunt::engine {
namespace {

using model::Absence;
using model::Asked;
using model::Cause;
using model::Stage;

constexpr std::int64_t ms_ns = 1'000'000;

Asked orchestrator(const std::string& name) {
  Asked asked;
  asked.process.name = name;
  asked.process.kind = "orchestrator";
  return asked;
}

model::StageFigures at(Stage stage, const std::string& resource, double share,
                       std::int64_t p99_ms) {
  model::StageFigures figures;
  figures.stage = stage;
  figures.resource = resource;
  figures.share = share;
  figures.waited_p99_ns = p99_ms * ms_ns;
  return figures;
}

Asked said(const std::string& name, Cause cause, Stage stage, const std::string& resource,
           std::int64_t tail_ms, bool confident = true) {
  Asked asked = orchestrator(name);
  asked.why.cause = cause;
  asked.why.stage = stage;
  asked.why.resource = resource;
  asked.why.confident = confident;
  asked.why.share = 0.9;
  asked.why.timeline = "answers";
  asked.why.tail_ns = tail_ms * ms_ns;
  asked.why.samples = 500;
  asked.why.verdict =
      (cause == Cause::unclear ? "unclear: " : "") + std::string("the evidence of ") + name;
  asked.why.next = "Do as " + name + " says; CPU is 9 % of a core, so scaling pods will not help.";
  asked.why.stages = {at(stage, resource, 0.9, tail_ms), at(Stage::l1, "lanes", 0.1, 1)};
  return asked;
}

Asked slow_shard(const std::string& name, std::int64_t tail_ms = 503) {
  return said(name, Cause::round_trip, Stage::store_grant, "shard 1", tail_ms);
}

// Uses both shards, and nothing holds it up.
Asked fine(const std::string& name) {
  Asked asked = said(name, Cause::none, Stage::l1, "lanes", 2);
  asked.why.stages.push_back(at(Stage::store_load, "shard 0", 0, 2));
  asked.why.stages.push_back(at(Stage::store_load, "shard 1", 0, 3));
  return asked;
}

Asked idle(const std::string& name) {
  Asked asked = orchestrator(name);
  asked.why.confident = true;
  asked.why.verdict = "nothing was asked in the last seconds";
  return asked;
}

Asked absent(const std::string& name, Absence absence = Absence::silent) {
  Asked asked = orchestrator(name);
  asked.absence = absence;
  asked.reason = "it does not answer";
  return asked;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
bool any_has(const std::vector<std::string>& lines, const std::string& part) {
  return std::any_of(lines.begin(), lines.end(),
                     [&part](const std::string& line) { return contains(line, part); });
}

#define EXPECT_HAS(text, part) EXPECT_TRUE(contains(text, part)) << (text)
#define EXPECT_HAS_NOT(text, part) EXPECT_FALSE(contains(text, part)) << (text)

TEST(FleetWhy, a_shard_that_is_slow_for_all_is_one_sentence) {
  const auto fleet = merge_fleet({slow_shard("a", 400), slow_shard("b", 503)});
  EXPECT_EQ(
      fleet.why.verdict,
      "shard 1 holds up both orchestrators (store_grant: round_trip): at b the evidence of b");
  EXPECT_TRUE(fleet.why.confident);
  EXPECT_EQ(fleet.why.cause, Cause::round_trip);
  EXPECT_EQ(fleet.why.resource, "shard 1");
  EXPECT_EQ(fleet.why.tail_ns, 503 * ms_ns);
  EXPECT_HAS(fleet.why.next, "scaling pods will not help");
  ASSERT_FALSE(fleet.places.empty());
  EXPECT_EQ(fleet.places[0].hurt, (std::vector<std::string>{"b", "a"}));
}

TEST(FleetWhy, one_that_is_not_sure_agrees_with_one_that_is) {
  const auto fleet = merge_fleet(
      {said("a", Cause::unclear, Stage::store_load, "shard 1", 900, false), slow_shard("b", 100)});
  EXPECT_TRUE(fleet.why.confident);
  EXPECT_EQ(fleet.why.cause, Cause::round_trip);
  EXPECT_HAS(fleet.why.verdict, "shard 1 holds up both orchestrators");
  EXPECT_HAS(fleet.why.verdict, "; a is not sure");
  EXPECT_HAS_NOT(fleet.why.verdict, "contradict");
}

TEST(FleetWhy, those_that_are_sure_of_different_causes_contradict_each_other) {
  const auto fleet =
      merge_fleet({slow_shard("a"), said("b", Cause::server, Stage::store_load, "shard 1", 300)});
  EXPECT_FALSE(fleet.why.confident);
  EXPECT_EQ(fleet.why.cause, Cause::unclear);
  EXPECT_EQ(fleet.why.resource, "shard 1");
  EXPECT_HAS(fleet.why.verdict, "they contradict each other: a says round_trip, b says server");
  EXPECT_HAS(fleet.why.next, "Look at shard 1 itself");
}

TEST(FleetWhy, a_large_majority_stands_and_the_other_voice_is_told) {
  std::vector<Asked> asked{said("odd", Cause::server, Stage::store_grant, "shard 1", 900)};
  for (const auto* name : {"a", "b", "c", "d"}) asked.push_back(slow_shard(name));
  const auto fleet = merge_fleet(asked);
  EXPECT_TRUE(fleet.why.confident);
  EXPECT_EQ(fleet.why.cause, Cause::round_trip);
  EXPECT_HAS(fleet.why.verdict, "odd says server");
  EXPECT_HAS(fleet.why.verdict, "at a the evidence of a");
  // Two of three are no such majority.
  const auto few = merge_fleet({asked[0], asked[1], asked[2]});
  EXPECT_FALSE(few.why.confident);
}

TEST(FleetWhy, a_line_before_slow_calls_does_not_contradict_them) {
  const auto fleet =
      merge_fleet({slow_shard("a"), said("b", Cause::limit, Stage::load_wait, "shard 1", 900)});
  EXPECT_TRUE(fleet.why.confident);
  EXPECT_EQ(fleet.why.cause, Cause::round_trip);
  EXPECT_HAS_NOT(fleet.why.verdict, "contradict");
  EXPECT_HAS(fleet.why.verdict, "at a the evidence of a");
}

TEST(FleetWhy, one_of_five_without_a_core_is_not_the_fleet) {
  const auto fleet =
      merge_fleet({fine("a"), fine("b"), said("c", Cause::cpu, Stage::queue, "lanes", 80),
                   fine("d"), fine("e")});
  EXPECT_HAS(fleet.why.verdict,
             "1 of 5 orchestrators (c) is slow by itself (queue at its lanes: cpu)");
  EXPECT_HAS(fleet.why.verdict, "; a, b, d and e are fine");
  EXPECT_HAS(fleet.why.next, "the fleet is not too small");
  EXPECT_EQ(fleet.why.cause, Cause::cpu);
}

TEST(FleetWhy, all_without_a_core_keep_their_advice) {
  const auto fleet = merge_fleet({said("a", Cause::cpu, Stage::queue, "lanes", 80),
                                  said("b", Cause::cpu, Stage::queue, "lanes", 90)});
  EXPECT_HAS(fleet.why.verdict, "both orchestrators are slow by themselves");
  EXPECT_HAS(fleet.why.next, "Do as b says");
}

// Places of their own: no contradiction.
TEST(FleetWhy, two_that_are_slow_by_themselves_for_different_causes_are_two_troubles) {
  const auto fleet = merge_fleet({said("a", Cause::cpu, Stage::queue, "lanes", 800),
                                  said("b", Cause::throttle, Stage::queue, "lanes", 90)});
  EXPECT_HAS_NOT(fleet.why.verdict, "contradict");
  EXPECT_HAS(fleet.why.verdict, "1 of 2 orchestrators (a) is slow by itself");
  EXPECT_HAS(fleet.why.verdict, "; also 1 of 2 orchestrators (b) is slow by itself");
}

TEST(FleetWhy, a_shard_that_one_of_two_finds_slow_is_perhaps_its_way_there) {
  const auto fleet = merge_fleet({slow_shard("a"), fine("b")});
  EXPECT_HAS(fleet.why.verdict, "shard 1 holds up 1 of 2 orchestrators (a)");
  EXPECT_HAS(fleet.why.verdict, "; b uses it, too, and is fine");
  EXPECT_HAS(fleet.why.next, "Look first at the way from a to shard 1");
  Asked elsewhere = fine("b");
  elsewhere.why.stages.pop_back();
  const auto other = merge_fleet({slow_shard("a"), elsewhere});
  EXPECT_HAS_NOT(other.why.verdict, "uses it, too");
  EXPECT_HAS(other.why.verdict, "; b is fine");
  EXPECT_HAS_NOT(other.why.next, "Look first at the way");
}

TEST(FleetWhy, two_troubles_are_both_told_the_worse_first) {
  const auto fleet = merge_fleet(
      {said("a", Cause::cpu, Stage::queue, "lanes", 40), slow_shard("b"), slow_shard("c")});
  EXPECT_HAS(fleet.why.verdict, "shard 1 holds up 2 of 3 orchestrators (b and c)");
  EXPECT_HAS(fleet.why.verdict, "; also 1 of 3 orchestrators (a) is slow by itself (queue: cpu)");
}

TEST(FleetWhy, who_waits_for_the_cache_that_others_fill_has_their_trouble) {
  const auto fleet =
      merge_fleet({slow_shard("a"), said("b", Cause::cache_miss, Stage::l2, "cache", 600)});
  EXPECT_EQ(fleet.why.resource, "shard 1");
  EXPECT_HAS_NOT(fleet.why.verdict, "also");
  EXPECT_TRUE(any_has(fleet.notes, "b waits until others have filled the cache"));
  // Without anybody else's trouble it is the cache's.
  const auto alone =
      merge_fleet({fine("a"), said("b", Cause::cache_miss, Stage::l2, "cache", 600)});
  EXPECT_EQ(alone.why.resource, "cache");
}

TEST(FleetWhy, who_does_not_answer_is_in_the_sentence_and_nothing_is_sure_of_it) {
  const auto fleet = merge_fleet({fine("a"), absent("c")});
  EXPECT_FALSE(fleet.why.confident);
  EXPECT_EQ(fleet.why.verdict,
            "c does not answer, so nothing is known of it; nothing is wrong at a, the only one "
            "that answers: the slowest 1 % of answers take 2 ms");
  EXPECT_HAS(fleet.why.next, "Look whether c lives");
  EXPECT_EQ(fleet.absent, 1U);
  EXPECT_TRUE(any_has(fleet.notes, "no verdict of orchestrator c: it does not answer"));
  const auto slow = merge_fleet({slow_shard("a"), slow_shard("b"), absent("c")});
  EXPECT_TRUE(slow.why.confident);
  EXPECT_HAS(slow.why.verdict, "shard 1 holds up both orchestrators that answer");
  EXPECT_HAS(slow.why.verdict, "; nothing is known of c, which does not answer");
  EXPECT_HAS(slow.why.next, "Look whether c lives");
}

TEST(FleetWhy, a_relay_counts_and_does_not_vote) {
  Asked relay = orchestrator("r");
  relay.process.kind = "relay";
  relay.why.confident = true;
  relay.why.warning = "the relay of shard 1 tells no grants now: it is 12 s late";
  const auto fleet = merge_fleet({fine("a"), relay});
  EXPECT_HAS(fleet.why.verdict, "nothing is wrong at a");
  EXPECT_TRUE(fleet.why.confident);
  EXPECT_EQ(fleet.relays, 1U);
  EXPECT_TRUE(any_has(fleet.notes, "warning of r: the relay of shard 1 tells no grants now"));
  Asked gone = absent("r");
  gone.process.kind = "relay";
  const auto without = merge_fleet({fine("a"), gone});
  EXPECT_TRUE(without.why.confident);
  EXPECT_TRUE(any_has(without.notes, "no verdict of relay r: it does not answer"));
}

TEST(FleetWhy, nothing_wrong_and_nothing_asked) {
  EXPECT_EQ(merge_fleet({fine("a"), fine("b")}).why.verdict,
            "nothing is wrong at both orchestrators: the slowest 1 % of answers take 2 ms at most, "
            "at a");
  EXPECT_EQ(merge_fleet({fine("a"), idle("b")}).why.verdict,
            "nothing is wrong at 1 of 2 orchestrators (a): the slowest 1 % of answers take 2 ms; "
            "nothing was asked of b");
  const auto nothing = merge_fleet({idle("a"), idle("b")});
  EXPECT_EQ(nothing.why.verdict, "nothing was asked of both orchestrators in the last seconds");
  EXPECT_EQ(nothing.why.samples, 0U);
  const auto nobody = merge_fleet({});
  EXPECT_FALSE(nobody.why.confident);
  EXPECT_EQ(nobody.why.verdict, "no orchestrator answered");
}

TEST(FleetWhy, only_unsure_verdicts_stay_unsure) {
  const auto same = merge_fleet({said("a", Cause::cpu, Stage::queue, "lanes", 80, false),
                                 said("b", Cause::cpu, Stage::queue, "lanes", 90, false)});
  EXPECT_FALSE(same.why.confident);
  EXPECT_EQ(same.why.cause, Cause::cpu);
  EXPECT_HAS(same.why.verdict, "perhaps: both orchestrators are slow");
  const auto unclear =
      merge_fleet({said("a", Cause::unclear, Stage::store_grant, "shard 0", 80, false)});
  EXPECT_FALSE(unclear.why.confident);
  EXPECT_EQ(unclear.why.verdict,
            "unclear: shard 0 holds up a (store_grant: unclear): the evidence of a");
}

TEST(FleetWhy, a_store_that_refuses_weighs_more_than_a_long_tail) {
  Asked refused = said("a", Cause::server, Stage::store_grant, "shard 0", 0);
  refused.why.share = 1;
  const auto fleet = merge_fleet({refused, said("b", Cause::cpu, Stage::queue, "lanes", 100)});
  EXPECT_EQ(fleet.why.resource, "shard 0");
}

TEST(FleetWhy, says_of_each_place_whom_it_hurts_and_who_uses_it) {
  const auto fleet = merge_fleet({slow_shard("a"), fine("b"), fine("c")});
  ASSERT_GE(fleet.places.size(), 3U);
  EXPECT_EQ(fleet.places[0].resource, "shard 1");
  EXPECT_EQ(fleet.places[0].hurt, std::vector<std::string>{"a"});
  EXPECT_EQ(fleet.places[0].fine, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(fleet.places[0].p99_low_ns, 3 * ms_ns);
  EXPECT_EQ(fleet.places[0].p99_high_ns, 503 * ms_ns);
  for (const auto& place : fleet.places) {
    EXPECT_EQ(place.cause == Cause::none, place.resource != "shard 1") << place.resource;
  }
}

TEST(FleetWhy, shares_of_all_stages_add_up) {
  const auto fleet = merge_fleet({slow_shard("a"), slow_shard("b", 90), idle("c")});
  double sum = 0;
  for (const auto& stage : fleet.why.stages) sum += stage.share;
  EXPECT_NEAR(sum, 1, 1e-9);
}

TEST(FleetWhy, clocks_that_differ_and_warnings_are_told_once) {
  Asked ahead = fine("a");
  ahead.clock_ahead_us = 200'000'000;
  Asked unsure = fine("b");
  unsure.clock_ahead_us = -2'500'000;
  unsure.clock_unsure_us = 600'000;
  Asked behind = fine("c");
  behind.clock_ahead_us = -2'500'000;
  ahead.why.warning = "no relay of shard 0 is heard for 14 s";
  behind.why.warning = "no relay of shard 0 is heard for 9 s";
  const auto fleet = merge_fleet({ahead, unsure, behind});
  EXPECT_TRUE(any_has(fleet.notes, "the clock of orchestrator a is 3 min 20 s ahead of ours"));
  EXPECT_TRUE(any_has(fleet.notes, "the clock of orchestrator c is 3 s behind ours"));
  EXPECT_FALSE(any_has(fleet.notes, "orchestrator b"));
  EXPECT_TRUE(any_has(fleet.notes, "warning of a and c: no relay of shard 0 is heard for 14 s"));
}

TEST(FleetWhy, says_where_one_lane_is_busy_and_not_all) {
  Asked uneven = fine("a");
  uneven.why.lanes = {{0.1, 0}, {0.7, 0.2}, {0.12, 0}};
  Asked even = fine("b");
  even.why.lanes = {{0.8, 0}, {0.9, 0}};
  Asked quiet = fine("c");
  quiet.why.lanes = {{0.3, 0}, {0.01, 0}};
  const auto fleet = merge_fleet({uneven, even, quiet});
  ASSERT_EQ(fleet.notes.size(), 1U);
  EXPECT_EQ(fleet.notes[0],
            "lane 1 of a wants 90 % of a core, the other 2 at most 12 %: it is one lane, not all");
}

TEST(FleetWhy, many_names_are_counted) {
  EXPECT_EQ(names_of({"a"}), "a");
  EXPECT_EQ(names_of({"a", "b"}), "a and b");
  EXPECT_EQ(names_of({"a", "b", "c", "d"}), "a, b, c and d");
  EXPECT_EQ(names_of({"a", "b", "c", "d", "e"}), "a, b, c and 2 more");
}

}  // namespace
}  // namespace hunt::engine
