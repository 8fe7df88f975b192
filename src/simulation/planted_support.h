// What the tests of planted bugs share: seeds are run until one breaks the rule.
//
// For tests only: nothing of the program includes it.
#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "simulation/run.h"

namespace hunt::simulation {

inline constexpr std::uint64_t seeds_max = 200;

struct Hunt {
  std::uint64_t first_seed = 1;  // the first that finds it, when last looked: saves time
  std::int64_t seconds = 10;
  std::uint32_t positions_per_second = 1'000;
};

// Runs seeds until one breaks `rule`; the bug stays unfound after the last of them.
inline void expect_found(const Hooks& hooks, engine::LedgerRule rule, const Hunt& hunt = {}) {
  for (std::uint64_t seed = hunt.first_seed; seed < hunt.first_seed + seeds_max; ++seed) {
    Setup setup = draw_setup(seed, hunt.seconds);
    setup.positions_per_second = hunt.positions_per_second;
    const Report report = simulate(setup, hooks);
    const auto found =
        std::find_if(report.violations.begin(), report.violations.end(),
                     [rule](const auto& violation) { return violation.rule == rule; });
    if (found == report.violations.end()) continue;
    ::testing::Test::RecordProperty("found_at_seed", fmt::format("{}", seed));
    fmt::print("found at seed {}: {}\n", seed, found->sentence);
    return;
  }
  FAIL() << "no seed of " << seeds_max << " broke " << name_of(rule);
}

// A change of a disk that no transaction makes.
template <class Change>
void tamper(sim::SimStore& store, Change change) {
  sim::SimDisk disk = store.disk();
  change(disk);
  store.restore(std::move(disk));
}

}  // namespace hunt::simulation
