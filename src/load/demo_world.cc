#include "load/demo_world.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/prng.h"
#include "base/result.h"

namespace hunt::load {
namespace {

constexpr std::uint32_t budget_zipf_max = 50;
// Loot of a cluster lies within this many tiles of its centre, more of it near the middle. With 400
// tiles of loot in each of 250 clusters the reference crowd (crowd.h) meets about ten tiles of loot
// per player and minute, and a quarter of all loot tiles sell out in it (measured by
// crowd_test.cc).
constexpr std::int32_t cluster_radius_tiles = 28;

// P(b) is proportional to 1 / b, as whole cumulative weights.
class BudgetDraw {
 public:
  BudgetDraw() {
    std::uint64_t sum = 0;
    for (std::uint32_t b = 1; b <= budget_zipf_max; ++b) {
      sum += 1'000'000'000ULL / b;
      cumulative_[b - 1] = sum;
    }
  }
  std::uint32_t draw(Prng& prng) const {
    const std::uint64_t at = prng.below(cumulative_.back());
    const auto* found = std::upper_bound(cumulative_.begin(), cumulative_.end(), at);
    return static_cast<std::uint32_t>(found - cumulative_.begin()) + 1;
  }

 private:
  std::array<std::uint64_t, budget_zipf_max> cumulative_{};
};

// The sum of two uniform draws: a triangle over [-radius, radius].
std::int32_t scatter(Prng& prng, std::int32_t radius) {
  const auto half = static_cast<std::uint64_t>(radius) + 1;
  return static_cast<std::int32_t>(prng.below(half)) - static_cast<std::int32_t>(prng.below(half));
}

}  // namespace

DemoWorld make_demo_world(DemoWorldOptions options) {
  HUNT_ASSERT(options.clusters >= 1 && !options.tables.empty());
  HUNT_ASSERT(options.loot_tiles <= DemoWorldOptions::loot_tiles_max);
  constexpr std::int32_t side = demo_world_rect.high.x - demo_world_rect.low.x + 1;
  Prng prng(options.seed);
  DemoWorld world;
  for (std::uint32_t i = 0; i < options.clusters; ++i) {
    const auto x = prng.between(demo_world_rect.low.x + cluster_radius_tiles,
                                demo_world_rect.high.x - cluster_radius_tiles);
    const auto y = prng.between(demo_world_rect.low.y + cluster_radius_tiles,
                                demo_world_rect.high.y - cluster_radius_tiles);
    world.centres.push_back({static_cast<std::int32_t>(x), static_cast<std::int32_t>(y)});
  }
  const BudgetDraw budgets;
  std::vector<bool> taken(static_cast<std::size_t>(side) * side);
  world.burials.reserve(options.loot_tiles);
  // Where the clusters are full, loot goes further out, so that the loop always ends.
  std::int32_t radius = cluster_radius_tiles;
  std::uint32_t misses = 0;
  while (world.burials.size() < options.loot_tiles) {
    const model::Tile centre = world.centres[prng.below(world.centres.size())];
    const model::Tile tile{
        std::clamp(centre.x + scatter(prng, radius), demo_world_rect.low.x, demo_world_rect.high.x),
        std::clamp(centre.y + scatter(prng, radius), demo_world_rect.low.y,
                   demo_world_rect.high.y)};
    const std::size_t at = static_cast<std::size_t>(tile.y - demo_world_rect.low.y) * side +
                           static_cast<std::size_t>(tile.x - demo_world_rect.low.x);
    if (taken[at]) {
      if (++misses % options.loot_tiles == 0) radius = std::min(radius * 2, side);
      continue;
    }
    taken[at] = true;
    model::Burial burial;
    burial.tile = tile;
    burial.table = options.tables[world.burials.size() % options.tables.size()];
    burial.budget = budgets.draw(prng);
    world.burials.push_back(std::move(burial));
  }
  return world;
}

}  // namespace hunt::load
