// What the change feed carries, and the invalidations made of it.
//
// Not the cache: engine/l1.h applies invalidations. Rows travel whole, so applying is idempotent.
#pragma once
#include <cstdint>
#include <vector>

#include "model/claim.h"
#include "model/shard_map.h"
#include "model/spawn.h"

namespace hunt::model {

// Which stream keeps what a relay told, and up to which of its messages that is surely so. Another
// stream, or one that ends earlier, has lost something since. 0: not known.
struct KeptIn {
  std::uint64_t stream = 0;  // below 2^63
  std::uint64_t last = 0;
  friend bool operator==(const KeptIn&, const KeptIn&) = default;
};

// That stream as it was seen last.
struct ClaimsKept {
  KeptIn in;                // `last`: what was acknowledged to us before the look
  std::uint64_t first = 1;  // of its messages; beyond `newest` when it is empty
  std::uint64_t newest = 0;
  std::int64_t age_ns_max = 0;  // it drops what is older; 0: nothing
  std::uint64_t look = 0;       // counts the looks
};

// Where a reader of a store's feed is. Both count from 1; 0 is "from the start".
struct FeedCursor {
  std::uint64_t change = 0;
  std::uint64_t grant = 0;
  KeptIn kept = {};  // by what keeps the grants up to here; kept and returned by the feed, no more
  friend bool operator==(const FeedCursor&, const FeedCursor&) = default;
};

struct TileChange {
  WorldId world = 0;
  TileRow row;
  std::uint64_t epoch = 1;  // of the row's range, from the same snapshot
};

struct ChangeBatch {
  std::vector<TileChange> tiles;  // the newest row of each changed tile
  std::vector<Grant> grants;      // granted ones, in ledger order
  FeedCursor next;
  // Changes between the cursor and here are gone (the slot was lost, another server was promoted):
  // copies cannot be trusted until ChangeFeed::repair().
  bool gap = false;
  // When the oldest commit in it was made, monotonic; 0 when unknown (another process made it).
  std::int64_t committed_ns = 0;
};

// Where a relay goes on, and the epoch of the store it follows.
struct FeedStart {
  FeedCursor cursor;
  std::uint64_t epoch = 1;
};

// Published to every lane, in order per shard; a gap in `seq`, or another relay or epoch, means
// that something was missed (PROTOCOLS 7). An empty `tiles` is a heartbeat.
struct Invalidation {
  ShardId shard = 0;
  std::uint64_t relay = 0;  // identity of the publishing relay, new at each start
  std::uint64_t epoch = 0;  // of the shard: copies of an earlier one are void
  std::uint64_t seq = 0;
  std::vector<TileChange> tiles;
  std::int64_t committed_ns = 0;  // of the oldest of them; 0 when unknown. Within one machine only.
};

}  // namespace hunt::model
