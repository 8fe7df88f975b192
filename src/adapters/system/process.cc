#include "adapters/system/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "adapters/system/memory.h"
#include "adapters/system/open_files.h"

namespace hunt::system {

namespace {

double seconds_of(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

}  // namespace

// The fields of /proc/self/stat are numbered in proc(5); the name, the second, may hold anything.
model::ProcessFigures process_figures() {
  constexpr int state = 3;
  constexpr int threads = 20;
  constexpr int start_ticks = 22;
  constexpr int virtual_bytes = 23;
  constexpr int resident_pages = 24;
  model::ProcessFigures figures;
  figures.cpu_seconds = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  figures.used_bytes = static_cast<double>(memory_used_bytes());
  figures.open_fds = static_cast<double>(open_files());
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) figures.max_fds = static_cast<double>(files.rlim_cur);
  std::ifstream stat("/proc/self/stat");
  std::string text;
  std::getline(stat, text);
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return figures;
  std::istringstream fields(text.substr(name_end + 1));
  for (int field = state; fields >> text && field <= resident_pages; ++field) {
    if (field == threads) figures.threads = std::stod(text);
    if (field == virtual_bytes) figures.virtual_bytes = std::stod(text);
    if (field == resident_pages) {
      figures.resident_bytes = std::stod(text) * static_cast<double>(sysconf(_SC_PAGESIZE));
    }
    if (field == start_ticks) {
      // The same each time, or it looks like a restart.
      static const double boot = seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME);
      const double since_boot = std::stod(text) / static_cast<double>(sysconf(_SC_CLK_TCK));
      figures.start_time_seconds = boot + since_boot;
    }
  }
  return figures;
}

// "some avg10=1.94 avg60=… …": Linux, Documentation/accounting/psi.rst.
double cpu_pressure() {
  std::ifstream file("/proc/pressure/cpu");
  std::string kind;
  std::string average;
  if (!(file >> kind >> average) || kind != "some" || !average.starts_with("avg10=")) return 0;
  return std::strtod(average.c_str() + std::string_view("avg10=").size(), nullptr) / 100;
}

}  // namespace hunt::system
