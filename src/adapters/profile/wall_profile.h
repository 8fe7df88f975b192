// take_wall_profile(): where the time of requests goes, by the sums of the stage clock.
//
// Not stacks of code: a request that waits is on no thread's stack. The root is a timeline
// ("answer" or "claim"), above it stand the stages, and on each what is waited for and who works.
// Requests count when they end, with all of their time; many wait at once, so that the whole is
// more than the time that it was watched. Blocks its caller for so long.
#pragma once
#include <chrono>
#include <functional>
#include <stop_token>

#include "base/result.h"
#include "model/profile.h"
#include "model/stats.h"

namespace hunt::profile {

// Ends early when it is told to stop, with what there is. Errors: unsupported (there are no stages:
// of a relay).
[[nodiscard]] Result<model::Profile> take_wall_profile(const std::function<model::Stats()>& stats,
                                                       std::chrono::nanoseconds length,
                                                       const std::stop_token& stop);

}  // namespace hunt::profile
