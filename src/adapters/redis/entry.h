// What Redis holds of a chunk, read into values; and the names of its fields.
//
// Not how it gets there (scripts.h), nor its key (model/hunt_name.h). Reading trusts nothing that
// Redis holds: anything odd is `corrupt` or `unsupported`. Thread: any.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "adapters/redis/message.h"
#include "base/result.h"
#include "model/change.h"
#include "model/limits.h"
#include "model/spawn.h"
#include "ports/tile_cache.h"

namespace hunt::redis {

// A refresh is due when less than a third of a life is left.
inline constexpr std::int64_t refresh_ms = limits::chunk_life_ns / 1'000'000 / 3;

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

// What a chunk's hash (the answer to HGETALL) says at `now_ms`, by the rules of the scripts. Of
// another hunt than `owner` it is `corrupt`.
struct Glance {
  ports::CachedChunk chunk;  // not leased
  bool lease_free = false;   // it is wanted, and nobody has it
};
[[nodiscard]] Result<Glance> glance_at(const Reply& hash, const ports::CacheAsk& ask,
                                       std::int64_t now_ms, std::string_view owner = {});

}  // namespace hunt::redis
