// CacheClock: watches the clock of a shared cache's node against our own monotonic one.
//
// Copies in the cache end by its clock, so one that is set back would let them live longer than
// promise B1 allows, and bring back some that were over. What may be of before such a step is
// doubted until it would have ended by the old clock. A step forwards only ends copies early.
// Blind to what happened before the first look. A value; thread: its lane's.
#pragma once
#include <algorithm>
#include <cstdint>

#include "model/limits.h"
#include "model/outside.h"

namespace hunt::service {

class CacheClock {
 public:
  // It said `cache_ms` at some moment between the two. Bound: limits::cache_ms_max.
  void saw(std::int64_t cache_ms, std::int64_t begun_ns, std::int64_t now_ns) noexcept {
    const std::int64_t least_ms = cache_ms - now_ns / ns_per_ms - 1;
    const std::int64_t most_ms = cache_ms + 1 - begun_ns / ns_per_ms;
    if (!known_) return set(least_ms, most_ms, now_ns);
    // Clocks are slewed by up to 0.05 %.
    const std::int64_t drift_ms = (now_ns - at_ns_) / ns_per_ms / 1'000;
    if (most_ms < least_ms_ - drift_ms - 1) {
      const std::int64_t before_ms = most_ms_ + drift_ms + now_ns / ns_per_ms + 1;
      const std::int64_t from_ms = before_ms - limits::cache_kept_ns_max / ns_per_ms;
      doubt_from_ms_ = cache_ms <= doubt_until_ms_ ? std::min(doubt_from_ms_, from_ms) : from_ms;
      doubt_until_ms_ = std::max(doubt_until_ms_, before_ms + life_ms + 1'000);
      return set(least_ms, most_ms, now_ns);
    }
    if (least_ms > most_ms_ + drift_ms + 1) return set(least_ms, most_ms, now_ns);
    set(std::max(least_ms, least_ms_ - drift_ms), std::min(most_ms, most_ms_ + drift_ms),
        drift_ms > 0 ? now_ns : at_ns_);
  }
  // Whether a copy that ends then may be of before a step back.
  [[nodiscard]] bool doubts(std::int64_t expires_ms) const noexcept {
    return expires_ms > doubt_from_ms_ && expires_ms <= doubt_until_ms_;
  }

 private:
  static constexpr std::int64_t ns_per_ms = 1'000'000;
  static constexpr std::int64_t life_ms = limits::chunk_life_ns / ns_per_ms;

  void set(std::int64_t least_ms, std::int64_t most_ms, std::int64_t now_ns) noexcept {
    known_ = true;
    least_ms_ = least_ms;
    most_ms_ = most_ms;
    at_ns_ = now_ns;
  }

  bool known_ = false;
  // What its clock is ahead of ours, as known at at_ns_.
  std::int64_t least_ms_ = 0;
  std::int64_t most_ms_ = 0;
  std::int64_t at_ns_ = 0;
  std::int64_t doubt_from_ms_ = INT64_MAX;
  std::int64_t doubt_until_ms_ = INT64_MIN;
};

}  // namespace hunt::service
