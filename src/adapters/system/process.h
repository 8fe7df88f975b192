// process_figures(): what the kernel says of this process; read anew at each call.
//
// Thread: any. What cannot be read stays 0.
#pragma once
#include "model/stats.h"

namespace hunt::system {

[[nodiscard]] model::ProcessFigures process_figures();

}  // namespace hunt::system
