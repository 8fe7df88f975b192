#include "apps/world_prewarm.h"

#include <algorithm>
#include <memory>

#include "adapters/redis/redis_cache.h"
#include "adapters/system/system_clock.h"
#include "apps/lane.h"
#include "apps/open_store.h"
#include "model/limits.h"
#include "service/sharded_store.h"

namespace hunt::apps {

namespace {

// The cache on a lane of its own, which ends before the cache does.
struct CacheLane {
  explicit CacheLane(redis::RedisUrl url)
      : cache(std::move(url), redis::RedisOptions(), lane.executor()) {
    lane.start();
  }
  ~CacheLane() { lane.stop(); }
  CacheLane(const CacheLane&) = delete;
  CacheLane& operator=(const CacheLane&) = delete;

  Lane lane;
  redis::RedisCache cache;
};

}  // namespace

Result<void> check_prewarm(const std::string& cache_url) {
  if (cache_url == "none:") {
    return fail(Errc::invalid_argument,
                "there is no cache to fill: name one with --cache redis://HOST:PORT or "
                "redis-cluster://HOST:PORT; without one `hunt serve` reads the loot ahead itself",
                "cache");
  }
  HUNT_CHECK(redis::parse_redis_url(cache_url));
  return {};
}

Result<service::Prewarmed> prewarm_cache_of(
    const std::vector<std::string>& store_urls, const std::string& cache_url,
    std::optional<model::WorldId> world,
    const std::function<void(std::uint64_t, std::uint64_t)>& tell) {
  const system::SystemClock clock;
  OpenStoreOptions how;
  how.read_only = true;
  HUNT_TRY(stores, OpenStores::open(store_urls, clock, how));
  service::ShardedStore whole(stores.stores());
  whole.set_map(stores.map());
  const service::Shards shards(stores.stores(),
                               std::make_shared<const model::ShardMap>(stores.map()), {});
  HUNT_TRY(url, redis::parse_redis_url(cache_url));
  CacheLane on(std::move(url));
  Lane& lane = on.lane;
  HUNT_CHECK(lane.run(on.cache.check()));
  HUNT_TRY(chunks, lane.run(service::find_hot_set(whole, world)));
  service::Prewarmed all;
  for (std::size_t at = 0; at < chunks.size(); at += limits::chunks_per_load_max) {
    const auto end = std::min(chunks.size(), at + limits::chunks_per_load_max);
    std::vector<model::ChunkKey> part(chunks.begin() + static_cast<std::ptrdiff_t>(at),
                                      chunks.begin() + static_cast<std::ptrdiff_t>(end));
    HUNT_TRY(done, lane.run(service::prewarm_cache(shards, on.cache, std::move(part))));
    all.filled += done.filled;
    all.there += done.there;
    tell(end, chunks.size());
  }
  return all;
}

}  // namespace hunt::apps
