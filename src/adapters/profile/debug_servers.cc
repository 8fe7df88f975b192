#include "adapters/profile/debug_servers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <system_error>
#include <utility>

#include "adapters/profile/debug_fetch.h"
#include "base/log.h"
#include "base/text.h"

namespace hunt::profile {

namespace {

using std::chrono::steady_clock;

constexpr std::time_t unused_s_max = 7 * 24 * 3'600;

// It becomes the name of a folder.
bool is_build_id(const std::string& text) {
  return text.size() >= 4 && text.size() <= 128 &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string value_of(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

// As libdebuginfod has it. Empty: there is none.
std::filesystem::path folder_of_environment() {
  if (const auto folder = value_of("DEBUGINFOD_CACHE_PATH"); !folder.empty()) return folder;
  const std::filesystem::path name = "debuginfod_client";
  if (const auto folder = value_of("XDG_CACHE_HOME"); !folder.empty()) return folder / name;
  if (const auto folder = value_of("HOME"); !folder.empty())
    return std::filesystem::path(folder) / ".cache" / name;
  return {};
}

std::vector<std::string> urls_of_environment() {
  std::istringstream words(value_of("DEBUGINFOD_URLS"));
  std::vector<std::string> urls;
  for (std::string word; words >> word;) urls.push_back(word);
  if (!urls.empty()) ::unsetenv("DEBUGINFOD_URLS");
  return urls;
}

void tell(const std::string& url, const std::string& reason) {
  log(LogLevel::warning, "profile",
      fmt::format("{} gives no debug files, so that functions may lack their names: {}; it is "
                  "asked again after {} minutes",
                  printable(url, 200), reason, DebugServers::again_after.count()));
}

}  // namespace

DebugServers::DebugServers(std::vector<std::string> urls, std::filesystem::path folder,
                           std::uint64_t bytes_max)
    : urls_(std::move(urls)), folder_(std::move(folder)), bytes_max_(bytes_max) {}

// An empty file says that the servers had none when it was written.
int DebugServers::open_kept(const std::filesystem::path& file, bool& is_missing) const {
  const int kept = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (kept < 0) return -1;
  struct stat facts {};
  if (::fstat(kept, &facts) == 0 && facts.st_size > 0) return kept;
  ::close(kept);
  is_missing = ::time(nullptr) - facts.st_mtime < std::chrono::seconds(again_after).count();
  return -1;
}

int DebugServers::open(const std::string& build_id, steady_clock::time_point until,
                       const std::stop_token& stop) {
  if (none() || !is_build_id(build_id)) return -1;
  if (steady_clock::now() < quiet_until_.load()) return -1;
  const auto quiet = [this] { quiet_until_.store(steady_clock::now() + again_after); };
  if (folder_.empty()) {
    tell(urls_.front(), "there is no folder to keep them in: set DEBUGINFOD_CACHE_PATH");
    quiet();
    return -1;
  }
  const std::filesystem::path file = folder_ / build_id / "debuginfo";
  bool is_missing = false;
  if (const int kept = open_kept(file, is_missing); kept >= 0 || is_missing) return kept;
  bool all_answered = true;
  for (const std::string& url : urls_) {
    const auto there = fetch_debug_file(url, build_id, file, {until, stop, bytes_max_});
    if (there && *there) {
      forget_unused();
      return open_kept(file, is_missing);
    }
    if (there) continue;
    if (stop.stop_requested()) return -1;
    tell(url, there.error().message);
    all_answered = false;
  }
  if (!all_answered) {
    quiet();
    return -1;
  }
  std::error_code wrong;
  std::filesystem::create_directories(file.parent_path(), wrong);
  // What somebody else has put there meanwhile, or made a link of it, stays as it is.
  const int empty = ::open(file.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (empty < 0) return -1;
  ::futimens(empty, nullptr);  // of now, also where it was empty before
  ::close(empty);
  return -1;
}

void DebugServers::forget_unused() const {
  std::error_code wrong;
  std::error_code ended;  // what others take away meanwhile
  const std::filesystem::directory_iterator end;
  for (std::filesystem::directory_iterator at(folder_, ended); !ended && at != end;
       at.increment(ended)) {
    const std::filesystem::path file = at->path() / "debuginfo";
    struct stat facts {};
    if (::stat(file.c_str(), &facts) != 0) continue;
    if (::time(nullptr) - std::max(facts.st_atime, facts.st_mtime) > unused_s_max)
      std::filesystem::remove(file, wrong);
  }
}

DebugServers& debug_servers() {
  static DebugServers servers(urls_of_environment(), folder_of_environment());
  return servers;
}

}  // namespace hunt::profile
