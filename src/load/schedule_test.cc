#include "load/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/prng.h"

namespace hunt::load {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

Phase phase(std::int64_t seconds, std::uint64_t rate_begin, std::uint64_t rate_end,
            std::uint32_t players_begin = 1, std::uint32_t players_end = 1) {
  return {seconds * second_ns, players_begin, players_end, rate_begin, rate_end};
}

// Sends all of it in batches of random sizes; returns how many positions.
std::uint64_t play(const Schedule& schedule, Prng& prng, std::uint64_t batch_max) {
  std::uint64_t sent = 0;
  std::int64_t last_ns = 0;
  while (const auto due = schedule.due_ns(sent)) {
    EXPECT_GE(*due, last_ns);
    EXPECT_LE(*due, schedule.duration_ns());
    last_ns = *due;
    sent += 1 + prng.below(batch_max);
  }
  return sent;
}

TEST(Schedule, is_even_at_one_rate) {
  const Schedule schedule({phase(10, 1'000, 1'000)});
  EXPECT_EQ(schedule.due_ns(0), 0);
  EXPECT_EQ(schedule.due_ns(1), 1'000'000);
  EXPECT_EQ(schedule.due_ns(9'999), 9'999'000'000);
  EXPECT_EQ(schedule.due_ns(10'000), std::nullopt);
  EXPECT_EQ(schedule.due_before(second_ns), 1'000U);
}

TEST(Schedule, does_not_drift_in_a_day_at_a_rate_that_divides_nothing) {
  const Schedule schedule({phase(86'400, 7, 7)});
  EXPECT_EQ(schedule.due_ns(7ULL * 86'399), 86'399 * second_ns);
  EXPECT_EQ(schedule.due_ns(1), 142'857'143);  // never early: rounded up
}

TEST(Schedule, a_ramp_has_the_area_of_its_triangle) {
  const Schedule schedule({phase(360, 0, 120'000)});
  EXPECT_EQ(schedule.due_before(schedule.duration_ns()), 360ULL * 120'000 / 2);
  // A quarter of the positions are due by half of the time.
  EXPECT_EQ(schedule.due_ns(360ULL * 120'000 / 8), 180 * second_ns);
  EXPECT_DOUBLE_EQ(schedule.rate_at(180 * second_ns), 60'000);
}

TEST(Schedule, players_and_rate_change_together) {
  const Schedule schedule({phase(10, 300, 2'800, 3'000, 28'000), phase(5, 2'800, 0, 28'000, 1)});
  EXPECT_EQ(schedule.players_at(0), 3'000U);
  EXPECT_EQ(schedule.players_at(5 * second_ns), 15'500U);
  EXPECT_EQ(schedule.players_at(10 * second_ns), 28'000U);
  EXPECT_EQ(schedule.players_at(15 * second_ns), 1U);
  EXPECT_EQ(schedule.players_at(99 * second_ns), 1U);
  EXPECT_EQ(schedule.players_max(), 28'000U);
  EXPECT_EQ(schedule.rate_at(15 * second_ns), 0);
}

TEST(Schedule, nothing_is_due_while_the_rate_is_zero) {
  const Schedule schedule({phase(2, 0, 0), phase(1, 10, 10), phase(3, 0, 0), phase(1, 10, 10)});
  EXPECT_EQ(schedule.due_ns(0), 2 * second_ns);
  EXPECT_EQ(schedule.due_ns(9), 2'900'000'000);
  EXPECT_EQ(schedule.due_ns(10), 6 * second_ns);
  EXPECT_EQ(schedule.due_ns(20), std::nullopt);
  EXPECT_EQ(Schedule({phase(1, 0, 0)}).due_ns(0), std::nullopt);
}

// The batches of any run add up to the integral of its rate, within the last batch, in order.
TEST(Schedule, batches_add_up_to_the_integral_of_the_rate) {
  Prng prng(20'261);
  for (int round = 0; round < 300; ++round) {
    std::vector<Phase> phases;
    std::uint64_t area = 0;  // twice the positions times nanoseconds a second
    const std::uint64_t count = 1 + prng.below(5);
    for (std::uint64_t i = 0; i < count; ++i) {
      Phase one;
      one.duration_ns = 1 + static_cast<std::int64_t>(prng.below(20 * second_ns));
      one.rate_begin = prng.below(3) == 0 ? 0 : prng.below(2'000);
      one.rate_end = prng.below(2) == 0 ? one.rate_begin : prng.below(2'000);
      area += (one.rate_begin + one.rate_end) * static_cast<std::uint64_t>(one.duration_ns);
      phases.push_back(one);
    }
    const Schedule schedule(std::move(phases));
    const std::uint64_t whole = (area + 2 * second_ns - 1) / (2 * second_ns);
    const std::uint64_t batch_max = 1 + prng.below(100);
    const std::uint64_t sent = play(schedule, prng, batch_max);
    EXPECT_GE(sent, whole);
    EXPECT_LT(sent, whole + batch_max);
    EXPECT_EQ(schedule.due_before(schedule.duration_ns()), whole);
  }
}

// What is due by a moment and when it is due say the same.
TEST(Schedule, due_times_are_the_inverse_of_the_integral) {
  Prng prng(4);
  for (int round = 0; round < 2'000; ++round) {
    const Schedule schedule(
        {phase(1 + static_cast<std::int64_t>(prng.below(50)), prng.below(5'000), prng.below(5'000)),
         phase(3, 100, 1 + prng.below(100'000))});
    const auto moment_ns = static_cast<std::int64_t>(
        prng.below(static_cast<std::uint64_t>(schedule.duration_ns() - 1)));
    const std::uint64_t due = schedule.due_before(moment_ns);
    if (due > 0) {
      EXPECT_LE(schedule.due_ns(due - 1).value_or(INT64_MAX), moment_ns);
    }
    const auto next = schedule.due_ns(due);
    EXPECT_GE(next.value_or(INT64_MAX), moment_ns);
  }
}

TEST(Schedule, holds_the_largest_phase) {
  Phase most;
  most.duration_ns = Phase::ramp_ns_max;
  most.rate_begin = Phase::rate_max;
  most.rate_end = 0;
  const Schedule schedule({most});
  EXPECT_EQ(schedule.due_before(schedule.duration_ns()), Phase::rate_max * 86'400 / 2);
  EXPECT_EQ(schedule.due_ns(Phase::rate_max * 86'400 / 8 * 3), 43'200 * second_ns);
}

}  // namespace
}  // namespace hunt::load
