// The words of explain(): times, places, and the lines that several answers have.
//
// Not what happened (explain.cc decides that). Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "model/explanation.h"

namespace hunt::engine {

using Lines = std::vector<std::string>;

// "2026-11-29 14:03:07 UTC"
[[nodiscard]] std::string shown_utc(std::int64_t time_us);
// "world 1 (demo)"
[[nodiscard]] std::string shown_world(const model::ExplanationFacts& facts, model::WorldId world);
// "tile 10,-3 of world 1 (demo)"
[[nodiscard]] std::string shown_place(const model::ExplanationFacts& facts, model::WorldId world,
                                      model::TileId tile);

// Who was first, the roll, and whether it was told.
void add_grant_lines(const model::GrantFacts& grant, Lines& to);
// Who took what lies on the tile. Requires: a spawn.
void add_taker_lines(const model::TileFacts& tile, Lines& to);
// When it is open.
void add_window_lines(const model::TileFacts& tile, Lines& to);
// "12 star_shard, bell"
[[nodiscard]] std::string shown_reward(std::string_view reward);
// How far back was looked.
void add_notes(const model::ExplanationFacts& facts, Lines& to);

}  // namespace hunt::engine
