// build_id(): which build of the program this process runs, as the linker wrote it into the file.
//
// Not the version (HUNT_VERSION): two builds of one version differ. By it debug files are found.
#pragma once
#include <string>

namespace hunt {

// In hex; empty: the program has none. Thread: any.
[[nodiscard]] const std::string& build_id();

}  // namespace hunt
