// Occupancy: how much of a bound is in use, now and over time.
//
// Not a lock and not the bound: whoever has that counts here, too. total_ns() grows by each thing
// that is inside for as long as it is, so its growth over a while is the mean number inside
// (Little's law), what hangs included. Thread: its owner's; a copy may be read anywhere.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace hunt {

class Occupancy {
 public:
  void set(std::uint64_t inside, std::int64_t now_ns) noexcept {
    total_ns_ = total_ns(now_ns);
    at_ns_ = now_ns;
    inside_ = inside;
  }
  void enter(std::int64_t now_ns) noexcept { set(inside_ + 1, now_ns); }
  void leave(std::int64_t now_ns) noexcept { set(inside_ - 1, now_ns); }

  [[nodiscard]] std::uint64_t inside() const noexcept { return inside_; }
  // Until now; for at most 2^63 ns of all together, 292 years of one.
  [[nodiscard]] std::int64_t total_ns(std::int64_t now_ns) const noexcept {
    return total_ns_ + static_cast<std::int64_t>(inside_) * (now_ns > at_ns_ ? now_ns - at_ns_ : 0);
  }

 private:
  std::uint64_t inside_ = 0;
  std::int64_t at_ns_ = 0;
  std::int64_t total_ns_ = 0;
};

// The mean number inside during the last ten seconds. read() it every second or more often.
class RecentOccupancy {
 public:
  void read(std::int64_t total_ns, std::int64_t now_ns) noexcept {
    if (count_ > 0 && now_ns - newest().at_ns < step_ns) return;
    readings_[count_++ % readings_.size()] = {now_ns, total_ns};
  }
  [[nodiscard]] double mean(std::int64_t total_ns, std::int64_t now_ns) const noexcept {
    if (count_ == 0) return 0;
    const Reading& then = readings_[count_ < readings_.size() ? 0 : count_ % readings_.size()];
    if (now_ns <= then.at_ns) return 0;
    return static_cast<double>(total_ns - then.total_ns) / static_cast<double>(now_ns - then.at_ns);
  }

 private:
  static constexpr std::int64_t step_ns = 1'000'000'000;
  struct Reading {
    std::int64_t at_ns = 0;
    std::int64_t total_ns = 0;
  };
  [[nodiscard]] const Reading& newest() const noexcept {
    return readings_[(count_ - 1) % readings_.size()];
  }

  std::array<Reading, 10> readings_{};
  std::size_t count_ = 0;
};

}  // namespace hunt
