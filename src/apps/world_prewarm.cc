#include "apps/world_prewarm.h"

#include <algorithm>
#include <memory>

#include "adapters/redis/redis_cache.h"
#include "adapters/system/system_clock.h"
#include "model/limits.h"
#include "node/lane.h"
#include "node/open_store.h"
#include "service/sharded_store.h"

namespace hunt::apps {

namespace {

// The cache on a lane of its own, which ends before the cache does.
struct CacheLane {
  CacheLane(redis::RedisUrl url, redis::RedisOptions options)
      : cache(std::move(url), std::move(options), lane.executor()) {
    lane.start("prewarm");
  }
  ~CacheLane() { lane.stop(); }
  CacheLane(const CacheLane&) = delete;
  CacheLane& operator=(const CacheLane&) = delete;

  node::Lane lane;
  redis::RedisCache cache;
};

}  // namespace

Result<service::Prewarmed> prewarm_cache_of(
    const std::vector<node::StoreUrl>& urls, const redis::RedisUrl& cache,
    const model::HuntName& hunt, std::optional<model::WorldId> world,
    const std::function<void(std::uint64_t, std::uint64_t)>& tell) {
  const system::SystemClock clock;
  node::OpenStoreOptions how;
  how.read_only = true;
  HUNT_TRY(stores, node::OpenStores::open(urls, clock, how));
  service::ShardedStore whole(stores.stores<ports::WorldStore>());
  whole.set_map(stores.map());
  const service::Shards shards(stores.stores(),
                               std::make_shared<const model::ShardMap>(stores.map()), {});
  redis::RedisOptions options;
  options.hunt = hunt;
  options.owner = stores.owner();
  CacheLane on(cache, std::move(options));
  node::Lane& lane = on.lane;
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
