// Schedule: when each position of a run is due, and how many players play then.
//
// Phases follow each other; within one, players and rate change linearly. The number of positions
// due by a moment is the integral of the rate, computed in whole numbers from the beginning of the
// run, so that no rounding adds up. Not a clock and not a sender. Pure; immutable once built.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace hunt::load {

struct Phase {
  static constexpr std::int64_t ramp_ns_max = 86'400'000'000'000;         // a day
  static constexpr std::int64_t flat_ns_max = 1'000'000'000'000'000'000;  // 31 years
  static constexpr std::uint64_t rate_max = 1'000'000'000;
  std::int64_t duration_ns = 0;  // 1 to ramp_ns_max, or to flat_ns_max where the rate stays
  std::uint32_t players_begin = 1;
  std::uint32_t players_end = 1;
  std::uint64_t rate_begin = 0;  // positions a second, up to rate_max
  std::uint64_t rate_end = 0;
};

class Schedule {
 public:
  static constexpr std::size_t phases_max = 1'000;

  // Bound: 1 to phases_max phases; all of them together at most flat_ns_max.
  explicit Schedule(std::vector<Phase> phases);

  // When the position that comes after `position` others is due, since the beginning: the first
  // moment at which the integral of the rate reaches `position`. Never decreases in `position`.
  // Nothing when the run ends before.
  [[nodiscard]] std::optional<std::int64_t> due_ns(std::uint64_t position) const noexcept;
  // Of the phase at that moment; the end's after the end.
  [[nodiscard]] std::uint32_t players_at(std::int64_t since_ns) const noexcept;
  [[nodiscard]] double rate_at(std::int64_t since_ns) const noexcept;
  // Positions due before that moment: the integral of the rate until then, rounded up.
  [[nodiscard]] std::uint64_t due_before(std::int64_t since_ns) const noexcept;

  [[nodiscard]] std::int64_t duration_ns() const noexcept { return duration_ns_; }
  [[nodiscard]] std::uint32_t players_max() const noexcept;
  [[nodiscard]] const std::vector<Phase>& phases() const noexcept { return phases_; }

 private:
  // Twice the positions times nanoseconds a second: whole, because a ramp's area is half of a
  // whole number.
  __extension__ using Area = __int128;
  static constexpr std::int64_t area_of_position = 2'000'000'000;

  [[nodiscard]] static Area area(const Phase& phase, std::int64_t since_ns) noexcept;
  [[nodiscard]] std::size_t phase_at(std::int64_t since_ns) const noexcept;

  std::vector<Phase> phases_;
  std::vector<std::int64_t> begins_ns_;  // of each phase
  std::vector<Area> before_;             // area of the phases before each
  Area whole_ = 0;
  std::int64_t duration_ns_ = 0;
};

}  // namespace hunt::load
