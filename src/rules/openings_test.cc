// Openings over the changes of the clocks, at the edges of the window, and their number.
#include "rules/openings.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/prng.h"
#include "base/text.h"

namespace hunt::rules {
namespace {

constexpr std::int64_t minute_us = 60'000'000;
constexpr std::uint8_t friday = 1U << 4;
constexpr std::uint8_t sunday = 1U << 6;

std::int64_t time_us(std::string_view text) {
  return *parse_time_us(text);
}

Recurring recurring(std::uint8_t days, std::int32_t hour, std::int32_t minute,
                    std::int64_t for_minutes) {
  return {days, hour * 60 + minute, for_minutes * minute_us};
}

// "opens closes" in UTC, a line each.
std::string text_of(const model::Openings& openings) {
  std::string out;
  for (const auto& one : openings) {
    out += fmt::format("{} {}\n", format_time_us(one.opens_us).substr(0, 16),
                       format_time_us(one.closes_us).substr(0, 16));
  }
  return out;
}

ResolvedOpenings resolved(const std::vector<Recurring>& all, std::string_view zone,
                          std::string_view starts, std::string_view ends) {
  auto found = resolve_openings(all, *Zone::find(zone), {time_us(starts), time_us(ends)}, 2'000);
  EXPECT_TRUE(found.has_value());
  return found ? std::move(*found) : ResolvedOpenings{};
}

TEST(Openings, are_at_the_same_time_by_the_clocks_on_both_sides_of_a_change) {
  const auto spring =
      resolved({recurring(sunday, 18, 0, 60)}, "Europe/Berlin", "2027-03-20", "2027-04-10T00:00Z");
  EXPECT_EQ(text_of(spring.openings),
            "2027-03-21T17:00 2027-03-21T18:00\n"
            "2027-03-28T16:00 2027-03-28T17:00\n"
            "2027-04-04T16:00 2027-04-04T17:00\n");
}

TEST(Openings, that_spring_skips_open_when_the_gap_is_over_and_are_as_long) {
  const auto berlin = resolved({recurring(every_day, 2, 30, 60)}, "Europe/Berlin",
                               "2027-03-27T00:00Z", "2027-03-30T00:00Z");
  EXPECT_EQ(text_of(berlin.openings),
            "2027-03-27T01:30 2027-03-27T02:30\n"
            "2027-03-28T01:00 2027-03-28T02:00\n"
            "2027-03-29T00:30 2027-03-29T01:30\n");
  ASSERT_EQ(berlin.skipped.size(), 1U);
  EXPECT_EQ(format_time_us(berlin.skipped[0].local_us).substr(0, 16), "2027-03-28T02:30");
  const auto lord_howe = resolved({recurring(every_day, 2, 15, 10)}, "Australia/Lord_Howe",
                                  "2026-10-03T00:00Z", "2026-10-05T00:00Z");
  EXPECT_EQ(text_of(lord_howe.openings),
            "2026-10-03T15:30 2026-10-03T15:40\n"
            "2026-10-04T15:15 2026-10-04T15:25\n");
  const auto casablanca = resolved({recurring(every_day, 2, 30, 10)}, "Africa/Casablanca",
                                   "2026-03-21T00:00Z", "2026-03-23T12:00Z");
  EXPECT_EQ(text_of(casablanca.openings),
            "2026-03-21T02:30 2026-03-21T02:40\n"
            "2026-03-22T02:00 2026-03-22T02:10\n"
            "2026-03-23T01:30 2026-03-23T01:40\n");
}

TEST(Openings, that_autumn_repeats_open_the_first_time) {
  const auto berlin = resolved({recurring(every_day, 2, 30, 60)}, "Europe/Berlin",
                               "2026-10-24T12:00Z", "2026-10-26T12:00Z");
  EXPECT_EQ(text_of(berlin.openings),
            "2026-10-25T00:30 2026-10-25T01:30\n"
            "2026-10-26T01:30 2026-10-26T02:30\n");
  EXPECT_TRUE(berlin.skipped.empty());
}

TEST(Openings, begin_in_the_window_and_end_with_it) {
  const auto found = resolved({recurring(every_day, 12, 0, 24 * 60 + 1)}, "UTC",
                              "2027-01-01T12:00Z", "2027-01-03T18:00Z");
  EXPECT_EQ(found.count, 3U);
  EXPECT_EQ(text_of(found.openings), "2027-01-01T12:00 2027-01-03T18:00\n");
  const auto late =
      resolved({recurring(every_day, 12, 0, 60)}, "UTC", "2027-01-01T12:01Z", "2027-01-02T12:00Z");
  EXPECT_EQ(late.count, 0U) << "one began before, one would begin at the end";
}

TEST(Openings, of_a_far_zone_fall_on_its_own_days) {
  // It is friday in Kiritimati when it is thursday in UTC.
  const auto found = resolved({recurring(friday, 1, 0, 30)}, "Pacific/Kiritimati",
                              "2026-12-01T00:00Z", "2026-12-12T00:00Z");
  EXPECT_EQ(text_of(found.openings),
            "2026-12-03T11:00 2026-12-03T11:30\n"
            "2026-12-10T11:00 2026-12-10T11:30\n");
}

TEST(Openings, have_a_limit) {
  const Zone utc = Zone::utc();
  const std::vector<Recurring> daily{recurring(every_day, 0, 0, 1)};
  const model::TimeWindow window{time_us("2027-01-01"),
                                 time_us("2027-01-01") + 2'000 * 86'400'000'000};
  EXPECT_EQ(resolve_openings(daily, utc, window, 2'000)->count, 2'000U);
  EXPECT_FALSE(resolve_openings(daily, utc, window, 1'999).has_value());
  const model::TimeWindow ages{time_us("1970-01-01"), time_us("9999-12-31")};
  EXPECT_FALSE(resolve_openings(daily, utc, ages, 2'000).has_value());
  EXPECT_EQ(opening_count(daily, ages), 2'932'896U);
}

TEST(Openings, agree_with_a_look_at_every_minute_for_any_seed) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Prng prng(seed);
    std::vector<Recurring> all;
    for (std::uint64_t i = 1 + prng.below(3); i > 0; --i) {
      all.push_back(recurring(static_cast<std::uint8_t>(1 + prng.below(127)),
                              static_cast<std::int32_t>(prng.below(24)), 0,
                              static_cast<std::int64_t>(1 + prng.below(2'000))));
    }
    const model::TimeWindow window{time_us("2027-01-01T07:00Z"), time_us("2027-01-20T05:00Z")};
    const auto found = resolve_openings(all, Zone::utc(), window, 2'000);
    ASSERT_TRUE(found.has_value());
    for (std::int64_t at = window.opens_us - 60 * minute_us; at < window.closes_us + 60 * minute_us;
         at += 60 * minute_us) {
      bool open = false;
      for (const auto& one : all) {
        for (std::int64_t day = 0; day < 25; ++day) {
          const std::int64_t midnight = time_us("2026-12-28") + day * 1'440 * minute_us;
          const std::int64_t opens = midnight + one.from_minutes * minute_us;
          if ((one.days >> (day % 7) & 1U) == 0 || !window.holds(opens))
            continue;  // a monday first
          open = open || (opens <= at && at < std::min(opens + one.for_us, window.closes_us));
        }
      }
      ASSERT_EQ(model::opening_at(found->openings, at) != nullptr, open) << "seed " << seed;
      const std::int64_t edge_us = model::next_edge_us(found->openings, at);
      ASSERT_GT(edge_us, at);
      if (edge_us != model::time_us_max) {
        ASSERT_NE(model::opening_at(found->openings, edge_us) != nullptr, open);
      }
    }
  }
}

TEST(Openings, overlap_where_both_are_open_for_a_moment) {
  EXPECT_TRUE(overlap(model::Openings{{1, 3}, {9, 12}}, model::Openings{{4, 5}, {11, 20}}));
  EXPECT_FALSE(overlap(model::Openings{{1, 3}, {9, 12}}, model::Openings{{3, 9}, {12, 20}}));
  EXPECT_FALSE(overlap({}, model::Openings{{3, 9}}));
}

}  // namespace
}  // namespace hunt::rules
