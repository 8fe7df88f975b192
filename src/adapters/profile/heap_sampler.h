// HeapSampler: which code holds the memory that `new` gave, by a sample of the allocations.
//
// Not an allocator: malloc() is. Every byte has the same chance to be sampled, one in `mean_bytes`,
// so big allocations nearly always are and many small ones as much as they weigh; what a sample
// stands for is reckoned from that. A sample is kept until it is freed. Others cost a subtraction
// when they are made and a look at their address when they are freed: samples, and of others those
// of jemalloc's large sizes, lie at a multiple of sample_alignment. Nothing here calls `new`, locks
// or waits. Thread: any. Only the program that links hunt_heap_hooks is sampled, and only from
// sample_heap() on.
//
// Bounds: sites_max, live_max; what finds no room is counted.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <span>

namespace hunt::profile {

inline constexpr std::size_t heap_mean_bytes = 512 * 1'024;
// Less would have more others looked up; more would have malloc() tidy up for each sample.
inline constexpr std::size_t sample_alignment = 512;
inline constexpr std::size_t sites_max = 4'096;     // different stacks
inline constexpr std::size_t live_max = 4'096 * 8;  // samples in use: 16 GiB of memory
inline constexpr std::size_t site_frames_max = 64;

// From now on; once, and 0 for no longer. Where the hooks are not linked, nothing comes of it.
void sample_heap(std::size_t mean_bytes = heap_mean_bytes);
[[nodiscard]] bool heap_is_sampled();

// What one stack allocated since sampling began, and what of it is in use: estimates.
struct HeapSite {
  std::span<const std::uint64_t> addresses;  // of code, leaf first
  std::int64_t allocated_objects = 0;
  std::int64_t allocated_bytes = 0;
  std::int64_t used_objects = 0;
  std::int64_t used_bytes = 0;
};
void each_heap_site(const std::function<void(const HeapSite&)>& each);
// Samples that found no room.
[[nodiscard]] std::uint64_t heap_samples_lost();

// For the hooks alone. Until this is used up, nothing of this thread is sampled.
extern thread_local constinit std::int64_t bytes_to_next_sample;

// `alignment`: 0 for the usual one; `caller`: where the hook returns to. Null: no memory.
[[nodiscard]] void* allocate_sampled(std::size_t bytes, std::size_t alignment, const void* caller);
void forget_sample(const void* memory);

[[nodiscard]] inline void* hooked_allocate(std::size_t bytes, std::size_t alignment,
                                           const void* caller) {
  bytes_to_next_sample -= static_cast<std::int64_t>(bytes & INT64_MAX);
  if (bytes_to_next_sample < 0) [[unlikely]]
    return allocate_sampled(bytes, alignment, caller);
  return alignment == 0 ? std::malloc(bytes) : std::aligned_alloc(alignment, bytes);
}

inline void hooked_free(void* memory) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  if (address % sample_alignment == 0) [[unlikely]]
    forget_sample(memory);
  std::free(memory);
}

}  // namespace hunt::profile
