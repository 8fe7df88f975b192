#include "adapters/profile/heap_sampler.h"

#include <unwind.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "base/prng.h"

namespace hunt::profile {

thread_local constinit std::int64_t bytes_to_next_sample = 0;

namespace {

thread_local constinit bool has_distance = false;  // bytes_to_next_sample is one to a sample

// While nobody samples, each thread looks again after so much, whether somebody does.
constexpr std::int64_t look_again_bytes = 256 * 1'024;
constexpr std::size_t bucket_slots = 8;
constexpr std::size_t buckets_max = live_max / bucket_slots;
constexpr std::size_t probes_max = 64;

// A stack, and what is known of it. `key`: 0 is a free one; never given back.
struct Site {
  std::atomic<std::uint64_t> key;
  std::atomic<std::uint32_t> depth;  // 0: not written yet
  std::array<std::uint64_t, site_frames_max> addresses{};
  std::atomic<std::int64_t> allocated_objects;
  std::atomic<std::int64_t> allocated_bytes;
  std::atomic<std::int64_t> freed_objects;
  std::atomic<std::int64_t> freed_bytes;
};

// Samples that are in use, by the hash of their address. `memory`: 0 is a free slot, 1 one that is
// being written. Only who holds the memory asks for it, so nobody reads what another one writes.
struct Bucket {
  std::array<std::atomic<std::uintptr_t>, bucket_slots> memory{};
  std::array<std::uint32_t, bucket_slots> site{};
  std::array<std::size_t, bucket_slots> bytes{};
};

// Zero at the start, and pages only where something is written.
constinit std::array<Site, sites_max> sites{};
constinit std::array<Bucket, buckets_max> buckets{};
std::atomic<std::size_t> mean_of_samples{0};  // 0: nobody samples
std::atomic<std::uint64_t> lost{0};

thread_local constinit std::uint64_t random_state = 0;
thread_local constinit bool inside = false;

struct Stack {
  std::array<std::uint64_t, site_frames_max> addresses;
  std::size_t depth = 0;
  const void* caller = nullptr;  // of the hook: frames below it are ours
};

struct Weight {
  std::int64_t objects = 0;
  std::int64_t bytes = 0;
};

// What a sample of so many bytes stands for: the inverse of the chance that it became one.
Weight weight_of(std::size_t bytes) {
  const auto size = static_cast<double>(std::max<std::size_t>(bytes, 1));
  const double mean = static_cast<double>(mean_of_samples.load(std::memory_order_relaxed));
  const double times = 1 / -std::expm1(-size / mean);
  return {std::llround(times), std::llround(times * static_cast<double>(bytes))};
}

// The distance between samples of a Poisson process.
std::int64_t next_distance(std::size_t mean_bytes) {
  if (random_state == 0) random_state = reinterpret_cast<std::uintptr_t>(&random_state);
  const double uniform = static_cast<double>((splitmix64(random_state) >> 11) + 1) * 0x1p-53;
  return static_cast<std::int64_t>(-std::log(uniform) * static_cast<double>(mean_bytes)) + 1;
}

_Unwind_Reason_Code on_frame(_Unwind_Context* context, void* argument) {
  auto& stack = *static_cast<Stack*>(argument);
  const std::uint64_t address = _Unwind_GetIP(context);
  if (address == 0) return _URC_END_OF_STACK;
  if (address == reinterpret_cast<std::uintptr_t>(stack.caller)) stack.depth = 0;
  if (stack.depth == stack.addresses.size()) return _URC_END_OF_STACK;
  stack.addresses[stack.depth++] = address - 1;  // of the call, not of what comes after it
  return _URC_NO_REASON;
}

std::uint64_t key_of(const Stack& stack) {
  std::uint64_t key = stack.depth;
  for (std::size_t i = 0; i < stack.depth; ++i) {
    std::uint64_t mixed = key ^ stack.addresses[i];
    key = splitmix64(mixed);
  }
  return std::max<std::uint64_t>(key, 1);
}

// Null: there are too many.
Site* site_of(const Stack& stack) {
  const std::uint64_t key = key_of(stack);
  for (std::size_t i = 0; i < probes_max; ++i) {
    Site& site = sites[(key + i) % sites_max];
    std::uint64_t there = site.key.load();
    if (there == 0 && site.key.compare_exchange_strong(there, key)) {
      std::copy_n(stack.addresses.begin(), stack.depth, site.addresses.begin());
      site.depth.store(static_cast<std::uint32_t>(stack.depth));
      return &site;
    }
    if (there == key) return &site;
  }
  return nullptr;
}

Bucket& bucket_of(std::uintptr_t memory) {
  std::uint64_t state = memory;
  return buckets[splitmix64(state) % buckets_max];
}

// False: no room.
bool remember(std::uintptr_t memory, std::uint32_t site, std::size_t bytes) {
  Bucket& bucket = bucket_of(memory);
  for (std::size_t i = 0; i < bucket_slots; ++i) {
    std::uintptr_t free_slot = 0;
    if (!bucket.memory[i].compare_exchange_strong(free_slot, 1)) continue;
    bucket.site[i] = site;
    bucket.bytes[i] = bytes;
    bucket.memory[i].store(memory);
    return true;
  }
  return false;
}

void take_sample(const void* memory, std::size_t bytes, const void* caller) {
  Stack stack;
  stack.caller = caller;
  _Unwind_Backtrace(&on_frame, &stack);
  Site* site = stack.depth == 0 ? nullptr : site_of(stack);
  if (site == nullptr || !remember(reinterpret_cast<std::uintptr_t>(memory),
                                   static_cast<std::uint32_t>(site - sites.data()), bytes)) {
    ++lost;
    return;
  }
  const Weight weight = weight_of(bytes);
  site->allocated_objects += weight.objects;
  site->allocated_bytes += weight.bytes;
}

}  // namespace

void sample_heap([[maybe_unused]] std::size_t mean_bytes) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  mean_of_samples.store(mean_bytes);
#endif
}

bool heap_is_sampled() {
  return mean_of_samples.load() != 0;
}

std::uint64_t heap_samples_lost() {
  return lost.load();
}

[[gnu::noinline]] void* allocate_sampled(std::size_t bytes, std::size_t alignment,
                                         const void* caller) {
  const std::size_t mean_bytes = mean_of_samples.load(std::memory_order_relaxed);
  // Whatever is allocated below is no sample: nothing is, but the unwinder is not ours.
  const bool samples = mean_bytes != 0 && !inside;
  const auto plain = [=] {
    return alignment == 0 ? std::malloc(bytes) : std::aligned_alloc(alignment, bytes);
  };
  if (!samples) {
    has_distance = false;
    bytes_to_next_sample = look_again_bytes;
    return plain();
  }
  // The first of a thread has been no way at all: it is sampled as likely as any other.
  if (!std::exchange(has_distance, true)) {
    bytes_to_next_sample = next_distance(mean_bytes) - static_cast<std::int64_t>(bytes & INT64_MAX);
    if (bytes_to_next_sample >= 0) return plain();
  }
  bytes_to_next_sample = next_distance(mean_bytes);
  inside = true;
  void* memory = std::aligned_alloc(std::max(alignment, sample_alignment), bytes);
  if (memory != nullptr) take_sample(memory, bytes, caller);
  inside = false;
  return memory;
}

void forget_sample(const void* memory) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  if (address == 0) return;
  Bucket& bucket = bucket_of(address);
  for (std::size_t i = 0; i < bucket_slots; ++i) {
    if (bucket.memory[i].load() != address) continue;
    Site& site = sites[bucket.site[i]];
    const Weight weight = weight_of(bucket.bytes[i]);
    site.freed_objects += weight.objects;
    site.freed_bytes += weight.bytes;
    bucket.memory[i].store(0);
    return;
  }
}

void each_heap_site(const std::function<void(const HeapSite&)>& each) {
  for (const Site& site : sites) {
    const std::uint32_t depth = site.depth.load();
    if (depth == 0) continue;
    // Freed first: what is freed meanwhile must not make less than nothing of it.
    const std::int64_t freed_objects = site.freed_objects.load();
    const std::int64_t freed_bytes = site.freed_bytes.load();
    HeapSite seen;
    seen.addresses = std::span(site.addresses).first(depth);
    seen.allocated_objects = site.allocated_objects.load();
    seen.allocated_bytes = site.allocated_bytes.load();
    seen.used_objects = seen.allocated_objects - freed_objects;
    seen.used_bytes = seen.allocated_bytes - freed_bytes;
    each(seen);
  }
}

}  // namespace hunt::profile
