// RedisCache: the shared tile cache in a Redis server or a Redis Cluster.
//
// Not a place for anything that must last. Whatever changes something runs as a script inside Redis
// (scripts.h, PROTOCOLS 6), by the clock of the node that has the chunk; so does a miss, for its
// lease. A hit is an HGETALL, judged here by the same rules and the same clock. The chunks of one
// call go to their nodes together and each node's in one go. Needs Redis 5 or newer; hiredis 0.14
// has no TLS. Thread: its lane's. Lifecycle: connects when first used, and again by itself;
// outlives its calls and ends before the lane's loop does.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "adapters/redis/redis_url.h"
#include "adapters/redis/servers.h"
#include "model/hunt_name.h"
#include "model/hunt_owner.h"
#include "ports/tile_cache.h"

namespace hunt::redis {

struct RedisOptions {
  model::HuntName hunt;                     // of all keys
  model::HuntOwner owner;                   // whose they are; without an id that is not looked at
  std::int64_t deadline_ns = 50'000'000;    // of one exchange with the servers
  std::uint64_t seed = 1;                   // of the jitter between connections
  std::function<std::int64_t()> test_time;  // ms, for tests: instead of the servers' own clocks
};

struct RedisFigures {
  std::uint64_t chunks_read = 0;
  std::uint64_t chunks_complete = 0;
  std::uint64_t chunks_unreadable = 0;  // thrown away: written by another version, or damaged
  std::uint64_t chunks_unanswered = 0;  // of a node that is down, while others answered
  std::uint64_t fills = 0;
  std::uint64_t fills_refused = 0;    // too late, or older than what is there
  std::uint64_t changes_dropped = 0;  // by a fill, because they were old or it has them
  std::uint64_t updates = 0;
  std::uint64_t updates_old = 0;
  ServersFigures servers;
};

// What the cache says about one tile.
struct CachedTile {
  bool complete = false;              // only then no row means that nothing lies there
  std::optional<model::TileRow> row;  // the newest known, also when not complete
  std::uint64_t epoch = 0;            // of that row
};

class RedisCache final : public ports::TileCache {
 public:
  RedisCache(RedisUrl url, RedisOptions options, boost::asio::any_io_executor lane);
  ~RedisCache() override { close(); }
  RedisCache(const RedisCache&) = delete;
  RedisCache& operator=(const RedisCache&) = delete;

  // While one node of several is down, its chunks come back leased with cache_ms 0: they are the
  // caller's to read from the store, and no fill is kept of them.
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<ports::CachedChunk>>> read(
      std::vector<ports::CacheAsk> asks, std::int64_t lease_ns) override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> fill(
      std::vector<ports::ChunkFill> fills) override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> update(
      std::vector<model::TileChange> changes) override;

  // One tile by its place, without its chunk. Gives no lease. Errors: those of read().
  [[nodiscard]] boost::asio::awaitable<Result<CachedTile>> read_tile(model::WorldId world,
                                                                     model::Tile tile,
                                                                     std::uint64_t epoch_min);
  // Whether every node answers and lets us in: for a start and for people. Errors: unauthorized,
  // unavailable, deadline_exceeded, with what to do.
  // Also already_exists, where the keys of this name are another hunt's: so do all calls answer
  // then, as long as that is so.
  [[nodiscard]] boost::asio::awaitable<Result<void>> check();

  // Ends the connections; calls under way fail.
  void close() { servers_.close(); }
  [[nodiscard]] RedisFigures figures() const;
  [[nodiscard]] std::vector<model::CacheNode> nodes() const override { return servers_.nodes(); }

 private:
  using Chunks = std::vector<ports::CachedChunk>;
  [[nodiscard]] std::string key_of(model::ChunkKey key) const {
    return options_.hunt.chunk_key(key);
  }
  [[nodiscard]] Call read_call(const ports::CacheAsk& ask) const;
  [[nodiscard]] Call lease_call(const ports::CacheAsk& ask, std::int64_t lease_ns) const;
  [[nodiscard]] Call fill_call(const ports::ChunkFill& fill) const;
  [[nodiscard]] Call update_call(const model::TileChange& change) const;
  void add_time(CommandWriter& command) const;
  [[nodiscard]] boost::asio::awaitable<Result<void>> look_at_owner();
  [[nodiscard]] std::int64_t now_of(const Reply& reply) const;
  // Asks for the leases of the chunks at `which`; those at `odd` are deleted before.
  [[nodiscard]] boost::asio::awaitable<Result<void>> lease(const std::vector<ports::CacheAsk>& asks,
                                                           std::int64_t lease_ns,
                                                           std::vector<std::size_t> which,
                                                           std::vector<std::size_t> odd,
                                                           Chunks& chunks);

  RedisOptions options_;
  Servers servers_;
  RedisFigures figures_;
  TimePoint owner_looked_{};         // when it was asked
  std::optional<Error> other_hunt_;  // whose the keys are, seen then
};

}  // namespace hunt::redis
