// A shard map as a file: what `hunt shards advise` writes and `hunt shards set` reads.
//
// The same text as NATS' hunt.map and GET /v1/map, whose `state` and `epoch` are read over. Whether
// stores can take it is theirs to say (service/shard_maps.h). Pure.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/shard_map.h"

namespace hunt::codec {

inline constexpr std::size_t map_ranges_max = 1'024;

// {"version"?,"shards":2,"ranges":[{"world":0,"first_tile":"0","shard":0},…]}: each range reaches
// to the next, and the last to the end of everything. Errors: invalid_argument and too_large, with
// the field: it does not cover all (the first range begins at world 0, tile 0), ranges overlap or
// are out of order, one does not begin at a chunk, or names a shard that is not there.
[[nodiscard]] Result<model::ShardMap> parse_shard_map(std::string_view text);

void write_shard_map(const model::ShardMap& map, std::string& out);

}  // namespace hunt::codec
