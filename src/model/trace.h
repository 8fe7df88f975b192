// TraceRow: one recorded position of a player, as trace files hold them.
//
// Not a model::Position: players and worlds are numbers given by the reader in order of first
// appearance (their names stand beside the rows), and there is no sequence. 24 bytes, because a
// trace may have tens of millions of rows.
#pragma once
#include <cstdint>

#include "model/batch.h"
#include "model/tile.h"

namespace hunt::model {

struct TraceRow {
  std::int64_t t_ms = 0;  // never smaller than that of the row before
  Tile tile;
  std::uint32_t player = 0;
  std::uint16_t world = 0;
  Kind kind = Kind::step;
};
static_assert(sizeof(TraceRow) == 24);

}  // namespace hunt::model
