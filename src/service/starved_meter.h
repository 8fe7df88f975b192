// StarvedMeter: of a wait of the lane, how long its thread was ready to run and had no core.
//
// Not the measurement (ports/clock.h, thread_starved_ns): it keeps readings of that sum, which only
// ever grows, of the last second or so. A thread without a core cannot read either, so the readings
// lie around its waits. Thread: its lane's.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "ports/clock.h"

namespace hunt::service {

class StarvedMeter {
 public:
  static constexpr std::size_t readings_max = 256;  // one each tick: 1.3 s
  // Guess: a shorter wait is nobody's trouble, and a reading costs some microseconds.
  static constexpr std::int64_t wait_ns_min = 1'000'000;

  explicit StarvedMeter(const ports::Clock& clock) : clock_(clock) {}

  void read(std::int64_t now_ns) noexcept {
    readings_[count_++ % readings_max] = {now_ns, clock_.thread_starved_ns()};
  }
  // Of the time from `from_ns` to `now_ns`, at most all of it. What lies further back than the
  // readings counts as not starved.
  [[nodiscard]] std::int64_t since(std::int64_t from_ns, std::int64_t now_ns) noexcept {
    if (now_ns - from_ns < wait_ns_min) return 0;
    if (count_ == 0 || now_ns - newest().at_ns >= wait_ns_min) read(now_ns);
    const std::size_t kept = std::min(count_, readings_max);
    std::size_t back = 1;
    while (back < kept && readings_[(count_ - back) % readings_max].at_ns > from_ns) ++back;
    const Reading& before = readings_[(count_ - back) % readings_max];
    return std::clamp<std::int64_t>(newest().starved_ns - before.starved_ns, 0, now_ns - from_ns);
  }

 private:
  struct Reading {
    std::int64_t at_ns = 0;
    std::int64_t starved_ns = 0;
  };
  [[nodiscard]] const Reading& newest() const noexcept {
    return readings_[(count_ - 1) % readings_max];
  }

  const ports::Clock& clock_;
  std::array<Reading, readings_max> readings_{};
  std::size_t count_ = 0;
};

}  // namespace hunt::service
