// Zones: both changes of the clocks, in places that do it in their own ways.
#include "rules/zones.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace hunt::rules {
namespace {

Zone zone(std::string_view name) {
  auto found = Zone::find(name);
  EXPECT_TRUE(found.has_value()) << found.error();
  return found ? std::move(*found) : Zone::utc();
}

struct Clock {
  std::string_view zone;
  std::string_view local;  // what the wall shows
  std::string_view utc;
  Instant::Kind kind;
};

TEST(Zone, knows_what_a_clock_on_the_wall_means) {
  using enum Instant::Kind;
  const Clock clocks[] = {
      {"UTC", "2027-03-28T02:30", "2027-03-28T02:30", once},
      {"Europe/Berlin", "2026-12-04T18:00", "2026-12-04T17:00", once},
      {"Europe/Berlin", "2026-07-04T18:00", "2026-07-04T16:00", once},
      {"Europe/Berlin", "2027-03-28T02:30", "2027-03-28T01:00", skipped},
      {"Europe/Berlin", "2027-03-28T03:00", "2027-03-28T01:00", once},
      {"Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30", twice},
      // After 2037 the data has only a rule at its end.
      {"Europe/Berlin", "2045-03-26T02:30", "2045-03-26T01:00", skipped},
      {"Europe/Berlin", "2045-10-29T02:30", "2045-10-29T00:30", twice},
      // Half an hour, and the seasons are the other way round.
      {"Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30", skipped},
      {"Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-03T14:45", twice},
      // Summer time is over during Ramadan.
      {"Africa/Casablanca", "2026-02-10T12:00", "2026-02-10T11:00", once},
      {"Africa/Casablanca", "2026-02-20T12:00", "2026-02-20T12:00", once},
      {"Africa/Casablanca", "2026-02-15T02:30", "2026-02-15T01:30", twice},
      {"Africa/Casablanca", "2026-03-22T02:30", "2026-03-22T02:00", skipped},
      {"Asia/Kathmandu", "2026-06-01T00:00", "2026-05-31T18:15", once},
      {"Asia/Seoul", "2026-06-01T00:00", "2026-05-31T15:00", once},
      {"America/New_York", "1970-01-01T00:00", "1970-01-01T05:00", once},
  };
  for (const auto& [name, local, utc, kind] : clocks) {
    SCOPED_TRACE(std::string(name) + " " + std::string(local));
    const auto local_us = *parse_time_us(std::string(local) + "Z");
    const Instant at = zone(name).at_local(local_us);
    EXPECT_EQ(format_time_us(at.time_us).substr(0, 16), utc);
    EXPECT_EQ(at.kind, kind);
    if (kind == once) {
      EXPECT_EQ(zone(name).local_us(at.time_us), local_us);
    }
  }
}

TEST(Zone, keeps_fractions_of_seconds) {
  const auto local_us = *parse_time_us("2026-12-04T18:00:00.123456Z");
  EXPECT_EQ(format_time_us(zone("Europe/Berlin").at_local(local_us).time_us),
            "2026-12-04T17:00:00.123456Z");
}

TEST(Zone, writes_times_with_the_offset_of_that_day) {
  const auto at = [](std::string_view name, std::string_view utc) {
    return zone(name).text_of(*parse_time_us(utc));
  };
  EXPECT_EQ(at("Europe/Berlin", "2026-12-04T17:00:00Z"), "2026-12-04T18:00:00+01:00");
  EXPECT_EQ(at("Europe/Berlin", "2026-07-04T16:00:00Z"), "2026-07-04T18:00:00+02:00");
  EXPECT_EQ(at("America/St_Johns", "2026-01-01T03:30:00Z"), "2026-01-01T00:00:00-03:30");
  EXPECT_EQ(at("UTC", "2026-01-01T03:30:00Z"), "2026-01-01T03:30:00+00:00");
}

TEST(Zone, is_a_place_and_nothing_else) {
  const auto refused = [](std::string_view name) {
    const auto found = Zone::find(name);
    return found ? std::string("accepted") : found.error();
  };
  EXPECT_EQ(refused("Europe/Berln"),
            "there is no time zone \"Europe/Berln\" (did you mean \"Europe/Berlin\"?)");
  for (const auto* name : {"CET", "EST", "MST", "GMT"}) {
    EXPECT_EQ(refused(name), std::string("\"") + name +
                                 "\" is an abbreviation; write a place such as Europe/Berlin, "
                                 "which knows summer time");
  }
  for (const auto* name : {"GMT+1", "UTC+2", "+01:00", "Etc/GMT-1", "EST5EDT"}) {
    EXPECT_NE(refused(name).find("is a fixed offset"), std::string::npos) << name;
  }
  for (const auto* name : {"", "/etc/passwd", "../../etc/passwd", "Europe/../../../etc/passwd",
                           "file:Europe/Berlin", "right/Europe/Berlin", "posix/Europe/Berlin",
                           "europe/berlin", "Mars/Olympus", "localtime", "Europe"}) {
    EXPECT_NE(refused(name), "accepted") << name;
  }
  EXPECT_EQ(refused("Asia/Seoul"), "accepted");
  EXPECT_EQ(refused("Japan"), "accepted");
  EXPECT_NE(zone_data_version(), "");
}

}  // namespace
}  // namespace hunt::rules
