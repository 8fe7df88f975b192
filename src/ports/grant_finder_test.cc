// Where a search of a ledger begins and ends, and what it keeps.
#include "ports/grant_finder.h"

#include <gtest/gtest.h>

#include <vector>

namespace hunt::ports {
namespace {

// A row each second, from this cursor on.
constexpr std::uint64_t low = 1'000;
constexpr std::int64_t second_us = 1'000'000;

Result<std::int64_t> time_at(std::uint64_t cursor) {
  return static_cast<std::int64_t>(cursor) * second_us;
}

LedgerSpan span(std::int64_t from_us, std::int64_t until_us, std::uint64_t high) {
  model::GrantSearch search;
  search.from_us = from_us;
  search.until_us = until_us;
  const auto found = span_of(search, low, high, time_at);
  return found ? *found : LedgerSpan{};
}

TEST(GrantFinder, looks_at_all_when_no_time_is_asked_for) {
  const auto all = span(INT64_MIN, INT64_MAX, 5'000);
  EXPECT_EQ(all.first, low);
  EXPECT_EQ(all.last, 5'000U);
  EXPECT_FALSE(all.cut);
  EXPECT_GT(span(INT64_MIN, INT64_MAX, 0).first, span(INT64_MIN, INT64_MAX, 0).last) << "no rows";
}

TEST(GrantFinder, looks_a_minute_around_the_time_that_is_asked_for) {
  const auto part = span(2'000 * second_us, 3'000 * second_us, 5'000);
  EXPECT_EQ(part.first, 1'940U);
  EXPECT_EQ(part.last, 3'059U);
  EXPECT_FALSE(part.cut);
  const auto before = span(0, 10 * second_us, 5'000);
  EXPECT_GT(before.first, before.last);
  const auto after = span(9'000 * second_us, INT64_MAX, 5'000);
  EXPECT_GT(after.first, after.last);
}

TEST(GrantFinder, looks_at_the_newest_where_there_are_too_many) {
  const std::uint64_t high = low + limits::grants_searched_max;
  const auto cut = span(INT64_MIN, INT64_MAX, high);
  EXPECT_TRUE(cut.cut);
  EXPECT_EQ(cut.last, high);
  EXPECT_EQ(cut.last - cut.first + 1, limits::grants_searched_max);
  EXPECT_FALSE(span(INT64_MIN, INT64_MAX, high - 1).cut);
}

TEST(GrantFinder, an_error_on_the_way_is_the_searchs) {
  model::GrantSearch search;
  search.from_us = 0;
  const auto broken = [](std::uint64_t) -> Result<std::int64_t> {
    return fail(Errc::unavailable, "down");
  };
  EXPECT_FALSE(span_of(search, low, 5'000, broken).has_value());
}

TEST(GrantFinder, keeps_the_newest_and_the_oldest_and_counts_all) {
  model::GrantSearch search;
  search.spawn = 7;
  GrantFinder finder(search);
  constexpr std::uint64_t rows = limits::grants_found_max + 5;
  for (std::uint64_t i = rows; i > 0; --i) {
    model::Grant row;
    row.cursor = i;
    row.spawn = 7;
    EXPECT_TRUE(finder.wants(row));
    finder.take(row);
    row.spawn = 8;
    EXPECT_FALSE(finder.wants(row));
  }
  const auto found = finder.found(3);
  EXPECT_EQ(found.count, rows);
  ASSERT_EQ(found.newest.size(), limits::grants_found_max);
  EXPECT_EQ(found.newest.front().cursor, rows);
  EXPECT_EQ(found.oldest->cursor, 1U);
  EXPECT_EQ(found.back_to_us, 3);
}

}  // namespace
}  // namespace hunt::ports
