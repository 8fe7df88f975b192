// The JSON that servers answer with, written from model values by appending to a string.
//
// Not a general JSON writer. Numbers are JSON numbers while they cannot exceed 2^53; spawn ids,
// tile ids and ledger cursors can (they carry a shard or all 64 bits), so they are decimal strings.
// Players are UUIDs, claims 32 hexadecimal digits, times RFC 3339 in UTC. A time that is unbounded
// (opens, closes) is left out.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "model/batch.h"
#include "model/claim.h"
#include "model/shard_map.h"
#include "model/spawn.h"
#include "model/stats.h"

namespace hunt::codec {

// {"outcomes":[{"player","x","y","outcome","claim"?,"item"?,"items"?,"distance"?,"repeat"?,
// "retry_after_ms"?}]}, one for each position of the batch, in order. `reply` answers `batch`. Here
// and below a grant has "items", and "item" as json_reward.h says.
void write_reply(const model::Batch& batch, const model::BatchReply& reply, std::string& out);

// {"claim","outcome","item"?,"items"?,"world","x","y","player","rules","at"}; an aborted row is
// `expired`.
void write_claim(const model::Grant& grant, std::string& out);

// {"grant":{"cursor" and the fields of a claim}}: an event of the stream.
void write_grant_event(const model::ClaimEvent& grant, std::string& out);

// {"claim":{"claim","outcome","world","x","y","player","rules","at"}}: a refusal, on the stream.
void write_claim_event(const model::ClaimEvent& event, std::string& out);

// {"grants":[{"cursor", "spawn" and the fields of a claim}],"next":"<place in the ledgers>"}
void write_grants(const std::vector<model::Grant>& grants, std::string_view next, std::string& out);

// {"version","shards","ranges":[{"world","first_tile","shard","state","epoch"}]}, with the epochs
// by shard.
void write_map(const model::ShardMap& map, const std::vector<std::uint64_t>& epochs,
               std::string& out);

// {"tiles":[{"x","y","table","budget","spawn","version","opens"?,"closes"?,"buried_at",
// "sold_out"}],"next"?}; `next` is the tile id to go on from.
void write_tile_page(const model::TilePage& page, std::string& out);

// {"buried":N,"unchanged":M,"tiles":[{"x","y","spawn","unchanged"?}]}
void write_buried(const std::vector<model::Buried>& buried, std::string& out);

// {"tiles":[{"x","y","table","budget","key"?,"opens"?,"closes"?}]}: what parse_burials reads.
void write_burials(const std::vector<model::Burial>& burials, std::string& out);

// {"world","positions":[{"player","x","y","kind","seq"?,"sent_at"?}]}: what PositionsReader reads.
void write_positions(const model::Batch& batch, std::string& out);

// {"id","name"}
void write_world(const model::World& world, std::string& out);
// {"worlds":[{"id","name"}]}
void write_worlds(const std::vector<model::World>& worlds, std::string& out);
// {"id","name","stats":{"tiles","open","sold_out","budget","remaining","grants","bounds"?}}
void write_world_stats(const model::World& world, const model::WorldStats& stats, std::string& out);

// The figures; `not_ready` is why requests cannot be served, or empty.
void write_stats(const model::Stats& stats, std::string_view not_ready, std::string& out);

// {"bounds":[x0,y0,x1,y1],"players":[[tag,x,y,dig 0|1]],"finds":[{"claim","outcome","world","x",
// "y","player","item"?,"items"?,"at"}],"loot_open":[[x,y]],"loot_gone":[[x,y]]}
void write_live(const model::LiveView& view, std::string& out);

}  // namespace hunt::codec
