// prewarm_cache_of(): fills the shared cache with the loot of a world, before an event.
//
// Not a lane's memory: `hunt serve` reads that ahead by itself when it starts. Blocks; one thread.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "service/prewarm.h"

namespace hunt::apps {

// Errors: invalid_argument (the URL, or no cache at all).
[[nodiscard]] Result<void> check_prewarm(const std::string& cache_url);

// The hot set of `world`, or of all worlds; `tell` hears how many of how many chunks are read.
// Errors: those of OpenStores::open(), service::find_hot_set() and service::prewarm_cache().
[[nodiscard]] Result<service::Prewarmed> prewarm_cache_of(
    const std::vector<std::string>& store_urls, const std::string& cache_url,
    std::optional<model::WorldId> world,
    const std::function<void(std::uint64_t, std::uint64_t)>& tell);

}  // namespace hunt::apps
