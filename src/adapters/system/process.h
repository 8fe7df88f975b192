// process_figures(): what the kernel says of this process; read anew at each call.
//
// Thread: any. What cannot be read stays 0.
#pragma once
#include "model/stats.h"

namespace hunt::system {

[[nodiscard]] model::ProcessFigures process_figures();

// How long somebody on this machine was ready and had no core: a share of the last ten seconds, as
// Linux' pressure stall information tells it; 0 where there is none.
[[nodiscard]] double cpu_pressure();

}  // namespace hunt::system
