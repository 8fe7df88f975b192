// Who holds memory has to be named, with as much as it holds; what is freed is not held any more.
#include "adapters/profile/heap_sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "adapters/profile/heap_profile.h"

namespace hunt::profile {
namespace {

// One for the whole process: what samples stand for goes by it.
constexpr std::size_t mean_bytes = 16 * 1'024;

using Pieces = std::vector<std::unique_ptr<std::byte[]>>;

__attribute__((noinline)) void planted_leak(Pieces& kept, std::size_t pieces, std::size_t bytes) {
  for (std::size_t i = 0; i < pieces; ++i) kept.push_back(std::make_unique<std::byte[]>(bytes));
}
__attribute__((noinline)) void planted_caller(Pieces& kept, std::size_t pieces, std::size_t bytes) {
  planted_leak(kept, pieces, bytes);
  kept.shrink_to_fit();
}

struct Held {
  std::int64_t objects = 0;
  std::int64_t bytes = 0;
  std::int64_t allocated_bytes = 0;
};

Held held_by(const model::Profile& profile, const std::string& caller, const std::string& name) {
  Held held;
  for (const auto& stack : profile.stacks) {
    std::string text;
    for (const std::uint32_t frame : stack.frames) text += profile.frames[frame].name + ";";
    const std::size_t at = text.find(caller);
    if (at == std::string::npos || text.find(name, at) == std::string::npos) continue;
    held.objects += stack.heap.used_objects;
    held.bytes += stack.samples;
    held.allocated_bytes += stack.heap.allocated_bytes;
  }
  return held;
}

Held planted() {
  const auto profile = take_heap_profile({});
  EXPECT_TRUE(profile.has_value()) << profile.error().message;
  if (!profile) return {};
  return held_by(*profile, "planted_caller", "planted_leak");
}

std::int64_t used_bytes() {
  std::int64_t sum = 0;
  each_heap_site([&sum](const HeapSite& site) { sum += site.used_bytes; });
  return sum;
}

class HeapSampler : public ::testing::Test {
 protected:
  void SetUp() override {
    sample_heap(mean_bytes);
    if (!heap_is_sampled()) GTEST_SKIP() << "a sanitizer has an allocator of its own";
  }
};

TEST_F(HeapSampler, names_a_leak_with_what_it_holds) {
  const Held before = planted();
  Pieces kept;
  constexpr std::size_t pieces = 1'000;
  constexpr std::size_t piece_bytes = 64 * 1'024;
  planted_caller(kept, pieces, piece_bytes);
  const Held leaked = planted();
  const auto expected = static_cast<std::int64_t>(pieces * piece_bytes);
  EXPECT_NEAR(static_cast<double>(leaked.bytes - before.bytes), static_cast<double>(expected),
              static_cast<double>(expected) * 0.1);
  EXPECT_NEAR(static_cast<double>(leaked.objects - before.objects), pieces, pieces * 0.1);
  kept.clear();
  const Held after = planted();
  EXPECT_LT(after.bytes, before.bytes + expected / 100);
  EXPECT_GE(after.allocated_bytes, leaked.allocated_bytes);
}

// Half a million objects of which a few hundred are looked at.
TEST_F(HeapSampler, small_objects_weigh_what_they_weigh) {
  const Held before = planted();
  Pieces kept;
  constexpr std::size_t pieces = 500'000;
  planted_caller(kept, pieces, 16);
  const Held leaked = planted();
  constexpr double expected = pieces * 16;  // the vector's own memory is its caller's
  EXPECT_NEAR(static_cast<double>(leaked.bytes - before.bytes), expected, expected * 0.3);
  EXPECT_NEAR(static_cast<double>(leaked.objects - before.objects), pieces, pieces * 0.3);
}

TEST_F(HeapSampler, every_form_of_new_is_freed_as_it_should_be) {
  struct alignas(4'096) Page {
    std::array<std::byte, 4'096> bytes;
  };
  const std::int64_t before = used_bytes();
  for (int i = 0; i < 2'000; ++i) {
    const auto page = std::make_unique<Page>();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(page.get()) % alignof(Page), 0U);
    const auto pages = std::make_unique<Page[]>(2);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(pages.get()) % alignof(Page), 0U);
    const std::unique_ptr<int> plain(new (std::nothrow) int(i));
    EXPECT_EQ(*plain, i);
    std::map<int, std::string> map;
    for (int j = 0; j < 20; ++j) map.emplace(j, std::string(static_cast<std::size_t>(j) * 50, 'x'));
    ASSERT_EQ(map.at(19).size(), 950U);
  }
  EXPECT_LT(used_bytes(), before + 1'000'000);
  EXPECT_EQ(::operator new(SIZE_MAX / 2, std::nothrow), nullptr);
}

TEST_F(HeapSampler, full_is_a_count_and_no_trouble) {
  const std::uint64_t lost_before = heap_samples_lost();
  std::vector<void*> all;
  for (std::size_t i = 0; i < live_max + 1'000; ++i)
    all.push_back(allocate_sampled(16, 0, nullptr));
  EXPECT_GE(heap_samples_lost() - lost_before, 1'000U);
  for (void* one : all) hooked_free(one);
  // There is room again.
  const std::uint64_t lost = heap_samples_lost();
  hooked_free(allocate_sampled(16, 0, nullptr));
  EXPECT_EQ(heap_samples_lost(), lost);
}

TEST_F(HeapSampler, memory_that_only_looks_like_a_sample_is_freed) {
  for (int i = 0; i < 1'000; ++i) hooked_free(std::aligned_alloc(sample_alignment, 100));
  hooked_free(nullptr);
}

// What one thread allocates another one frees, as messages are.
TEST_F(HeapSampler, threads_hand_memory_over) {
  const std::int64_t before = used_bytes();
  std::mutex mutex;
  std::vector<std::unique_ptr<std::string>> queue;
  const auto work = [&](std::uint32_t seed) {
    for (std::uint32_t i = 0; i < 20'000; ++i) {
      seed = seed * 1'664'525 + 1'013'904'223;
      auto made = std::make_unique<std::string>(seed % 3'000, 'x');
      const std::lock_guard lock(mutex);
      if (queue.size() > 100)
        std::swap(made, queue[seed % queue.size()]);
      else
        queue.push_back(std::move(made));
    }
  };
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < 4; ++i) threads.emplace_back(work, i);
  for (auto& thread : threads) thread.join();
  queue.clear();
  EXPECT_LT(used_bytes(), before + 1'000'000);
}

}  // namespace
}  // namespace hunt::profile
