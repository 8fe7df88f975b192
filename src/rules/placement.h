// Placements: so much loot of a table in an area of a world, as a file says it, and where it lies.
//
// Not the burying (apps/cmd_rules_bury.cc), and not who looks for it. The places are a pure
// function of the event seed, the event's name, the number of the placement and the occurrence, but
// for tiles that are taken already: the words are HMAC-SHA256(seed, "hunt-place" | 0 | event | 0 |
// placement u32 | occurrence u32 | block u32; all big-endian), block 0, 1, …, four big-endian
// 64-bit words each. A candidate takes two picks as a roll does (engine/roll.h): x - from.x below
// the width, then y - from.y below the height. Those in `except`, nearer than `apart` to an earlier
// one, or taken are skipped. Pure; any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/sha256.h"
#include "model/rule_set.h"
#include "model/spawn.h"
#include "rules/diagnostic.h"

namespace hunt::rules {

inline constexpr std::size_t placements_max = 64;  // of one event
inline constexpr std::size_t except_max = 64;      // of one placement
inline constexpr std::uint32_t spawns_max = 100'000;
inline constexpr std::uint32_t apart_tiles_max = 256;
inline constexpr std::uint64_t area_tiles_max = std::uint64_t{1} << 40;
inline constexpr std::uint64_t tries_per_spawn_max = 64;
inline constexpr std::uint64_t tries_at_least = 65'536;  // of a placement, for few spawns

struct Placement {
  std::uint32_t event = 0;   // into RuleSet::events
  std::uint32_t number = 1;  // in its event's list, from 1
  std::uint32_t table = 0;   // into RuleSet::tables
  std::string world;         // name or id
  model::TileRect area;
  std::vector<model::TileRect> except;
  std::uint32_t spawns = 1;
  std::uint32_t budget = 1;
  std::uint32_t apart_tiles = 1;  // the larger of both distances is at least this
  std::int64_t every_us = 0;      // 0: once
  std::string file;               // where it stands
  Mark at;

  [[nodiscard]] std::uint64_t units() const noexcept { return std::uint64_t{spawns} * budget; }
};

[[nodiscard]] constexpr std::uint64_t width_of(const model::TileRect& area) noexcept {
  return static_cast<std::uint64_t>(std::int64_t{area.high.x} - area.low.x + 1);
}
[[nodiscard]] constexpr std::uint64_t height_of(const model::TileRect& area) noexcept {
  return static_cast<std::uint64_t>(std::int64_t{area.high.y} - area.low.y + 1);
}

// How many spawns `apart_tiles` from each other fit into the area at most, without `except`.
[[nodiscard]] std::uint64_t room_for(const model::TileRect& area, std::uint32_t apart_tiles);
// With each of `except`, taken for itself.
[[nodiscard]] std::uint64_t room_for(const model::TileRect& area,
                                     const std::vector<model::TileRect>& except,
                                     std::uint32_t apart_tiles);

// When loot of an occurrence (from 1) is open; nothing: the event is over before it begins.
[[nodiscard]] std::optional<model::TimeWindow> occurrence(const model::EventRules& event,
                                                          const Placement& placement,
                                                          std::uint32_t number);
// How many there are; nothing: without end.
[[nodiscard]] std::optional<std::uint64_t> occurrences_of(const model::EventRules& event,
                                                          const Placement& placement);
// The one that is under way as of then or comes next, and all that begin by `until_us`.
[[nodiscard]] std::vector<std::uint32_t> occurrences_due(const model::EventRules& event,
                                                         const Placement& placement,
                                                         std::int64_t now_us,
                                                         std::int64_t until_us);

// At most so many candidates are looked at.
[[nodiscard]] std::uint64_t tries_max(const Placement& placement);

// The tiles of one world on which nothing can be placed any more.
using TakenTiles = std::unordered_set<std::uint64_t>;  // TileId::value

struct Placed {
  std::vector<model::Tile> tiles;  // in their order; fewer than asked for: there is no room
  std::uint64_t tries = 0;
};

// Adds what it placed to `taken`.
[[nodiscard]] Placed place(Bytes event_seed, const std::string& event, const Placement& placement,
                           std::uint32_t occurrence, TakenTiles& taken);

// "5,000 places in main, for 3 players each, anew every 7 days": without where exactly.
[[nodiscard]] std::string supply_text(const Placement& placement);
// The same with the area and its exceptions.
[[nodiscard]] std::string placement_text(const Placement& placement);

// "winter/1/2/77": of the 77th spawn; the same in every run.
[[nodiscard]] std::string burial_key(const std::string& event, const Placement& placement,
                                     std::uint32_t occurrence, std::size_t spawn);

}  // namespace hunt::rules
