#include "engine/why_history.h"

#include <gtest/gtest.h>

namespace hunt::engine {
namespace {

constexpr std::int64_t s = 1'000'000'000;
constexpr std::int64_t wall_s = 1'000'000;  // of the wall clock, in microseconds
constexpr std::int64_t start_us = 1'790'000'000'000'000;

// The wall clock and the monotonic one go together; the latter has begun elsewhere.
WhyHistory::Now now_at(std::int64_t seconds) {
  return {777 * s + seconds * s, start_us + seconds * wall_s};
}

model::Why bad(std::int64_t tail_ms, const std::string& resource = "shard 1") {
  model::Why why;
  why.verdict = "the slowest take " + std::to_string(tail_ms) + " ms";
  why.cause = model::Cause::round_trip;
  why.stage = model::Stage::store_grant;
  why.resource = resource;
  why.confident = true;
  why.tail_ns = tail_ms * 1'000'000;
  why.samples = 100;
  return why;
}

model::Why fine() {
  model::Why why;
  why.verdict = "nothing is wrong";
  why.confident = true;
  why.samples = 100;
  why.tail_ns = 1'000'000;
  return why;
}

TEST(WhyHistory, looks_every_ten_seconds) {
  WhyHistory history;
  EXPECT_TRUE(history.is_due(now_at(0).ns));
  history.add(now_at(0).ns, fine());
  EXPECT_FALSE(history.is_due(now_at(9).ns));
  EXPECT_TRUE(history.is_due(now_at(10).ns));
}

TEST(WhyHistory, tells_spells_with_their_worst_look) {
  WhyHistory history;
  EXPECT_TRUE(history.since(0, now_at(0)).spells.empty());
  EXPECT_EQ(history.since(0, now_at(0)).kept_from_us, 0);
  for (int i = 1; i <= 3; ++i) history.add(now_at(i * 10).ns, fine());
  history.add(now_at(40).ns, bad(300));
  history.add(now_at(50).ns, bad(503));
  history.add(now_at(60).ns, bad(200));
  history.add(now_at(70).ns, fine());
  const auto past = history.since(0, now_at(71));
  EXPECT_EQ(past.kept_from_us, start_us);
  ASSERT_EQ(past.spells.size(), 3U);
  EXPECT_EQ(past.spells[0].why.cause, model::Cause::none);
  EXPECT_EQ(past.spells[0].looks, 3U);
  EXPECT_EQ(past.spells[0].to_us, start_us + 30 * wall_s);
  EXPECT_EQ(past.spells[1].from_us, start_us + 30 * wall_s);
  EXPECT_EQ(past.spells[1].to_us, start_us + 60 * wall_s);
  EXPECT_EQ(past.spells[1].why.verdict, "the slowest take 503 ms");
  EXPECT_EQ(past.spells[1].why.resource, "shard 1");
  EXPECT_EQ(past.spells[2].looks, 1U);
}

TEST(WhyHistory, another_place_is_another_spell_and_what_is_idle_is_not_what_is_fine) {
  WhyHistory history;
  history.add(now_at(10).ns, bad(100, "shard 0"));
  history.add(now_at(20).ns, bad(100, "shard 1"));
  model::Why idle = fine();
  idle.samples = 0;
  history.add(now_at(30).ns, idle);
  history.add(now_at(40).ns, fine());
  EXPECT_EQ(history.since(0, now_at(41)).spells.size(), 4U);
}

TEST(WhyHistory, begins_where_it_is_asked_for) {
  WhyHistory history;
  for (int i = 1; i <= 20; ++i) history.add(now_at(i * 10).ns, i < 11 ? bad(100) : fine());
  const auto past = history.since(start_us + 95 * wall_s, now_at(200));
  ASSERT_EQ(past.spells.size(), 2U);
  EXPECT_EQ(past.spells[0].from_us, start_us + 95 * wall_s);
  EXPECT_EQ(past.kept_from_us, start_us);
}

TEST(WhyHistory, a_process_that_stood_still_has_a_spell_without_looks) {
  WhyHistory history;
  history.add(now_at(10).ns, fine());
  history.add(now_at(300).ns, fine());
  const auto past = history.since(0, now_at(400));
  ASSERT_EQ(past.spells.size(), 4U);
  EXPECT_EQ(past.spells[1].looks, 0U);
  EXPECT_EQ(past.spells[1].from_us, start_us + 10 * wall_s);
  EXPECT_EQ(past.spells[1].to_us, start_us + 290 * wall_s);
  EXPECT_EQ(past.spells[3].looks, 0U);
  EXPECT_EQ(past.spells[3].to_us, start_us + 400 * wall_s);
  EXPECT_TRUE(history.at(start_us + 150 * wall_s, now_at(400)).spells.empty());
}

TEST(WhyHistory, finds_the_look_that_covers_a_moment) {
  WhyHistory history;
  for (int i = 1; i <= 5; ++i) history.add(now_at(i * 10).ns, bad(i * 100));
  const auto verdict_at = [&history](std::int64_t seconds) {
    const auto past = history.at(start_us + seconds * wall_s, now_at(62));
    return past.spells.empty() ? "" : past.spells[0].why.verdict;
  };
  EXPECT_EQ(verdict_at(11), "the slowest take 200 ms");
  EXPECT_EQ(verdict_at(20), "the slowest take 200 ms");
  EXPECT_EQ(verdict_at(21), "the slowest take 300 ms");
  EXPECT_EQ(verdict_at(55), "the slowest take 500 ms");
  EXPECT_EQ(verdict_at(-1), "");
  EXPECT_EQ(verdict_at(3), "the slowest take 100 ms");
}

TEST(WhyHistory, keeps_an_hour_and_no_more_and_cuts_long_texts) {
  WhyHistory history;
  for (int i = 1; i <= 1'000; ++i) {
    model::Why why = bad(i);
    why.verdict = std::string(383, 'v') + "\xc3\xa9" + std::string(10'000, 'v');
    why.warning = std::string(10'000, 'w');
    history.add(now_at(i * 10).ns, why);
  }
  const auto past = history.since(0, now_at(10'000));
  ASSERT_EQ(past.spells.size(), 1U);
  EXPECT_EQ(past.spells[0].looks, 360U);
  EXPECT_EQ(past.kept_from_us, start_us + 6'400 * wall_s);
  EXPECT_EQ(past.spells[0].why.tail_ns, 1'000'000'000);
  // A character is kept whole or not at all.
  EXPECT_EQ(past.spells[0].why.verdict, std::string(383, 'v'));
  EXPECT_EQ(past.spells[0].why.warning, std::string(192, 'w'));
}

// The wall clock is set by an hour: what was kept moves with it and stays in order.
TEST(WhyHistory, a_clock_that_is_set_puts_nothing_out_of_order) {
  WhyHistory history;
  for (int i = 1; i <= 5; ++i) history.add(now_at(i * 10).ns, fine());
  WhyHistory::Now now = now_at(50);
  now.us -= 3'600 * wall_s;
  const auto past = history.since(0, now);
  ASSERT_EQ(past.spells.size(), 1U);
  EXPECT_EQ(past.spells[0].to_us, now.us);
}

}  // namespace
}  // namespace hunt::engine
