#include "adapters/system/machine.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/timex.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "base/text.h"

namespace hunt::system {
namespace {

// A connection each of players' streams, game servers, lanes. A guess.
constexpr rlim_t files_min = 4'096;

void note_files(ports::Findings& findings) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  const std::string shown =
      files.rlim_cur == RLIM_INFINITY ? "any number of" : with_commas(files.rlim_cur);
  const std::string found = fmt::format("{} open files are allowed", shown);
  if (files.rlim_cur >= files_min) return findings.ok(found);
  findings.warning(found, fmt::format("raise it to {} or more (ulimit -n, LimitNOFILE=): each "
                                      "connection is one",
                                      with_commas(files_min)));
}

void note_clock(ports::Findings& findings) {
  timex time{};
  if (adjtimex(&time) < 0) {
    return findings.warning("the kernel does not tell whether the clock is synchronised",
                            "make sure that chrony or another NTP client keeps it right");
  }
  if ((time.status & STA_UNSYNC) == 0) return findings.ok("the clock is synchronised");
  findings.warning(
      "the kernel says that nothing keeps the clock right",
      "start chrony or another NTP client: what opens and closes by time is right only "
      "while all clocks are right to a second");
}

// Version 2 of control groups, as a container sees its own; then version 1.
std::optional<double> cores_allowed() {
  std::ifstream two("/sys/fs/cgroup/cpu.max");
  std::string text;
  if (std::getline(two, text)) return cores_of_cpu_max(text);
  std::ifstream quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  std::string period_text;
  if (!std::getline(quota, text) || !std::getline(period, period_text)) return {};
  return cores_of_cpu_max(text + " " + period_text);
}

void note_cores(ports::Findings& findings) {
  cpu_set_t ours;
  const int cores = sched_getaffinity(0, sizeof ours, &ours) == 0 ? CPU_COUNT(&ours) : 1;
  const std::optional<double> allowed = cores_allowed();
  if (!allowed || *allowed >= cores) {
    return findings.ok(fmt::format("{} cores are for this process", cores));
  }
  findings.warning(
      fmt::format("{} cores are there, but the control group may use {:.1f} of them", cores,
                  *allowed),
      fmt::format("raise the limit of the pod, or run `hunt serve --lanes {}`: lanes that are held "
                  "back answer late",
                  std::max(1, static_cast<int>(std::floor(*allowed)))));
}

}  // namespace

std::optional<double> cores_of_cpu_max(const std::string& text) {
  std::istringstream words(text);
  double quota = 0;
  double period = 0;
  if (!(words >> quota >> period) || quota <= 0 || period <= 0) return {};
  return quota / period;
}

std::vector<ports::Finding> check_machine() {
  ports::Findings findings("this machine");
  note_files(findings);
  note_clock(findings);
  note_cores(findings);
  return findings.all();
}

}  // namespace hunt::system
