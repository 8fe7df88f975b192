#include "rush/run_parts.h"

#include <gtest/gtest.h>

#include "load/demo_world.h"
#include "rules/load.h"
#include "rush/report.h"

namespace hunt::rush {
namespace {

constexpr std::int64_t minute_us = 60'000'000;

std::string told(std::int64_t starts_us, std::int64_t ends_us, std::int64_t now_us) {
  model::RuleSet rules;
  rules.events.push_back({"e", model::Trigger::step, 0, starts_us, ends_us});
  const auto sentences = closed_events(rules, now_us);
  return sentences.empty() ? "" : sentences.front().substr(0, sentences.front().find(" ("));
}

TEST(ClosedEvents, are_told_with_a_rough_time) {
  const std::int64_t now_us = 1'000'000 * minute_us;
  constexpr std::int64_t day_us = 24 * 60 * minute_us;
  const auto opens_in = [now_us](std::int64_t time_us) {
    return told(now_us + time_us, model::time_us_max, now_us);
  };
  EXPECT_EQ(opens_in(6 * day_us - minute_us), "event \"e\" opens in 6 d");
  EXPECT_EQ(opens_in(26 * 60 * minute_us), "event \"e\" opens in 26 h");
  EXPECT_EQ(opens_in(30 * minute_us), "event \"e\" opens in 30 min");
  EXPECT_EQ(opens_in(1'000'000), "event \"e\" opens in 1 s");
  EXPECT_EQ(told(0, now_us - 181 * minute_us, now_us), "event \"e\" ended 3 h ago");
  EXPECT_EQ(told(0, now_us, now_us), "event \"e\" ended 0 s ago");
  EXPECT_EQ(told(now_us, now_us + 1, now_us), "");
}

TEST(ClosedEvents, between_their_openings_say_when_they_open_again) {
  model::RuleSet rules;
  rules.events.push_back({"e", model::Trigger::step, 0, 0, 900 * minute_us});
  rules.events[0].openings = {{0, minute_us}, {61 * minute_us, 62 * minute_us}};
  const auto told_at = [&rules](std::int64_t now_us) {
    const auto sentences = closed_events(rules, now_us);
    return sentences.empty() ? "" : sentences.front().substr(0, sentences.front().find(" ("));
  };
  EXPECT_EQ(told_at(0), "");
  EXPECT_EQ(told_at(minute_us), "event \"e\" is closed and opens in 60 min");
  EXPECT_EQ(told_at(62 * minute_us),
            "event \"e\" is closed and does not open again: nobody finds its loot");
  rules.events[0].enabled = false;
  EXPECT_EQ(told_at(0), "event \"e\" is switched off: nobody finds its loot");
}

TEST(DemoWorld, has_as_much_of_each_table_of_the_event) {
  const auto world = load::make_demo_world({.loot_tiles = 1'000, .tables = {"a", "b", "c"}});
  std::size_t of_a = 0;
  for (const auto& burial : world.burials) of_a += burial.table == "a" ? 1 : 0;
  EXPECT_EQ(of_a, 334U);
  EXPECT_EQ(tables_of(rules::builtin_rules()), std::vector<std::string>{"starlight"});
}

// Three seconds of 200/s in batches of 100, of which the first came within the warm-up.
TEST(LimitOf, is_nobody_where_all_was_answered_but_for_the_ends) {
  RunReport report;
  report.sending_ns = 3'000'000'000;
  report.warmup_ns = 300'000'000;
  report.driver_cpu_ns = 30'000'000;
  report.scheduled = report.books.sent = report.books.answered = 600;
  report.books.batches = 6;
  report.books.answered_in_time = 500;
  report.offered_per_second = 200;
  EXPECT_EQ(limit_of(report), Limit::none) << limit_text(report);
  report.books.answered_in_time = 300;
  EXPECT_EQ(limit_of(report), Limit::target) << "it was behind";
  report.books.answered_in_time = 500;
  report.books.unanswered = 100;
  report.books.answered = 500;
  EXPECT_EQ(limit_of(report), Limit::target) << "a batch has no answer";
}

}  // namespace
}  // namespace hunt::rush
