#include "engine/fleet_past.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace hunt::engine {
namespace {

using model::Absence;
using model::Asked;
using model::Cause;

constexpr std::int64_t s = 1'000'000;
const std::int64_t now_us = parse_time_us("2026-11-29T14:10:00Z").value();

model::Spell spell(std::int64_t from_s, std::int64_t to_s, Cause cause, std::int64_t tail_ms,
                   const std::string& resource = "shard 1") {
  model::Spell one;
  one.from_us = now_us - from_s * s;
  one.to_us = now_us - to_s * s;
  one.looks = 1;
  one.why.cause = cause;
  one.why.confident = cause != Cause::unclear;
  one.why.stage = model::Stage::store_grant;
  one.why.resource = resource;
  one.why.timeline = "claims";
  one.why.share = 0.9;
  one.why.tail_ns = tail_ms * 1'000'000;
  one.why.samples = 100;
  one.why.verdict = "the slowest take " + std::to_string(tail_ms) + " ms";
  return one;
}

// Ten minutes ago the trouble began, five minutes ago it was over.
Asked process(const std::string& name, std::int64_t tail_ms = 503) {
  Asked asked;
  asked.process.name = name;
  asked.process.kind = "orchestrator";
  asked.process.started_us = now_us - 7'200 * s;
  asked.past.kept_from_us = now_us - 3'600 * s;
  asked.past.spells = {spell(3'600, 600, Cause::none, 2),
                       spell(600, 300, Cause::round_trip, tail_ms), spell(300, 3, Cause::none, 2)};
  return asked;
}

TEST(FleetPast, tells_the_trouble_after_it_is_over) {
  const auto past = merge_past({process("a"), process("b", 400)}, now_us - 1'200 * s, now_us);
  ASSERT_EQ(past.spells.size(), 3U);
  EXPECT_EQ(past.spells[0].fleet.why.cause, Cause::none);
  EXPECT_EQ(past.spells[1].fleet.why.cause, Cause::round_trip);
  EXPECT_EQ(past.spells[1].from_us, now_us - 600 * s);
  EXPECT_EQ(past.spells[1].to_us, now_us - 300 * s);
  EXPECT_EQ(past.spells[1].fleet.why.tail_ns, 503'000'000);
  EXPECT_EQ(past.spells[1].fleet.places[0].hurt.size(), 2U);
  EXPECT_EQ(past.spells[2].to_us, now_us);
  EXPECT_EQ(past.verdict,
            "since 13:50:00 UTC something was wrong for 5 min: from 14:00:00 to 14:05:00, when the "
            "tail was 503 ms long: shard 1 holds up both orchestrators (store_grant: round_trip): "
            "at a the slowest take 503 ms");
  EXPECT_TRUE(past.notes.empty());
}

TEST(FleetPast, one_of_two_stays_one_of_two) {
  Asked other = process("b");
  other.past.spells = {spell(3'600, 3, Cause::none, 2)};
  const auto past = merge_past({process("a"), other}, now_us - 1'200 * s, now_us);
  ASSERT_EQ(past.spells.size(), 3U);
  EXPECT_NE(past.spells[1].fleet.why.verdict.find("1 of 2 orchestrators (a)"), std::string::npos)
      << past.spells[1].fleet.why.verdict;
}

TEST(FleetPast, a_clock_that_is_minutes_off_is_brought_to_ours) {
  Asked ahead = process("b");
  ahead.clock_ahead_us = 240 * s;
  ahead.past.kept_from_us += 240 * s;
  for (auto& one : ahead.past.spells) one.from_us += 240 * s, one.to_us += 240 * s;
  const auto past = merge_past({process("a"), ahead}, now_us - 1'200 * s, now_us);
  ASSERT_EQ(past.spells.size(), 3U);
  EXPECT_EQ(past.spells[1].from_us, now_us - 600 * s);
  EXPECT_EQ(past.spells[1].fleet.places[0].hurt.size(), 2U);
  ASSERT_EQ(past.notes.size(), 1U);
  EXPECT_EQ(past.notes[0], "the clock of orchestrator b is 4 min ahead of ours");
}

TEST(FleetPast, a_short_pause_is_part_of_the_trouble_and_a_long_one_is_not) {
  Asked asked = process("a");
  asked.past.spells = {spell(600, 400, Cause::round_trip, 503), spell(400, 380, Cause::none, 2),
                       spell(380, 300, Cause::unclear, 700), spell(300, 200, Cause::none, 2),
                       spell(200, 3, Cause::round_trip, 503)};
  const auto past = merge_past({asked}, now_us - 600 * s, now_us);
  ASSERT_EQ(past.spells.size(), 3U);
  // Who is not sure agrees, and its tail counts.
  EXPECT_EQ(past.spells[0].to_us, now_us - 300 * s);
  EXPECT_EQ(past.spells[0].fleet.why.cause, Cause::round_trip);
  EXPECT_EQ(past.spells[0].fleet.why.tail_ns, 700'000'000);
  EXPECT_EQ(past.spells[1].fleet.why.cause, Cause::none);
  EXPECT_NE(past.verdict.find("2 spells, the worst from"), std::string::npos) << past.verdict;
}

TEST(FleetPast, what_is_not_kept_is_not_called_fine) {
  Asked young = process("a");
  young.process.started_us = now_us - 120 * s;
  young.past.kept_from_us = now_us - 120 * s;
  young.past.spells = {spell(120, 3, Cause::none, 2)};
  const auto past = merge_past({young}, now_us - 600 * s, now_us);
  ASSERT_EQ(past.spells.size(), 2U);
  EXPECT_FALSE(past.spells[0].kept);
  EXPECT_EQ(past.spells[0].to_us, now_us - 120 * s);
  EXPECT_EQ(past.verdict,
            "since 14:00:00 UTC nothing was wrong; of 8 min before or between nothing is kept");
  ASSERT_EQ(past.notes.size(), 1U);
  EXPECT_EQ(past.notes[0], "a remembers from 14:08:00 UTC on, when it started");
  young.past = {};
  const auto nothing = merge_past({young}, now_us - 600 * s, now_us);
  EXPECT_EQ(nothing.verdict, "since 14:00:00 UTC nothing was kept");
  EXPECT_EQ(nothing.notes[0], "a remembers nothing yet");
}

TEST(FleetPast, one_that_stood_still_is_named_then) {
  Asked stopped = process("b");
  stopped.past.spells = {spell(3'600, 600, Cause::none, 2), spell(600, 300, Cause::none, 0),
                         spell(300, 3, Cause::none, 2)};
  stopped.past.spells[1].looks = 0;
  Asked other = process("a");
  other.past.spells = {spell(3'600, 3, Cause::none, 2)};
  const auto past = merge_past({other, stopped}, now_us - 1'200 * s, now_us);
  ASSERT_EQ(past.spells.size(), 3U);
  EXPECT_EQ(past.spells[1].fleet.absent, 1U);
  EXPECT_FALSE(past.spells[1].fleet.why.confident);
  EXPECT_NE(past.spells[1].fleet.why.verdict.find("b does not answer"), std::string::npos);
  EXPECT_NE(past.verdict.find("something was wrong for 5 min: from 14:00:00 to 14:05:00: b does"),
            std::string::npos)
      << past.verdict;
}

TEST(FleetPast, who_is_absent_now_is_named_and_an_hour_is_all) {
  Asked gone = process("b");
  gone.absence = Absence::silent;
  gone.reason = "it does not answer";
  const auto past = merge_past({process("a"), gone}, now_us - 86'400 * s, now_us);
  EXPECT_EQ(past.from_us, now_us - 3'600 * s);
  ASSERT_EQ(past.notes.size(), 1U);
  EXPECT_EQ(past.notes[0], "no verdict of orchestrator b: it does not answer");
  const auto now = merge_past({process("a")}, now_us, now_us);
  EXPECT_TRUE(now.spells.empty());
}

}  // namespace
}  // namespace hunt::engine
