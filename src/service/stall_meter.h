// StallMeter: how long a lane's loop stood still though its thread neither ran nor waited for a
// core: the process was stopped, its machine paused, or something blocked it.
//
// Not a wait for a core (starved_meter.h), and not one for the lane's own work: those are told by
// the scheduler. Thread: its lane's, once a tick.
#pragma once
#include <algorithm>
#include <cstdint>

#include "ports/clock.h"

namespace hunt::service {

class StallMeter {
 public:
  static constexpr std::int64_t stall_ns_min = 20'000'000;
  static constexpr std::int64_t remembered_ns = 10'000'000'000;
  static constexpr std::int64_t slack_ns = 200'000;  // what a timer is late anyway

  explicit StallMeter(const ports::Clock& clock) : clock_(clock) {}

  // The next tick is due at `due_ns`.
  void expect(std::int64_t due_ns) noexcept {
    due_ns_ = due_ns;
    awake_ns_ = clock_.thread_cpu_ns() + clock_.thread_starved_ns();
  }
  // It came. Returns how late.
  std::int64_t came(std::int64_t now_ns) noexcept {
    late_ns_ = overdue_ns(now_ns);
    if (late_ns_ < stall_ns_min) return late_ns_;
    const std::int64_t awake_ns = clock_.thread_cpu_ns() + clock_.thread_starved_ns() - awake_ns_;
    const std::int64_t stalled_ns = late_ns_ - awake_ns;
    if (stalled_ns < stall_ns_min) return late_ns_;
    if (stalled_ns >= longest_ns(now_ns)) {
      stalled_ns_ = stalled_ns;
      stalled_at_ns_ = now_ns;
    }
    return late_ns_;
  }
  // What is ready waits as long for this loop as the last tick did, or the one that is due does.
  [[nodiscard]] std::int64_t late_ns(std::int64_t now_ns) const noexcept {
    return std::max(late_ns_, overdue_ns(now_ns));
  }
  // Of the last ten seconds; 0: none.
  [[nodiscard]] std::int64_t longest_ns(std::int64_t now_ns) const noexcept {
    return now_ns - stalled_at_ns_ < remembered_ns ? stalled_ns_ : 0;
  }

 private:
  [[nodiscard]] std::int64_t overdue_ns(std::int64_t now_ns) const noexcept {
    return due_ns_ == 0 ? 0 : std::max<std::int64_t>(0, now_ns - due_ns_ - slack_ns);
  }

  const ports::Clock& clock_;
  std::int64_t due_ns_ = 0;
  std::int64_t awake_ns_ = 0;
  std::int64_t late_ns_ = 0;
  std::int64_t stalled_ns_ = 0;
  std::int64_t stalled_at_ns_ = INT64_MIN / 2;
};

}  // namespace hunt::service
