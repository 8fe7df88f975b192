// take_heap_profile(): which functions hold this process's memory, by those who allocated it.
//
// Not what samples it (heap_sampler.h). Blocks for as long as names take: a tenth of a
// second, and longer where debug servers are asked (debug_servers.h).
#pragma once
#include <stop_token>

#include "base/result.h"
#include "model/profile.h"

namespace hunt::profile {

// Errors: unsupported (nothing is sampled here).
[[nodiscard]] Result<model::Profile> take_heap_profile(const std::stop_token& stop);

}  // namespace hunt::profile
