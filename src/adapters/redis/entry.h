// What the scripts return, read into values; and the keys and fields they are asked with.
//
// Not the scripts' rules (scripts.h). Reading trusts nothing that Redis holds: anything odd is
// `corrupt` or `unsupported`. Thread: any.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "adapters/redis/message.h"
#include "base/result.h"
#include "model/change.h"
#include "model/spawn.h"
#include "ports/tile_cache.h"

namespace hunt::redis {

// "hunt:{<world>:<chunk>}:c": all keys of a chunk are in one slot.
[[nodiscard]] std::string key_of(model::ChunkKey key);
// "x,y"
[[nodiscard]] std::string field_of(model::TileId tile);

// "exp_ms|epoch|rows" of a fill.
struct Fill {
  std::int64_t expires_ms = 0;
  model::ChunkRows rows;
};
[[nodiscard]] Result<Fill> read_fill(std::string_view value, model::ChunkKey key);

// "V|at_ms|row" of the change in field `field`.
[[nodiscard]] Result<model::TileChange> read_change(std::string_view field, std::string_view value,
                                                    model::ChunkKey key);

// The answer of read_script(): the fill merged with the changes.
[[nodiscard]] Result<ports::CachedChunk> read_entry(const Reply& reply, model::ChunkKey key);

}  // namespace hunt::redis
