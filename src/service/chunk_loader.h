// ChunkLoader: brings missing chunks from the store into a lane's L1, each only once at a time.
//
// Not the cache. However many positions miss a chunk at once, one load runs (single flight) and
// all wait for it. Changes that arrive while a load is under way are applied after it, so that a
// slow load cannot bring back the past. Thread: its lane's.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/prng.h"
#include "base/result.h"
#include "engine/l1.h"
#include "ports/clock.h"
#include "ports/hunt_store.h"
#include "service/lane_metrics.h"
#include "service/signal.h"
#include "service/task_group.h"

namespace hunt::service {

class ChunkLoader {
 public:
  ChunkLoader(engine::L1& l1, ports::HuntStore& store, const ports::Clock& clock,
              boost::asio::any_io_executor lane, LaneMetrics& metrics, std::uint64_t seed);

  // Loads what is not under way already and waits for all of `keys` (repeats are fine).
  // Errors: those of HuntStore::load_chunks; overloaded when too many loads are under way;
  // deadline_exceeded.
  [[nodiscard]] boost::asio::awaitable<Result<void>> load(std::vector<model::ChunkKey> keys,
                                                          Deadlines& deadlines,
                                                          std::int64_t deadline_ns);

  // Remembers the wish to load these again in the background; flush_refreshes() sends the wishes of
  // many batches together while less than half of the loads are in use.
  void refresh(const std::vector<model::ChunkKey>& keys);
  void flush_refreshes();

  // A changed row: into L1, and kept for a load of its chunk that is under way.
  void apply(const model::TileChange& change);

  [[nodiscard]] TaskGroup& tasks() noexcept { return tasks_; }

 private:
  struct Load {
    Signal done;
    std::optional<Error> error;
    std::vector<model::TileChange> changes;  // arrived meanwhile
  };
  using LoadPtr = std::shared_ptr<Load>;

  [[nodiscard]] Result<void> start(std::vector<model::ChunkKey> keys, std::size_t loads_max);
  [[nodiscard]] boost::asio::awaitable<void> run(std::vector<model::ChunkKey> keys, LoadPtr load);

  engine::L1& l1_;
  ports::HuntStore& store_;
  const ports::Clock& clock_;
  LaneMetrics& metrics_;
  Prng prng_;
  std::vector<model::ChunkKey> refreshes_;
  std::unordered_map<model::ChunkKey, LoadPtr, model::ChunkKeyHash> under_way_;
  TaskGroup tasks_;
};

}  // namespace hunt::service
