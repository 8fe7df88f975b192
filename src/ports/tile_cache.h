// TileCache: the newest published rows per chunk, shared by all orchestrators (L2), best effort.
//
// Not the truth and never the authority for a grant: any entry may vanish at any time, and a
// failover may bring an older one back until it expires. An entry is complete only while its fill
// has not expired by the cache's own clock and its epoch is current (no change of a later epoch is
// there, and none was asked for); only then does a missing tile mean nothing. One object per lane.
// Every call may fail with: unavailable, overloaded, deadline_exceeded (operations have one of
// 20-50 ms inside), corrupt, already_exists (it is another hunt's); writes also with
// unknown_outcome, and are safe to repeat. Implementations: redis::RedisCache, sim::NetCache.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "model/change.h"
#include "model/spawn.h"
#include "model/stats.h"

namespace hunt::ports {

struct CacheAsk {
  model::ChunkKey key;
  std::uint64_t epoch_min = 0;  // an entry filled in an earlier epoch is not complete
};

struct CachedChunk {
  bool complete = false;
  model::ChunkRows rows;     // when complete: the fill merged with the changes since
  std::int64_t life_ns = 0;  // when complete: until it expires
  // The caller holds the lease: it is the one to read the store and fill. Also given for a complete
  // entry that is to be refreshed ahead of its expiry.
  bool leased = false;
  // The cache's clock: with the lease, read before any store is; else when it was complete. 0: of a
  // node that is down, so there is nothing to fill.
  std::int64_t cache_ms = 0;
  std::uint32_t clock = 0;  // which of the cache's clocks, from 0
  bool unreadable = false;  // what was there is not the cache's, and was thrown away
};

struct ChunkFill {
  model::ChunkRows rows;        // one snapshot of the store, read after the lease was given
  std::int64_t expires_ms = 0;  // by the cache's clock: CachedChunk::cache_ms + life - jitter
};

class TileCache {
 public:
  virtual ~TileCache() = default;

  // One answer per ask, in order. `lease_ns`: how long a lease keeps other fillers away.
  // Bound: limits::chunks_per_load_max asks.
  [[nodiscard]] virtual boost::asio::awaitable<Result<std::vector<CachedChunk>>> read(
      std::vector<CacheAsk> asks, std::int64_t lease_ns) = 0;

  // Makes chunks complete. A change that is newer than the fill and younger than a chunk's life
  // stays over it; a fill of an earlier epoch, or an older one than is there, changes nothing.
  // Bound: limits::chunks_per_load_max fills.
  [[nodiscard]] virtual boost::asio::awaitable<Result<void>> fill(std::vector<ChunkFill> fills) = 0;

  // Changed rows, written even where the chunk is absent, so that a slow filler cannot bring back
  // the past. An older version than is there changes nothing. Never prolongs completeness.
  [[nodiscard]] virtual boost::asio::awaitable<Result<void>> update(
      std::vector<model::TileChange> changes) = 0;

  // The servers behind it, as this object sees them; none where there is no telling them apart.
  [[nodiscard]] virtual std::vector<model::CacheNode> nodes() const { return {}; }
};

}  // namespace hunt::ports
