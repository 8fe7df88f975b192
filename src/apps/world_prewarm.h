// prewarm_cache_of(): fills the shared cache with the loot of a world, before an event.
//
// Not a lane's memory: `hunt serve` reads that ahead by itself when it starts. Blocks; one thread.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "adapters/redis/redis_url.h"
#include "base/result.h"
#include "model/hunt_name.h"
#include "node/store_url.h"
#include "service/prewarm.h"

namespace hunt::apps {

// The hot set of `world`, or of all worlds; `tell` hears how many of how many chunks are read.
// Errors: those of OpenStores::open(), service::find_hot_set() and service::prewarm_cache().
[[nodiscard]] Result<service::Prewarmed> prewarm_cache_of(
    const std::vector<node::StoreUrl>& urls, const redis::RedisUrl& cache,
    const model::HuntName& hunt, std::optional<model::WorldId> world,
    const std::function<void(std::uint64_t, std::uint64_t)>& tell);

}  // namespace hunt::apps
