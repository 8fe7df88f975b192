// What an allocation costs with the sampler's hooks, beside malloc() alone: allocated and freed, in
// groups of some hundred. Names are <contestant>/<bytes>.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "adapters/profile/heap_sampler.h"

namespace hunt::profile {
namespace {

constexpr std::size_t objects = 256;

template <class Allocate, class Free>
void allocate_and_free(benchmark::State& state, Allocate allocate, Free release) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  void* all[objects];
  for (auto _ : state) {
    for (void*& one : all) one = allocate(bytes);
    benchmark::DoNotOptimize(&all);
    benchmark::ClobberMemory();
    for (void* one : all) release(one);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(objects));
}

void hooked(benchmark::State& state) {
  allocate_and_free(
      state, [](std::size_t bytes) { return hooked_allocate(bytes, 0, nullptr); },
      [](void* memory) { hooked_free(memory); });
}

void malloc_alone(benchmark::State& state) {
  allocate_and_free(
      state, [](std::size_t bytes) { return std::malloc(bytes); },
      [](void* memory) { std::free(memory); });
}
void hooks_without_samples(benchmark::State& state) {
  sample_heap(0);
  hooked(state);
}
void hooks_with_samples(benchmark::State& state) {
  sample_heap();
  hooked(state);
}
// One after the other, each with its stack.
void a_sample(benchmark::State& state) {
  sample_heap();
  const auto bytes = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) hooked_free(allocate_sampled(bytes, 0, nullptr));
}

BENCHMARK(malloc_alone)->Arg(64)->Arg(512);
BENCHMARK(hooks_without_samples)->Arg(64)->Arg(512);
BENCHMARK(hooks_with_samples)->Arg(64)->Arg(512);
BENCHMARK(a_sample)->Arg(64);

}  // namespace
}  // namespace hunt::profile

BENCHMARK_MAIN();
