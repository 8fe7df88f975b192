// Openings that recur on local days, as sorted moments in UTC.
//
// Not the language (parse.h): here stand days, hours and the change of the clocks. All is computed
// ahead, so that whoever answers a position only compares numbers. Pure; any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/rule_set.h"
#include "rules/zones.h"

namespace hunt::rules {

inline constexpr std::uint8_t every_day = 0x7f;

// On each of the days at `from` by the clocks of the place, for so long of real time.
struct Recurring {
  std::uint8_t days = every_day;  // bit 0: monday
  std::int32_t from_minutes = 0;  // after midnight
  std::int64_t for_us = 0;
};

struct MovedOpening {
  std::size_t which = 0;      // into the recurring ones
  std::int64_t local_us = 0;  // the time that the clocks skip that day
  std::int64_t opens_us = 0;
};

struct ResolvedOpenings {
  std::uint64_t count = 0;  // before those that overlap were made one
  model::Openings openings;
  std::vector<MovedOpening> skipped;
};

// The openings that begin in [window.opens, window.closes); the last ends with it at the latest.
// nullopt with more than `count_max`: see opening_count(). Cost: days of the window x recurring.
[[nodiscard]] std::optional<ResolvedOpenings> resolve_openings(std::span<const Recurring> recurring,
                                                               const Zone& zone,
                                                               model::TimeWindow window,
                                                               std::size_t count_max);

// About how many there are in the window, without looking at each.
[[nodiscard]] std::uint64_t opening_count(std::span<const Recurring> recurring,
                                          model::TimeWindow window);

// Where two lists are open at once.
[[nodiscard]] bool overlap(std::span<const model::TimeWindow> a,
                           std::span<const model::TimeWindow> b);

}  // namespace hunt::rules
