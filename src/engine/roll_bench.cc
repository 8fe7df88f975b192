// A roll: the HMAC that its words come from, the draw over words that are there, and both. The draw
// alone is to take at most 200 ns: for a short table of six entries, and for one with `always`, two
// pools with counts and a chance (about ten picks).
#include <benchmark/benchmark.h>

#include <array>
#include <vector>

#include "base/prng.h"
#include "engine/roll.h"

namespace hunt::engine {
namespace {

constexpr std::array<std::uint8_t, 32> seed{3};

// Table 0 is short, table 1 has pools.
model::RuleSet rules() {
  model::RuleSet set;
  set.version = "0000000000000001";
  set.events.push_back({.name = "e"});
  for (const char* item : {"a", "b", "c", "d", "e", "f"}) set.items.emplace_back(item);
  const std::uint64_t weights[] = {600, 200, 120, 60, 18, 2};
  for (std::uint32_t i = 0; i < 6; ++i) set.entries.push_back({.weight = weights[i], .index = i});
  set.tables.push_back(
      {.name = "short", .first_entry = 0, .entry_count = 6, .total_weight = 1'000});
  set.entries.push_back({.index = 0, .count = {5, 20}});
  for (std::uint32_t i = 0; i < 6; ++i) {
    set.entries.push_back({.weight = weights[i], .index = i, .count = {1, 4}});
  }
  for (std::uint32_t i = 0; i < 3; ++i) set.entries.push_back({.weight = 2 + i, .index = 3 + i});
  set.entries.push_back({.weight = 1, .index = 5});
  set.tables.push_back({.name = "pools",
                        .first_entry = 6,
                        .entry_count = 11,
                        .stacked = true,
                        .always_count = 1,
                        .pool_count = 3,
                        .first_pool = 0});
  set.pools.push_back({.first_entry = 7, .entry_count = 6, .total_weight = 1'000, .rolls = {3, 3}});
  set.pools.push_back({.first_entry = 13, .entry_count = 3, .total_weight = 9, .rolls = {1, 2}});
  set.pools.push_back({.first_entry = 16, .entry_count = 1, .total_weight = 1, .chance = {1, 200}});
  return set;
}

void hmac(benchmark::State& state) {
  HmacSha256 mac(seed);
  std::array<std::uint8_t, 20> message{};
  for (auto _ : state) {
    message[0] = mac.of(message)[0];
    benchmark::DoNotOptimize(message);
  }
}

void draw_only(benchmark::State& state, std::uint32_t table) {
  const model::RuleSet set = rules();
  std::vector<std::uint64_t> words(1 << 16);
  Prng prng(5);
  for (auto& word : words) word = prng.next();
  std::size_t at = 0;
  Stacks stacks;
  const auto next = [&] { return words[at++ & 0xffff]; };
  for (auto _ : state) {
    draw(set, table, 0, next, SeesNothing{}, stacks);
    benchmark::DoNotOptimize(stacks);
  }
}

void roll(benchmark::State& state, std::uint32_t table) {
  const model::RuleSet set = rules();
  Roller roller(seed);
  std::uint64_t claim = 0;
  for (auto _ : state) benchmark::DoNotOptimize(roller.roll(set, table, {1, ++claim}, 0).all());
}

BENCHMARK(hmac);
BENCHMARK_CAPTURE(draw_only, short, 0);
BENCHMARK_CAPTURE(draw_only, pools, 1);
BENCHMARK_CAPTURE(roll, short, 0);
BENCHMARK_CAPTURE(roll, pools, 1);

}  // namespace
}  // namespace hunt::engine

BENCHMARK_MAIN();
