#include "rush/scenario.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace hunt::rush {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

std::string error_of(std::string_view text) {
  const auto scenario = parse_scenario("s.yaml", text);
  return scenario ? std::string() : scenario.error().message;
}

TEST(Scenario, without_a_file_is_the_reference_load) {
  const Scenario scenario;
  const load::Schedule schedule = schedule_of(scenario, {});
  EXPECT_EQ(schedule.duration_ns(), 60 * second_ns);
  EXPECT_EQ(schedule.players_max(), 28'000U);
  EXPECT_EQ(schedule.due_before(schedule.duration_ns()), 60U * 120'000);
  EXPECT_EQ(warmup_ns_of(scenario, schedule), 5 * second_ns);
}

TEST(Scenario, the_rate_follows_the_players) {
  const auto ramp = parse_scenario("s.yaml",
                                   "scenario: ramp\n"
                                   "phases:\n"
                                   "  - {seconds: 360, players: [3000, 28000]}\n"
                                   "  - seconds: 10\n"
                                   "    players: 7000\n"
                                   "rate: 120000\n");
  ASSERT_TRUE(ramp.has_value()) << ramp.error().message;
  const load::Schedule schedule = schedule_of(*ramp, {});
  EXPECT_EQ(schedule.players_at(0), 3'000U);
  EXPECT_EQ(schedule.rate_at(0), 12'857);
  EXPECT_EQ(schedule.players_at(180 * second_ns), 15'500U);
  EXPECT_EQ(schedule.rate_at(365 * second_ns), 30'000);
}

TEST(Scenario, flags_scale_players_rate_and_length_as_a_whole) {
  Scenario scenario;
  scenario.phases = {{360, 3'000, 28'000}, {40, 28'000, 28'000}};
  scenario.rate = 120'000;
  const load::Schedule fewer = schedule_of(scenario, {.players = 2'800, .rate = 0, .seconds = 40});
  EXPECT_EQ(fewer.duration_ns(), 40 * second_ns);
  EXPECT_EQ(fewer.players_at(0), 300U);
  EXPECT_EQ(fewer.rate_at(38 * second_ns), 12'000);
  const load::Schedule faster =
      schedule_of(scenario, {.players = 0, .rate = 240'000, .seconds = 0});
  EXPECT_EQ(faster.duration_ns(), 400 * second_ns);
  EXPECT_EQ(faster.rate_at(399 * second_ns), 240'000);
  EXPECT_EQ(faster.players_max(), 28'000U);
}

TEST(Scenario, the_smallest_crowd_still_plays) {
  const load::Schedule schedule = schedule_of(Scenario{}, {.players = 1, .rate = 0, .seconds = 1});
  EXPECT_EQ(schedule.players_max(), 1U);
  EXPECT_EQ(schedule.due_before(second_ns), 4U);
}

TEST(Scenario, a_warm_up_never_takes_more_than_half_of_the_run) {
  Scenario scenario;
  scenario.warmup_seconds = 50;
  const load::Schedule schedule = schedule_of(scenario, {.players = 0, .rate = 0, .seconds = 20});
  EXPECT_EQ(warmup_ns_of(scenario, schedule), 10 * second_ns);
}

TEST(Scenario, errors_name_the_line_what_is_expected_and_the_nearest_word) {
  EXPECT_EQ(error_of("scenario: x\nphasse: []\n"),
            "s.yaml:1:1: the key \"phases\" is missing\n"
            "s.yaml:2:1: unknown key \"phasse\" (did you mean \"phases\"?); the keys here are "
            "scenario, phases, rate, batch, digs_percent, hotspot, changes_per_second, "
            "warmup_seconds");
  const std::string phases = "scenario: x\nphases:\n";
  EXPECT_EQ(error_of(phases + "  - {seconds: 0, players: 5}\n"),
            "s.yaml:3:15: seconds: expected seconds from 0.001 to 86400, found \"0\"");
  EXPECT_EQ(error_of(phases + "  - {seconds: 5, players: many}\n"),
            "s.yaml:3:27: players: expected a whole number from 1 to 10000000, found \"many\"");
  EXPECT_EQ(error_of(phases + "  - {seconds: 5, players: [1, 2, 3]}\n"),
            "s.yaml:3:27: players: expected a number, or [from, to] for a phase in which they "
            "change, found a list");
  EXPECT_EQ(error_of(phases + "  - {seconds: 5, playes: 3}\n"),
            "s.yaml:3:5: the key \"players\" is missing\n"
            "s.yaml:3:18: unknown key \"playes\" (did you mean \"players\"?); the keys here are "
            "seconds, players");
  EXPECT_EQ(error_of("scenario: x\nphases: [{seconds: 5, players: 3}]\nhotspot: {side: 3}\n"),
            "s.yaml:3:11: unknown key \"side\"; the keys here are players_percent, side_tiles");
}

TEST(Scenario, refuses_what_is_no_scenario) {
  for (const char* text :
       {"", "[]", "flat", "scenario: x\nphases: []\n", "scenario: x\nphases: 7\n",
        "scenario: ''\nphases: [{seconds: 1, players: 1}]\n",
        "scenario: x\nphases: [{seconds: nan, players: 1}]\n",
        "scenario: x\nphases: [{seconds: 1e9, players: 1}]\n",
        "scenario: x\nphases: [{seconds: 80000, players: 1}, {seconds: 80000, players: 1}]\n",
        "scenario: x\nphases: [{seconds: 1, players: 1}]\nrate: 0\n",
        "scenario: x\nphases: [{seconds: 1, players: 1}]\nrate: 1000000001\n",
        "scenario: x\nphases: [{seconds: 1, players: 1}]\nbatch: 4097\n",
        "scenario: x\nphases: [{seconds: 1, players: 1}]\ndigs_percent: 101\n",
        "scenario: x\nphases: [{seconds: 1, players: 1}]\nhotspot: 50\n",
        "scenario: x\nphases: [{seconds: 1, players: 1}]\nwarmup_seconds: -1\n",
        "scenario: x\nphases: [{seconds: 1, players: -3}]\n",
        "scenario: x\nscenario: y\nphases: [{seconds: 1, players: 1}]\n"}) {
    EXPECT_NE(error_of(text), "") << text;
    EXPECT_TRUE(error_of(text).starts_with("s.yaml")) << error_of(text);
  }
  EXPECT_EQ(read_scenario("/nowhere/s.yaml").error().code, Errc::not_found);
}

TEST(Scenario, every_example_is_one) {
  std::size_t count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(HUNT_SOURCE_DIR "/examples/scenarios")) {
    const auto scenario = read_scenario(entry.path().string());
    ASSERT_TRUE(scenario.has_value()) << scenario.error().message;
    EXPECT_EQ(scenario->name, entry.path().stem().string());
    EXPECT_GT(schedule_of(*scenario, {}).due_before(INT64_MAX), 0U);
    ++count;
  }
  EXPECT_EQ(count, 6U);
}

}  // namespace
}  // namespace hunt::rush
