#include "adapters/system/memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "base/text.h"

namespace hunt::system {

namespace {

// Version 1 writes the greatest multiple of a page where there is no limit.
constexpr std::uint64_t limit_bytes_max = std::uint64_t{1} << 60;

void take_least(std::optional<std::uint64_t>& least, const std::string& path) {
  std::ifstream file(path);
  std::string text;
  if (!std::getline(file, text)) return;
  const auto limit = limit_of_memory_max(text);
  if (limit) least = std::min(least.value_or(*limit), *limit);
}

// `file` of the group and of all above it: "/a/b", "/a", "". A container sees its own as the last.
void take_least_up(std::optional<std::uint64_t>& least, const std::string& root, std::string group,
                   const std::string& file) {
  while (!group.empty() && group != "/") {
    take_least(least, root + group + file);
    group.resize(group.rfind('/'));
  }
  take_least(least, root + file);
}

}  // namespace

std::optional<std::uint64_t> limit_of_memory_max(const std::string& text) {
  const auto limit = parse_u64(text);
  if (!limit || *limit >= limit_bytes_max) return {};
  return limit;
}

std::optional<std::uint64_t> memory_limit_bytes() {
  std::optional<std::uint64_t> least;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const auto path = line.find(":/");
    if (path == std::string::npos) continue;
    const std::string group = line.substr(path + 1);
    const std::string kind = line.substr(0, path);
    if (kind == "0:") take_least_up(least, "/sys/fs/cgroup", group, "/memory.max");
    if (!kind.ends_with(":memory")) continue;
    take_least_up(least, "/sys/fs/cgroup/memory", group, "/memory.limit_in_bytes");
  }
  return least;
}

std::uint64_t memory_used_bytes() {
  std::ifstream pages("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  std::uint64_t of_files = 0;
  if (!(pages >> size >> resident >> of_files)) return 0;
  return (resident - std::min(of_files, resident)) *
         static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace hunt::system
