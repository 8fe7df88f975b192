// SlowCache: any tile cache, with a round trip added to each call: a cache in another zone.
//
// Not a model of load (adapters/delay/round_trip.h). In real time, on the caller's executor.
#pragma once
#include "adapters/delay/round_trip.h"
#include "ports/tile_cache.h"

namespace hunt::delay {

class SlowCache final : public ports::TileCache {
 public:
  // Lifetime: `inner` outlives this.
  SlowCache(ports::TileCache& inner, std::int64_t round_trip_ns)
      : inner_(inner), way_(round_trip_ns) {}

  [[nodiscard]] boost::asio::awaitable<Result<std::vector<ports::CachedChunk>>> read(
      std::vector<ports::CacheAsk> asks, std::int64_t lease_ns) override {
    return way_.add(inner_.read(std::move(asks), lease_ns));
  }
  [[nodiscard]] boost::asio::awaitable<Result<void>> fill(
      std::vector<ports::ChunkFill> fills) override {
    return way_.add(inner_.fill(std::move(fills)));
  }
  [[nodiscard]] boost::asio::awaitable<Result<void>> update(
      std::vector<model::TileChange> changes) override {
    return way_.add(inner_.update(std::move(changes)));
  }
  // The added round trip is before them all.
  [[nodiscard]] std::vector<model::CacheNode> nodes() const override { return inner_.nodes(); }

 private:
  ports::TileCache& inner_;
  RoundTrip way_;
};

}  // namespace hunt::delay
