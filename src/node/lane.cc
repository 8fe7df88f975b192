#include "node/lane.h"

#include <pthread.h>

#include <ctime>

namespace hunt::node {

namespace {

std::int64_t read_clock_ns(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) return 0;
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

std::int64_t Lane::cpu_ns() {
  clockid_t clock{};
  if (!thread_.joinable() || pthread_getcpuclockid(thread_.native_handle(), &clock) != 0) return 0;
  return read_clock_ns(clock);
}

std::int64_t process_cpu_ns() {
  return read_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

}  // namespace hunt::node
