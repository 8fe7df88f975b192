// take_cpu_profile(): which functions of this process use the CPU, over some seconds.
//
// Blocks its caller for so long; the process goes on, sampled at 99 Hz of its CPU time. One at a
// time (stack_sampler.h).
#pragma once
#include <chrono>
#include <stop_token>

#include "base/result.h"
#include "model/profile.h"

namespace hunt::profile {

// Ends early when it is told to stop, with what there is. Errors: overloaded, unsupported.
[[nodiscard]] Result<model::Profile> take_cpu_profile(std::chrono::nanoseconds length,
                                                      const std::stop_token& stop);

}  // namespace hunt::profile
