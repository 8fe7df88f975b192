// take_cpu_profile(): which functions of this process use the CPU, over some seconds.
//
// Blocks its caller for so long; the process goes on, sampled at 99 Hz of its CPU time. One at a
// time (stack_sampler.h). Names of debug servers, where there are any, come after that.
#pragma once
#include <chrono>
#include <stop_token>

#include "adapters/profile/debug_servers.h"
#include "base/result.h"
#include "model/profile.h"

namespace hunt::profile {

// Ends early when it is told to stop, with what there is. Errors: overloaded, unsupported.
[[nodiscard]] Result<model::Profile> take_cpu_profile(std::chrono::nanoseconds length,
                                                      const std::stop_token& stop,
                                                      DebugServers& servers = debug_servers());

}  // namespace hunt::profile
