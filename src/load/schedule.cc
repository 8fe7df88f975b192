#include "load/schedule.h"

#include <algorithm>
#include <utility>

#include "base/result.h"

namespace hunt::load {

namespace {

// From `begin` to `end` over the phase, rounded down.
std::int64_t between(std::int64_t begin, std::int64_t end, std::int64_t at_ns,
                     std::int64_t duration_ns) noexcept {
  __extension__ using Wide = __int128;
  return begin + static_cast<std::int64_t>(Wide{end - begin} * at_ns / duration_ns);
}

}  // namespace

Schedule::Schedule(std::vector<Phase> phases) : phases_(std::move(phases)) {
  HUNT_ASSERT(!phases_.empty() && phases_.size() <= phases_max);
  for (const Phase& phase : phases_) {
    const bool flat = phase.rate_begin == phase.rate_end;
    HUNT_ASSERT(phase.duration_ns >= 1 &&
                phase.duration_ns <= (flat ? Phase::flat_ns_max : Phase::ramp_ns_max));
    HUNT_ASSERT(phase.rate_begin <= Phase::rate_max && phase.rate_end <= Phase::rate_max);
    HUNT_ASSERT(phase.players_begin >= 1 && phase.players_end >= 1);
    begins_ns_.push_back(duration_ns_);
    before_.push_back(whole_);
    duration_ns_ += phase.duration_ns;
    HUNT_ASSERT(duration_ns_ <= Phase::flat_ns_max);
    whole_ += area(phase, phase.duration_ns);
  }
}

// Twice the integral of the rate from the phase's beginning, times 10^9, rounded down: exact at the
// phase's end and where the rate does not change. Below 2^127: 2 * 10^9 * (8.64 * 10^13)^2 is
// 1.5 * 10^37.
Schedule::Area Schedule::area(const Phase& phase, std::int64_t since_ns) noexcept {
  const auto begin = static_cast<std::int64_t>(phase.rate_begin);
  const auto change = static_cast<std::int64_t>(phase.rate_end) - begin;
  return Area{2} * begin * since_ns + Area{change} * since_ns * since_ns / phase.duration_ns;
}

std::size_t Schedule::phase_at(std::int64_t since_ns) const noexcept {
  const auto after = std::upper_bound(begins_ns_.begin(), begins_ns_.end(), since_ns);
  return after == begins_ns_.begin() ? 0 : static_cast<std::size_t>(after - begins_ns_.begin()) - 1;
}

std::optional<std::int64_t> Schedule::due_ns(std::uint64_t position) const noexcept {
  const Area wanted = Area{position} * area_of_position;
  if (wanted >= whole_) return {};
  // The last phase with at most `wanted` before it; those without positions are passed over.
  const auto after = std::upper_bound(before_.begin(), before_.end(), wanted);
  const auto index = static_cast<std::size_t>(after - before_.begin()) - 1;
  const Phase& phase = phases_[index];
  const Area within = wanted - before_[index];
  std::int64_t low = 0;
  std::int64_t high = phase.duration_ns;
  if (phase.rate_begin == phase.rate_end) {
    const auto twice = static_cast<std::int64_t>(2 * phase.rate_begin);
    return begins_ns_[index] + static_cast<std::int64_t>((within + twice - 1) / twice);
  }
  while (low < high) {  // the first moment whose area reaches it
    const std::int64_t middle = low + (high - low) / 2;
    if (area(phase, middle) >= within) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return begins_ns_[index] + low;
}

std::uint32_t Schedule::players_at(std::int64_t since_ns) const noexcept {
  const std::int64_t at_ns = std::clamp<std::int64_t>(since_ns, 0, duration_ns_);
  const std::size_t index = phase_at(at_ns);
  const Phase& phase = phases_[index];
  return static_cast<std::uint32_t>(between(phase.players_begin, phase.players_end,
                                            std::min(at_ns - begins_ns_[index], phase.duration_ns),
                                            phase.duration_ns));
}

double Schedule::rate_at(std::int64_t since_ns) const noexcept {
  if (since_ns < 0 || since_ns >= duration_ns_) return 0;
  const std::size_t index = phase_at(since_ns);
  const Phase& phase = phases_[index];
  return static_cast<double>(between(static_cast<std::int64_t>(phase.rate_begin),
                                     static_cast<std::int64_t>(phase.rate_end),
                                     since_ns - begins_ns_[index], phase.duration_ns));
}

std::uint64_t Schedule::due_before(std::int64_t since_ns) const noexcept {
  const std::int64_t at_ns = std::clamp<std::int64_t>(since_ns, 0, duration_ns_);
  if (at_ns == 0) return 0;
  const std::size_t index = phase_at(at_ns - 1);
  const Area reached = before_[index] + area(phases_[index], at_ns - begins_ns_[index]);
  return static_cast<std::uint64_t>((reached + area_of_position - 1) / area_of_position);
}

std::uint32_t Schedule::players_max() const noexcept {
  std::uint32_t most = 0;
  for (const Phase& phase : phases_) {
    most = std::max({most, phase.players_begin, phase.players_end});
  }
  return most;
}

}  // namespace hunt::load
