#include "gateway/request_times.h"

#include <algorithm>
#include <ctime>
#include <iterator>

namespace hunt::gateway {
namespace {

std::int64_t cpu_ns_of_thread() {
  timespec time{};
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) != 0) return 0;
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

void RequestTimes::add(const Spent& spent) {
  if (kept_.size() < kept_max) return kept_.push_back(spent);
  kept_[next_] = spent;
  next_ = (next_ + 1) % kept_max;
}

void RequestTimes::look(std::chrono::steady_clock::time_point now) {
  const std::int64_t cpu_ns = cpu_ns_of_thread();
  const std::int64_t passed_ns = (now - looked_at_) / std::chrono::nanoseconds(1);
  const bool first = looked_at_ == std::chrono::steady_clock::time_point();
  if (!first && passed_ns > 0) {
    busy_ = static_cast<double>(cpu_ns - cpu_ns_) / static_cast<double>(passed_ns);
  }
  looked_at_ = now;
  cpu_ns_ = cpu_ns;
}

std::vector<Spent> RequestTimes::since(std::chrono::steady_clock::time_point from) const {
  std::vector<Spent> out;
  std::copy_if(kept_.begin(), kept_.end(), std::back_inserter(out),
               [from](const Spent& one) { return one.ended > from; });
  return out;
}

}  // namespace hunt::gateway
