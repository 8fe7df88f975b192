// DebugServers: separate debug files by build id, from debuginfod servers, kept in a folder.
//
// Not libdebuginfod, which libdw would use: that waits for each file by itself, for minutes, and
// brings a TLS library into the process. Plain HTTP: GET /buildid/<build id>/debuginfo. The folder
// is that of libdebuginfod, so that what other tools fetched is found; what nobody read for a week
// goes. Blocks its caller, which is never a lane. What is not there, and a server that fails, is
// asked for again after ten minutes. Thread: any.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

namespace hunt::profile {

class DebugServers {
 public:
  static constexpr std::chrono::seconds wait_max{8};  // for all that one profile fetches
  static constexpr std::uint64_t usual_bytes_max = 512ULL << 20;  // of a file
  static constexpr std::chrono::minutes again_after{10};

  // `urls`: http://HOST[:PORT][/PATH], asked in this order; none: nothing is ever fetched.
  DebugServers(std::vector<std::string> urls, std::filesystem::path folder,
               std::uint64_t bytes_max = usual_bytes_max);

  [[nodiscard]] bool none() const noexcept { return urls_.empty(); }
  // The debug file of a build id in lower-case hex, to be read and closed by the caller; -1: there
  // is none. Takes until `until` at most, plus what the names of the servers take to be resolved,
  // and less when it is told to stop. What goes wrong is a line in the log.
  [[nodiscard]] int open(const std::string& build_id, std::chrono::steady_clock::time_point until,
                         const std::stop_token& stop);

 private:
  [[nodiscard]] int open_kept(const std::filesystem::path& file, bool& is_missing) const;
  void forget_unused() const;

  const std::vector<std::string> urls_;
  const std::filesystem::path folder_;
  const std::uint64_t bytes_max_;
  std::atomic<std::chrono::steady_clock::time_point> quiet_until_{};
};

// Those of this process: DEBUGINFOD_URLS and DEBUGINFOD_CACHE_PATH. The first call takes the former
// out of the environment, so that libdw asks nobody, and has to come before there are threads.
[[nodiscard]] DebugServers& debug_servers();

}  // namespace hunt::profile
