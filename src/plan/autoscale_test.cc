// What holds of every rush, and the autoscaler's published examples.
#include "plan/autoscale.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/prng.h"

namespace hunt::plan {
namespace {

Pod a_pod() {
  return {.per_second = 100, .start_s = 10};
}

// At once from `base` to `peak`.
Rush a_step(double base, double peak) {
  return {.base = base, .peak = peak, .before_s = 300, .ramp_s = 0, .peak_s = 900};
}

int pods_at(const Course& course, int second) {
  return course.seconds[static_cast<std::size_t>(second)].pods;
}

TEST(Rush, goes_up_and_comes_back) {
  const Rush rush{.base = 10, .peak = 110, .before_s = 10, .ramp_s = 100, .peak_s = 50};
  EXPECT_EQ(rush.length_s(), 270);
  EXPECT_DOUBLE_EQ(rush.at(0), 10);
  EXPECT_DOUBLE_EQ(rush.at(10), 10);
  EXPECT_DOUBLE_EQ(rush.at(60), 60);
  EXPECT_DOUBLE_EQ(rush.at(110), 110);
  EXPECT_DOUBLE_EQ(rush.at(159), 110);
  EXPECT_DOUBLE_EQ(rush.at(210), 60);
  EXPECT_DOUBLE_EQ(rush.at(269), 10);
}

// The documentation's example: twice the target doubles the pods, half of it halves them.
TEST(Autoscale, wants_pods_in_proportion) {
  const Course twice = rehearse(a_step(10 * 100 * 0.6, 10 * 100 * 1.0), a_pod(), {});
  EXPECT_EQ(pods_at(twice, 314), 10);
  EXPECT_EQ(pods_at(twice, 315), 17) << "ceil(10 * 1.0 / 0.6), at the sync that saw it";
  EXPECT_EQ(twice.behind_s, 0);
}

TEST(Autoscale, leaves_alone_what_is_within_the_tolerance) {
  for (const double share : {0.55, 0.6, 0.65}) {
    const Course course = rehearse(a_step(10 * 100 * 0.6, 10 * 100 * share), a_pod(), {});
    EXPECT_EQ(course.pods_most, 10) << share;
  }
  const Course more = rehearse(a_step(10 * 100 * 0.6, 10 * 100 * 0.67), a_pod(), {});
  EXPECT_GT(more.pods_most, 10);
}

// CPU cannot be more than all of it: whoever is ten times over does not see by how much.
TEST(Autoscale, climbs_in_steps_where_all_cpu_is_used) {
  const Course course = rehearse(a_step(600, 10'000), a_pod(), {.pods_max = 1'000});
  EXPECT_EQ(pods_at(course, 315), 17);
  EXPECT_LE(pods_at(course, 330), 29);
  EXPECT_GE(course.pods_most, 100);
  EXPECT_GT(course.behind_s, 30);
}

TEST(Autoscale, a_step_up_is_bounded_by_the_larger_policy) {
  const Autoscaler low{.target = 0.1, .pods_min = 4, .pods_max = 1'000};
  const Course few = rehearse(a_step(40, 400), a_pod(), low);
  EXPECT_EQ(pods_at(few, 315), 14) << "10 pods more";
  const Autoscaler high{.target = 0.1, .pods_min = 40, .pods_max = 1'000};
  const Course many = rehearse(a_step(400, 4'000), a_pod(), high);
  EXPECT_EQ(pods_at(many, 315), 80) << "all of them again";
}

TEST(Autoscale, goes_down_late_and_slowly) {
  Rush rush{.base = 600, .peak = 3'000, .before_s = 300, .ramp_s = 0, .peak_s = 600};
  rush.before_s = 1'500;
  const Course course = rehearse(rush, a_pod(), {});
  const int over = 2'100;
  const int most = course.pods_most;
  EXPECT_GE(most, 50);
  EXPECT_EQ(pods_at(course, over + 590), most);
  EXPECT_EQ(pods_at(course, over + 630), most - most / 10);
  EXPECT_GE(pods_at(course, over + 750), most * 7 / 10 - 1);
}

TEST(Autoscale, on_lag_nothing_happens_before_something_waits) {
  const Autoscaler lag{.signal = Signal::lag, .lag_per_pod = 100};
  const Course fits = rehearse(a_step(100, 999), a_pod(), lag);
  EXPECT_EQ(fits.pods_most, 10);
  EXPECT_EQ(fits.behind_s, 0);
  const Course over = rehearse(a_step(100, 1'500), a_pod(), lag);
  EXPECT_GT(over.behind_s, 0);
  EXPECT_GT(over.pods_most, 10);
}

Autoscaler any_autoscaler(Prng& random, Signal signal) {
  Autoscaler made;
  made.signal = signal;
  made.target = 0.2 + 0.6 * static_cast<double>(random.below(100)) / 100;
  made.lag_per_pod = 50 + static_cast<double>(random.below(1'000));
  made.pods_min = 1 + static_cast<int>(random.below(20));
  made.pods_max = made.pods_min + static_cast<int>(random.below(100));
  return made;
}

Rush any_rush(Prng& random) {
  const double base = static_cast<double>(random.below(1'000));
  return {.base = base,
          .peak = base + static_cast<double>(random.below(10'000)),
          .before_s = static_cast<int>(random.below(300)),
          .ramp_s = static_cast<int>(random.below(300)),
          .peak_s = static_cast<int>(random.below(900))};
}

TEST(Autoscale, of_every_rush_and_every_setting) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Prng random(seed);
    const auto signal = seed % 2 == 0 ? Signal::cpu : Signal::lag;
    const Autoscaler scaler = any_autoscaler(random, signal);
    const Rush rush = any_rush(random);
    const Course course = rehearse(rush, a_pod(), scaler);
    ASSERT_EQ(course.seconds.size(), static_cast<std::size_t>(rush.length_s())) << seed;
    double came = 0;
    double waited = 0;
    int before = scaler.pods_min;
    for (std::size_t i = 0; i < course.seconds.size(); ++i) {
      const Second& one = course.seconds[i];
      came += one.load;
      // Bounds, and what is ready is no more than what was wanted.
      ASSERT_GE(one.pods, scaler.pods_min) << seed;
      ASSERT_LE(one.pods, scaler.pods_max) << seed;
      ASSERT_LE(one.capacity, one.pods * 100.0 + 1e-6) << seed;
      // Nothing is lost or made: what waits grew by what came, less what was taken.
      ASSERT_GE(one.waiting, 0) << seed;
      ASSERT_GE(one.waiting, waited + one.load - one.capacity - 1e-6) << seed;
      ASSERT_LE(one.waiting, waited + one.load + 1e-6) << seed;
      // It changes its mind at a sync alone.
      if (i % 15 != 0) {
        ASSERT_EQ(one.pods, before) << seed << " at " << i;
      }
      ASSERT_LE(one.pods, std::max(2 * before, before + 10)) << seed;
      waited = one.waiting;
      before = one.pods;
    }
    EXPECT_LE(course.waiting_max, came + 1e-6) << seed;
  }
}

TEST(Autoscale, with_the_pods_to_begin_with_nothing_waits_and_with_one_less_something_does) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Prng random(seed);
    const Rush rush = any_rush(random);
    Autoscaler scaler = any_autoscaler(random, seed % 2 == 0 ? Signal::cpu : Signal::lag);
    const int pods = pods_to_begin_with(rush, a_pod(), scaler);
    ASSERT_LE(pods, pods_for(rush.peak, a_pod())) << seed;
    scaler.pods_max = std::max(scaler.pods_max, 2 * pods_for(rush.peak, a_pod()));
    scaler.pods_min = pods;
    EXPECT_EQ(rehearse(rush, a_pod(), scaler).behind_s, 0) << seed;
    if (pods == 1) continue;
    scaler.pods_min = pods - 1;
    EXPECT_GT(rehearse(rush, a_pod(), scaler).behind_s, 0) << seed;
  }
}

// The longest rush that `hunt plan` takes, of the most pods.
TEST(Autoscale, the_largest_rush_is_rehearsed_too) {
  const Pod pod{.per_second = 1, .start_s = 3'600};
  const double most = pods_rehearsed_max;
  const Rush rush{.base = most / 10, .peak = most, .ramp_s = 86'400};
  for (const Signal signal : {Signal::cpu, Signal::lag}) {
    Autoscaler scaler{.signal = signal, .target = 0.01, .lag_per_pod = 1, .pods_min = 1};
    EXPECT_GT(rehearse(rush, pod, scaler).waiting_max, 3e9) << "more pods than an int has";
    const int pods = pods_to_begin_with(rush, pod, scaler);
    EXPECT_GT(pods, 0);
    EXPECT_LE(pods, pods_rehearsed_max);
  }
}

TEST(Autoscale, says_where_it_may_not_have_what_it_wants) {
  const Course course = rehearse(a_step(600, 20'000), a_pod(), {});
  EXPECT_TRUE(course.is_capped);
  EXPECT_EQ(course.pods_most, 50);
  EXPECT_GT(course.waiting_max, 1e6);
  EXPECT_FALSE(rehearse(a_step(600, 1'000), a_pod(), {}).is_capped);
}

}  // namespace
}  // namespace hunt::plan
