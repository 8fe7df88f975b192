// fetch_debug_file(): one file from a debuginfod server, whole or not at all.
//
// Not what decides whom to ask, and when (debug_servers.h).
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

#include "base/result.h"

namespace hunt::profile {

struct FetchLimits {
  std::chrono::steady_clock::time_point until;
  std::stop_token stop;
  std::uint64_t bytes_max = 0;
};

// Writes the debug file of `build_id` to `file`; false: the server has none. Errors:
// invalid_argument (the URL), unavailable, deadline_exceeded (also when it is told to stop),
// too_large, io (the file cannot be written), corrupt (not the file of that build).
[[nodiscard]] Result<bool> fetch_debug_file(const std::string& url, const std::string& build_id,
                                            const std::filesystem::path& file,
                                            const FetchLimits& limits);

}  // namespace hunt::profile
