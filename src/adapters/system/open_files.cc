#include "adapters/system/open_files.h"

#include <sys/resource.h>

#include <algorithm>
#include <filesystem>

namespace hunt::system {

std::uint64_t raise_open_files(std::uint64_t wanted) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return wanted;
  if (files.rlim_cur >= wanted) return files.rlim_cur;
  rlimit raised = files;
  raised.rlim_cur = std::min<rlim_t>(wanted, files.rlim_max);
  if (setrlimit(RLIMIT_NOFILE, &raised) != 0) return files.rlim_cur;
  return raised.rlim_cur;
}

std::uint64_t open_files() {
  std::error_code error;
  std::uint64_t count = 0;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  while (!error && entry != std::filesystem::directory_iterator()) {
    ++count;
    entry.increment(error);
  }
  return count;
}

}  // namespace hunt::system
