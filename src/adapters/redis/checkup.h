// check_up(): whether a Redis server, or each master of a Redis Cluster, suits the shared cache.
//
// Not the cache (redis_cache.h). Blocking, over connections of its own, with commands that only
// read; no answer is waited for longer than two seconds. What the user may not ask is said.
#pragma once
#include <vector>

#include "adapters/redis/redis_url.h"
#include "model/hunt_name.h"
#include "model/hunt_owner.h"
#include "ports/clock.h"
#include "ports/findings.h"

namespace hunt::redis {

// `owner`: of the stores, or nobody's that is known.
[[nodiscard]] std::vector<ports::Finding> check_up(const RedisUrl& url, const model::HuntName& hunt,
                                                   const model::HuntOwner& owner,
                                                   const ports::Clock& clock);

}  // namespace hunt::redis
