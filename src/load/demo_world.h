// The demo world: 4,096 x 4,096 tiles around the origin with 100,000 loot tiles in clusters.
//
// The reference load plays here. A pure function of the seed, integers only: the same seed gives
// the same world on every machine. Not a store: the caller buries what it gets.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/spawn.h"
#include "model/tile.h"

namespace hunt::load {

inline constexpr model::TileRect demo_world_rect{{-2048, -2048}, {2047, 2047}};
inline constexpr std::string_view demo_world_table = "starlight";

struct DemoWorldOptions {
  static constexpr std::uint32_t loot_tiles_max = 1'000'000;  // a sixteenth of the world
  std::uint64_t seed = 1;
  std::uint32_t loot_tiles = 100'000;
  std::uint32_t clusters = 250;
  // In turns, so that each has as much of every cluster.
  std::vector<std::string> tables = {std::string(demo_world_table)};
};

struct DemoWorld {
  std::vector<model::Burial> burials;  // unique tiles, in no order; budgets Zipf 1 to 50
  std::vector<model::Tile> centres;    // of the clusters, the most popular first
};

[[nodiscard]] DemoWorld make_demo_world(DemoWorldOptions options);

}  // namespace hunt::load
