// The placements of one event file: areas, how much lies in them, and how often anew.
//
// Not whether their tables exist and whether they fit (placement_checks.h).
#pragma once
#include <cstdint>
#include <vector>

#include "model/tile.h"
#include "rules/map_reader.h"
#include "rules/scalars.h"

namespace hunt::rules {

struct SourcePlacement {
  Mark at;
  bool right = false;  // else a part of it is wrong, and already reported
  SourceName table;
  SourceName world;
  model::TileRect area;
  std::vector<model::TileRect> except;
  std::uint32_t spawns = 1;
  std::uint32_t budget = 1;
  std::uint32_t apart_tiles = 1;
  std::int64_t every_us = 0;  // 0: once
  Mark every_at;
};

// What could be read of the list; mistakes go to `maps`.
[[nodiscard]] std::vector<SourcePlacement> parse_placement(const YamlNode& node, MapReader& maps);

}  // namespace hunt::rules
