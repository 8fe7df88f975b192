// ChunkLoader: brings missing chunks from the cache or the store into a lane's L1, each only once
// at a time.
//
// Not the cache. However many positions miss a chunk at once, one load runs (single flight) and
// all wait for it. With a cache (PROTOCOLS 6), whoever gets a chunk's lease reads the store and
// fills; the others wait for that, and never read the store themselves. Only while the cache is
// unavailable the store is read directly, few calls at a time. Changes that arrive while a load is
// under way, or shortly before, are applied after it, so that a slow load cannot bring back the
// past. Thread: its lane's.
#pragma once
#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/prng.h"
#include "base/result.h"
#include "engine/l1.h"
#include "engine/timeline.h"
#include "ports/clock.h"
#include "ports/tile_cache.h"
#include "service/cache_clock.h"
#include "service/lane_metrics.h"
#include "service/shards.h"
#include "service/signal.h"
#include "service/task_group.h"

namespace hunt::service {

// Off the life of a copy at most, where a load is a part of many (a cold start, a flushed cache),
// so that they are not all read again at once.
inline constexpr std::int64_t jitter_percent_of_many = 40;

class ChunkLoader {
 public:
  // `cache` may be nullptr: then every load reads the store.
  ChunkLoader(engine::L1& l1, const Shards& shards, ports::TileCache* cache,
              const ports::Clock& clock, ports::Timer& timer, boost::asio::any_io_executor lane,
              LaneMetrics& metrics, std::uint64_t seed);

  // Loads what is not under way already and waits for all of `keys` (repeats are fine). The time
  // goes to l2, load_wait and store_load of `times`.
  // Errors: those of LaneStore::load_chunks; overloaded when too many loads are under way, or
  // nobody filled the cache in time; moved (the map is old); deadline_exceeded.
  [[nodiscard]] boost::asio::awaitable<Result<void>> load(std::vector<model::ChunkKey> keys,
                                                          Deadlines& deadlines,
                                                          std::int64_t deadline_ns,
                                                          engine::StageClock& times);

  // Remembers the wish to load these again in the background; flush_refreshes() sends the wishes of
  // many batches together while less than half of the loads are in use.
  void refresh(const std::vector<model::ChunkKey>& keys);
  void flush_refreshes();

  // A changed row: into L1, and kept for loads that may not have seen it.
  void apply(const model::TileChange& change);

  // The greatest epoch of a shard that its store told; 0: none yet. What others tell of a later one
  // is not believed before confirm_epoch() asked the store, which it does at a limited rate.
  [[nodiscard]] std::uint64_t known_epoch(model::ShardId shard) const noexcept {
    return epochs_[shard].known;
  }
  [[nodiscard]] boost::asio::awaitable<void> confirm_epoch(model::ShardId shard);

  // Of the store, at the shard with the most; counted where there is a cache.
  [[nodiscard]] std::size_t reads_inflight() const noexcept {
    return *std::max_element(reads_inflight_.begin(), reads_inflight_.end());
  }

  [[nodiscard]] TaskGroup& tasks() noexcept { return tasks_; }

 private:
  using Keys = std::vector<model::ChunkKey>;
  struct Load {
    Signal done;
    std::optional<Error> error;
    Keys moved;         // not owned by the shard that the map names
    bool more = false;  // some of its chunks go on in another load
    engine::LoadMarks marks;
    std::int64_t fill_wait_ns = 0;           // waiting for somebody else's fill so far
    std::vector<model::TileChange> changes;  // arrived meanwhile
  };
  using LoadPtr = std::shared_ptr<Load>;
  struct Leased {
    Keys keys;
    std::vector<std::int64_t> cache_ms;  // for each key; empty: there is nothing to fill
  };
  struct Epoch {
    std::uint64_t known = 0;
    std::int64_t asked_ns = INT64_MIN;
    bool asking = false;
  };

  [[nodiscard]] Result<void> start(Keys keys, std::size_t loads_max);
  [[nodiscard]] boost::asio::awaitable<void> run(model::ShardId shard, Keys keys, LoadPtr load);
  [[nodiscard]] boost::asio::awaitable<void> read_through(model::ShardId shard, Keys keys,
                                                          LoadPtr load);
  // Reads the store; what was leased is filled, too. `rest` of the load is still to come. False
  // when the load has ended with an error.
  [[nodiscard]] boost::asio::awaitable<bool> fetch(model::ShardId shard, Leased leased, Keys rest,
                                                   LoadPtr& load, std::int64_t deadline_ns);
  [[nodiscard]] boost::asio::awaitable<bool> enter_store(model::ShardId shard,
                                                         std::int64_t deadline_ns);
  // Which of the copies in the cache may serve: those with numbers that the protocol has, whose
  // end no clock that was set back put off, and of an epoch that the store told.
  [[nodiscard]] boost::asio::awaitable<std::vector<bool>> believe(
      const std::vector<ports::CachedChunk>& chunks, model::ShardId shard, std::int64_t begun_ns);
  void learn_epoch(model::ShardId shard, std::uint64_t epoch) noexcept {
    epochs_[shard].known = std::max(epochs_[shard].known, epoch);
  }
  void put(const model::ChunkRows& rows, std::int64_t begun_ns, std::int64_t life_ns,
           model::ShardId shard, const Load& load);
  // Those who wait for `load` go on; `rest` becomes another load, which `load` then is.
  void settle(LoadPtr& load, const Keys& done, const Keys& rest);
  void end(const LoadPtr& load, const Keys& keys, std::optional<Error> error);
  void remember(const model::TileChange& change);
  [[nodiscard]] std::int64_t lease_ns();

  engine::L1& l1_;
  const Shards& shards_;
  ports::TileCache* cache_;
  const ports::Clock& clock_;
  ports::Timer& timer_;
  LaneMetrics& metrics_;
  Prng prng_;
  Keys refreshes_;
  std::unordered_map<model::ChunkKey, LoadPtr, model::ChunkKeyHash> under_way_;
  // Changes of the last seconds, with a cache: the relay tells them before the cache has them.
  std::unordered_map<model::ChunkKey, std::vector<model::TileChange>, model::ChunkKeyHash> recent_;
  std::deque<std::pair<std::int64_t, model::ChunkKey>> recent_order_;
  std::vector<std::size_t> reads_inflight_;  // by shard, with a cache
  std::vector<Epoch> epochs_;                // by shard
  std::vector<CacheClock> cache_clocks_;     // by CachedChunk::clock
  std::int64_t cache_down_until_ns_ = INT64_MIN;
  std::int64_t lease_ns_ = 0;
  std::int64_t lease_found_ns_ = INT64_MIN;
  TaskGroup tasks_;
};

}  // namespace hunt::service
