#include "base/log.h"

#include <gtest/gtest.h>

#include <string>

namespace hunt {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t wall_us = 1'795'458'617'123'456;  // 2026-11-23T18:30:17.123456Z

LogEvent lost(std::string message = "the connection ended") {
  return {LogLevel::warning, "bus", std::move(message), {{"server", "nats:4222"}}};
}

TEST(LogLine, text_has_time_level_part_message_and_fields) {
  EXPECT_EQ(log_line(lost(), LogFormat::text, wall_us),
            "2026-11-23T18:30:17.123Z warning bus: the connection ended server=nats:4222");
  LogEvent odd{LogLevel::info, "rules", "two\nlines\x01", {{"path", "a b"}, {"none", ""}}};
  EXPECT_EQ(log_line(odd, LogFormat::text, wall_us),
            "2026-11-23T18:30:17.123Z info    rules: two\\nlines\\x01 path=\"a b\" none=\"\"");
}

TEST(LogLine, text_does_not_name_the_part_twice) {
  EXPECT_EQ(log_line({LogLevel::info, "bus", "bus: it is over"}, LogFormat::text, wall_us),
            "2026-11-23T18:30:17.123Z info    bus: it is over");
  EXPECT_EQ(log_line({LogLevel::info, "bus", "bus:it"}, LogFormat::text, wall_us),
            "2026-11-23T18:30:17.123Z info    bus: bus:it");
  EXPECT_EQ(log_line({LogLevel::info, "bus", "bus: it is over"}, LogFormat::plain, wall_us),
            "hunt: bus: it is over");
}

TEST(LogLine, json_is_one_object_a_line) {
  LogEvent odd = lost("said \"no\"\nä");
  EXPECT_EQ(log_line(odd, LogFormat::json, wall_us),
            R"({"time":"2026-11-23T18:30:17.123Z","level":"warning","part":"bus",)"
            R"("message":"said \"no\"\u000aä","server":"nats:4222"})");
}

TEST(LogLine, a_long_message_is_cut) {
  const std::string line = log_line(lost(std::string(100'000, 'x')), LogFormat::json, wall_us);
  EXPECT_LT(line.size(), 5'000U);
}

TEST(LogLine, a_command_writes_as_people_read) {
  EXPECT_EQ(log_line(lost(), LogFormat::plain, wall_us), "hunt: the connection ended");
}

TEST(LogRepeats, what_comes_again_is_counted_and_told_as_a_number) {
  LogRepeats repeats;
  EXPECT_TRUE(repeats.take(lost(), 0));
  for (int i = 0; i < 412; ++i) EXPECT_FALSE(repeats.take(lost(), second_ns));
  EXPECT_TRUE(repeats.take(lost("another"), second_ns));
  EXPECT_TRUE(repeats.due(9 * second_ns).empty());
  const auto told = repeats.due(10 * second_ns);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].message, "… and 412 more like it in the last 10 s: the connection ended");
  EXPECT_EQ(told[0].level, LogLevel::warning);
  EXPECT_FALSE(repeats.take(lost(), 11 * second_ns)) << "a flood stays one line in ten seconds";
  EXPECT_EQ(repeats.due(20 * second_ns).size(), 1U);
  EXPECT_TRUE(repeats.due(30 * second_ns).empty());
  EXPECT_TRUE(repeats.take(lost(), 31 * second_ns)) << "after a quiet while it is news";
}

TEST(LogRepeats, tells_all_that_it_counted_at_the_end) {
  LogRepeats repeats;
  EXPECT_TRUE(repeats.take(lost(), 0));
  EXPECT_FALSE(repeats.take(lost(), 1));
  EXPECT_EQ(repeats.due(2, true).size(), 1U);
}

TEST(LogRepeats, remembers_so_many_and_no_more) {
  LogRepeats repeats;
  for (std::size_t i = 0; i < 10 * LogRepeats::known_max; ++i) {
    EXPECT_TRUE(repeats.take(lost(std::to_string(i)), static_cast<std::int64_t>(i)));
  }
  EXPECT_TRUE(repeats.take(lost("0"), 10'000)) << "forgotten";
  EXPECT_FALSE(repeats.take(lost(std::to_string(10 * LogRepeats::known_max - 1)), 10'000));
}

}  // namespace
}  // namespace hunt
