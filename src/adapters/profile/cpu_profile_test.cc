// A function that is known to use the CPU has to be in the profile, with who called it.
#include "adapters/profile/cpu_profile.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "adapters/profile/stack_sampler.h"

namespace hunt::profile {
namespace {

using namespace std::chrono_literals;

std::atomic<bool> over{false};
std::atomic<double> sink{0};

__attribute__((noinline)) void burn_in_our_own_code() {
  double sum = 0;
  for (int i = 1; i < 100'000; ++i) sum += 1.0 / i;
  sink = sum;
}

int by_size(const void* left, const void* right) {
  return *static_cast<const int*>(left) - *static_cast<const int*>(right);
}

__attribute__((noinline)) void burn_in_a_library() {
  std::vector<int> numbers(50'000);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = static_cast<int>(i * 2'654'435'761U % 100'003);
  std::qsort(numbers.data(), numbers.size(), sizeof numbers[0], by_size);
  sink = numbers[7];
}

__attribute__((noinline)) void loop(void (*burn)()) {
  while (!over) burn();
}

struct Burning {
  explicit Burning(void (*burn)()) : thread(loop, burn) {}
  ~Burning() {
    over = true;
    thread.join();
    over = false;
  }
  std::thread thread;
};

std::string folded(const model::Profile& profile, const model::ProfileStack& stack) {
  std::string text;
  for (const std::uint32_t frame : stack.frames) text += profile.frames[frame].name + ";";
  return text;
}

// Samples of stacks in which all of `names` are, in that order.
std::int64_t samples_of(const model::Profile& profile, const std::vector<std::string>& names) {
  std::int64_t sum = 0;
  for (const auto& stack : profile.stacks) {
    const std::string text = folded(profile, stack);
    std::size_t at = 0;
    const bool all = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      at = text.find(name, at);
      return at != std::string::npos;
    });
    if (all) sum += stack.samples;
  }
  return sum;
}

std::int64_t all_samples(const model::Profile& profile) {
  std::int64_t sum = 0;
  for (const auto& stack : profile.stacks) sum += stack.samples;
  return sum;
}

std::string everything(const model::Profile& profile) {
  std::string text;
  for (const auto& stack : profile.stacks)
    text += folded(profile, stack) + " " + std::to_string(stack.samples) + "\n";
  return text;
}

TEST(CpuProfile, names_what_burns_and_who_called_it) {
  const Burning burning(burn_in_our_own_code);
  const auto profile = take_cpu_profile(1s, {});
  ASSERT_TRUE(profile.has_value()) << profile.error().message;
  const auto there = samples_of(*profile, {"loop(", "burn_in_our_own_code"});
  EXPECT_GT(there, 5);
  EXPECT_GE(there * 10, all_samples(*profile) * 8) << everything(*profile);
  EXPECT_FALSE(profile->build_id.empty());
}

// libc has no frame pointers: who called it must not be lost, nor whom it calls.
TEST(CpuProfile, finds_the_way_out_of_a_library) {
  const Burning burning(burn_in_a_library);
  const auto profile = take_cpu_profile(1s, {});
  ASSERT_TRUE(profile.has_value()) << profile.error().message;
#ifdef __SANITIZE_ADDRESS__
  const std::int64_t tenths = 1;  // its own qsort stands between, with stacks that end early
#else
  const std::int64_t tenths = 8;
#endif
  const auto there = samples_of(*profile, {"loop(", "burn_in_a_library"});
  EXPECT_GE(there * 10, all_samples(*profile) * tenths) << everything(*profile);
  const auto back = samples_of(*profile, {"loop(", "burn_in_a_library", "libc", "by_size"}) +
                    samples_of(*profile, {"loop(", "burn_in_a_library", "qsort", "by_size"});
  EXPECT_GT(back, 0) << everything(*profile);
}

TEST(CpuProfile, is_one_at_a_time_and_ends_when_it_is_told) {
  const auto first = StackSampler::start();
  ASSERT_TRUE(first.has_value());
  const auto second = take_cpu_profile(1s, {});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::overloaded);
}

TEST(CpuProfile, stops_early) {
  std::stop_source source;
  source.request_stop();
  const auto profile = take_cpu_profile(1h, source.get_token());
  ASSERT_TRUE(profile.has_value());
  EXPECT_LT(profile->duration_ns, 60'000'000'000);
}

// A signal of somebody else's, or one that comes late, ends nothing.
TEST(CpuProfile, a_foreign_signal_does_nothing) {
  ASSERT_TRUE(take_cpu_profile(10ms, {}).has_value());
  ASSERT_EQ(raise(SIGPROF), 0);
  const auto running = StackSampler::start();
  ASSERT_TRUE(running.has_value());
  ASSERT_EQ(raise(SIGPROF), 0);
}

TEST(CpuProfile, threads_that_come_and_go_are_no_trouble) {
  std::atomic<bool> stop{false};
  std::thread maker([&stop] {
    while (!stop) std::thread(burn_in_our_own_code).join();
  });
  const auto profile = take_cpu_profile(500ms, {});
  stop = true;
  maker.join();
  ASSERT_TRUE(profile.has_value());
}

}  // namespace
}  // namespace hunt::profile
