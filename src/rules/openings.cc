#include "rules/openings.h"

#include <algorithm>
#include <bit>
#include <chrono>

namespace hunt::rules {

namespace {

constexpr std::int64_t minute_us = 60'000'000;
constexpr std::int64_t day_us = 24 * 60 * minute_us;

std::int64_t day_of(std::int64_t local_us) {
  using namespace std::chrono;
  return floor<days>(microseconds(local_us)).count();
}

bool falls_on(std::uint8_t days, std::int64_t day) {
  using namespace std::chrono;
  const weekday name{sys_days{std::chrono::days{day}}};
  return (days >> (name.iso_encoding() - 1) & 1U) != 0;
}

model::Openings merged(model::Openings all) {
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.opens_us < b.opens_us; });
  model::Openings out;
  for (const auto& one : all) {
    if (!out.empty() && one.opens_us <= out.back().closes_us) {
      out.back().closes_us = std::max(out.back().closes_us, one.closes_us);
    } else {
      out.push_back(one);
    }
  }
  return out;
}

}  // namespace

std::uint64_t opening_count(std::span<const Recurring> recurring, model::TimeWindow window) {
  const auto days = static_cast<std::uint64_t>((window.closes_us - window.opens_us) / day_us);
  std::uint64_t week = 0;
  for (const auto& one : recurring) week += static_cast<std::uint64_t>(std::popcount(one.days));
  return days * week / 7;
}

std::optional<ResolvedOpenings> resolve_openings(std::span<const Recurring> recurring,
                                                 const Zone& zone, model::TimeWindow window,
                                                 std::size_t count_max) {
  // Days at the edges can add one of each.
  if (opening_count(recurring, window) > count_max + recurring.size()) return {};
  ResolvedOpenings out;
  const std::int64_t last = day_of(zone.local_us(window.closes_us)) + 1;
  for (std::int64_t day = day_of(zone.local_us(window.opens_us)) - 1; day <= last; ++day) {
    for (std::size_t i = 0; i < recurring.size(); ++i) {
      const Recurring& one = recurring[i];
      if (!falls_on(one.days, day)) continue;
      const std::int64_t local_us = day * day_us + one.from_minutes * minute_us;
      const Instant opens = zone.at_local(local_us);
      if (!window.holds(opens.time_us)) continue;
      if (++out.count > count_max) return {};
      if (opens.kind == Instant::Kind::skipped) {
        out.skipped.push_back({i, local_us, opens.time_us});
      }
      out.openings.push_back(
          {opens.time_us, std::min(opens.time_us + one.for_us, window.closes_us)});
    }
  }
  out.openings = merged(std::move(out.openings));
  return out;
}

bool overlap(std::span<const model::TimeWindow> a, std::span<const model::TimeWindow> b) {
  auto left = a.begin();
  auto right = b.begin();
  while (left != a.end() && right != b.end()) {
    if (left->opens_us < right->closes_us && right->opens_us < left->closes_us) return true;
    (left->closes_us < right->closes_us ? left : right)++;
  }
  return false;
}

}  // namespace hunt::rules
