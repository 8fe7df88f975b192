#include "base/moment.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace hunt {
namespace {

const std::int64_t now_us = parse_time_us("2026-11-29T14:10:30Z").value();

std::string read(std::string_view text) {
  const auto moment = parse_moment(text, now_us, "at");
  return moment ? shown_time(*moment) : "error: " + moment.error().message;
}

TEST(Moment, reads_how_long_ago_a_time_of_day_and_a_whole_time) {
  EXPECT_EQ(read("90s"), "2026-11-29T14:09:00Z");
  EXPECT_EQ(read("20m"), "2026-11-29T13:50:30Z");
  EXPECT_EQ(read("1h30m"), "2026-11-29T12:40:30Z");
  EXPECT_EQ(read("0s"), "2026-11-29T14:10:30Z");
  EXPECT_EQ(read("14:03"), "2026-11-29T14:03:00Z");
  EXPECT_EQ(read("14:10:30"), "2026-11-29T14:10:30Z");
  EXPECT_EQ(read("2026-11-29T14:03Z"), "2026-11-29T14:03:00Z");
  EXPECT_EQ(read("2026-11-29T15:03:20+01:00"), "2026-11-29T14:03:20Z");
}

TEST(Moment, a_time_of_day_is_the_last_such_one) {
  EXPECT_EQ(read("14:10:31"), "2026-11-28T14:10:31Z");
  EXPECT_EQ(read("23:59"), "2026-11-28T23:59:00Z");
}

TEST(Moment, refuses_the_future_and_what_is_no_time) {
  EXPECT_EQ(read("2026-11-29T14:11Z"),
            "error: 2026-11-29T14:11:00Z is in the future: it is 2026-11-29T14:10:30Z now");
  for (const auto* wrong :
       {"", "m", "20", "20 m", "-20m", "20m ", "24:00", "14:60", "14:03:60", "14.03", "1e3s",
        "9999999999s", "999999h", "2026-11-29T14:03", "yesterday", "14:3", "+4:03"}) {
    const auto moment = parse_moment(wrong, now_us, "at");
    ASSERT_FALSE(moment) << wrong;
    EXPECT_EQ(moment.error().code, Errc::invalid_argument);
    EXPECT_EQ(moment.error().field, "at");
    EXPECT_NE(moment.error().message.find("expected a time of day in UTC"), std::string::npos);
  }
}

TEST(Moment, shows_spans_in_two_units) {
  EXPECT_EQ(shown_span(0), "0 s");
  EXPECT_EQ(shown_span(59'400'000), "59 s");
  EXPECT_EQ(shown_span(60'000'000), "1 min");
  EXPECT_EQ(shown_span(200'000'000), "3 min 20 s");
  EXPECT_EQ(shown_span(3'900'000'000), "1 h 5 min");
  EXPECT_EQ(shown_span(90'000'000'000), "1 d 1 h");
  EXPECT_EQ(shown_time_of_day(now_us), "14:10:30");
}

}  // namespace
}  // namespace hunt
