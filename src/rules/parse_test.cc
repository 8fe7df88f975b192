// Each mistake a designer can make in one file, with the place and the words of the answer.
#include "rules/parse.h"

#include <gtest/gtest.h>

#include <string>

#include "base/text.h"
#include "rules/compile.h"

namespace hunt::rules {
namespace {

std::string all_of(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const auto& diagnostic : diagnostics) out += format(diagnostic) + "\n";
  return out;
}

std::string refusals(std::string_view text) {
  const RulesFile file{"f.yaml", std::string(text)};
  const auto result = compile_rules({&file, 1}, 0);
  return result ? "accepted" : all_of(result.error());
}

struct BadInput {
  std::string_view text;
  std::string_view place;   // LINE:COLUMN
  std::string_view phrase;  // of the same diagnostic
};

class BadEvent : public testing::TestWithParam<BadInput> {};

TEST_P(BadEvent, is_answered_with_its_place_and_what_to_do) {
  const auto& bad = GetParam();
  const std::string answer = refusals(bad.text);
  const std::string start = "f.yaml:" + std::string(bad.place) + ": ";
  const auto at = answer.find(start);
  ASSERT_NE(at, std::string::npos) << bad.text << "\n" << answer;
  const std::string line = answer.substr(at, answer.find('\n', at) - at);
  EXPECT_NE(line.find(bad.phrase), std::string::npos) << bad.text << "\n" << answer;
}

#define TAIL "tables: {t: [{item: a, weight: 1}]}\n"
#define HEAD "event: e\n"
#define ENTRY(text) HEAD "tables:\n  t:\n    - " text "\n"

INSTANTIATE_TEST_SUITE_P(
    Shape, BadEvent,
    testing::Values(
        BadInput{"[1]", "1:1", "expected a map with \"event\" and \"tables\", found a list"},
        BadInput{"starlight", "1:1", "found \"starlight\""},
        BadInput{TAIL, "1:1", "the key \"event\" is missing"},
        BadInput{HEAD, "1:1", "the key \"tables\" is missing"},
        BadInput{HEAD "trigers: step\n" TAIL, "2:1", "(did you mean \"trigger\"?)"},
        BadInput{HEAD "caps: 1\n" TAIL, "2:1", "the keys here are event, enabled, worlds"},
        BadInput{"event: Star Light\n" TAIL, "1:8", "try \"star_light\""},
        BadInput{"event:\n" TAIL, "1:1", "found nothing"},
        BadInput{"event: ''\n" TAIL, "1:8", "expected a name of 1 to 64"},
        BadInput{"event: [a]\n" TAIL, "1:8", "found a list"},
        BadInput{HEAD "tables: {}\n", "2:9", "found an empty map"},
        BadInput{HEAD "tables: [a]\n", "2:9", "found a list"},
        BadInput{HEAD "tables: {t: }\n", "2:10", "expected a list of entries"},
        BadInput{HEAD "tables: {t: []}\n", "2:13", "table \"t\" is empty"},
        BadInput{HEAD "tables: {t: {item: a, weight: 1}}\n", "2:13",
                 "a table needs \"pools\" or \"always\""},
        BadInput{HEAD "tables: {T!: [{item: a, weight: 1}]}\n", "2:10", "try \"t_\""}));

INSTANTIATE_TEST_SUITE_P(
    Fields, BadEvent,
    testing::Values(
        BadInput{HEAD "starts: tomorrow\n" TAIL, "2:9", "expected a time such as 2026"},
        BadInput{HEAD "starts: 2026-02-30\n" TAIL, "2:9", "found \"2026-02-30\""},
        BadInput{HEAD "starts: 2026-11-01T25:00:00Z\n" TAIL, "2:9", "expected a time"},
        BadInput{HEAD "ends: 2026-11-01T00:00:00\n" TAIL, "2:7", "has no offset"},
        BadInput{HEAD "ends: {}\n" TAIL, "2:7", "found a map"},
        BadInput{HEAD "starts: 2026-12-01\nends: 2026-11-01\n" TAIL, "3:7", "would never open"},
        BadInput{HEAD "starts: 2026-12-01\nends: 2026-12-01\n" TAIL, "3:7", "would never open"},
        BadInput{HEAD "trigger: digg\n" TAIL, "2:10", "(did you mean \"dig\"?)"},
        BadInput{HEAD "trigger: [dig]\n" TAIL, "2:10", "expected step or dig, found a list"},
        BadInput{HEAD "hint_radius: 33\n" TAIL, "2:14", "from 0 to 32, found \"33\""},
        BadInput{HEAD "hint_radius: -1\n" TAIL, "2:14", "found \"-1\""},
        BadInput{HEAD "hint_radius: 1.5\n" TAIL, "2:14", "whole number"},
        BadInput{HEAD "hint_radius: '8'\n" TAIL, "2:14", "in quotes"}));

INSTANTIATE_TEST_SUITE_P(
    Entries, BadEvent,
    testing::Values(BadInput{ENTRY("a"), "4:7", "expected an entry such as"},
                    BadInput{ENTRY("{}"), "4:7", "an entry needs \"item\" or \"table\""},
                    BadInput{ENTRY("{item: a}"), "4:7", "the key \"weight\" is missing"},
                    BadInput{ENTRY("{weight: 1}"), "4:7", "an entry needs"},
                    BadInput{ENTRY("{item: a, table: t, weight: 1}"), "4:24", "not both"},
                    BadInput{ENTRY("{itm: a, weight: 1}"), "4:8", "(did you mean \"item\"?)"},
                    BadInput{ENTRY("{item: A!, weight: 1}"), "4:14", "try \"A_\""},
                    BadInput{ENTRY("{item: , weight: 1}"), "4:8", "found nothing"},
                    BadInput{ENTRY("{item: a, weight: 0}"), "4:25", "leave the entry out"},
                    BadInput{ENTRY("{item: a, weight: -5}"), "4:25", "cannot be negative"},
                    BadInput{ENTRY("{item: a, weight: 0.5}"), "4:25", "multiply all weights"},
                    BadInput{ENTRY("{item: a, weight: 60%}"), "4:25", "leave out the % sign"},
                    BadInput{ENTRY("{item: a, weight: '60'}"), "4:25", "remove the quotes"},
                    BadInput{ENTRY("{item: a, weight: 1000000001}"), "4:25", "divide all weights"},
                    BadInput{ENTRY("{item: a, weight: 99999999999999999999}"), "4:25",
                             "divide all weights"},
                    BadInput{ENTRY("{item: a, weight: 0x10}"), "4:25", "expected a whole number"},
                    BadInput{ENTRY("{item: a, weight: 010}"), "4:25", "expected a whole number"},
                    BadInput{ENTRY("{item: a, weight: many}"), "4:25", "found \"many\""},
                    BadInput{ENTRY("{item: a, weight: }"), "4:17", "found nothing"},
                    BadInput{ENTRY("{table: u, weight: 1}"), "4:15", "there is no table \"u\""},
                    BadInput{ENTRY("{table: t, weight: 1}"), "4:15", "t → t"},
                    BadInput{ENTRY("{item: \"a\\x1bb\", weight: 1}"), "4:14", "a\\x1bb"}));

TEST(ParseEvent, reads_every_field) {
  const auto root = read_yaml("f.yaml",
                              "event: gala\nstarts: 2026-11-01T00:00:00Z\n"
                              "ends: 2026-12-01T02:00:00+02:00\ntrigger: dig\nhint_radius: 0\n"
                              "tables:\n  box:\n  - {weight: 1000000000, item: a.b-c_9}\n"
                              "  - table: rare\n    weight: 2\n  rare: [{item: x, weight: 1}]\n");
  ASSERT_TRUE(root.has_value());
  Diagnostics out;
  const SourceEvent event = parse_event(*root, "f.yaml", out);
  EXPECT_EQ(all_of(out.take()), "");
  EXPECT_EQ(event.name.text, "gala");
  EXPECT_EQ(format_time_us(event.starts_us), "2026-11-01T00:00:00.000000Z");
  EXPECT_EQ(format_time_us(event.ends_us), "2026-12-01T00:00:00.000000Z");
  EXPECT_EQ(event.trigger, model::Trigger::dig);
  EXPECT_EQ(event.hint_radius_tiles, 0);
  ASSERT_EQ(event.tables.size(), 2U);
  ASSERT_EQ(event.tables[0].pools[0].entries.size(), 2U);
  EXPECT_EQ(event.tables[0].pools[0].entries[0].target.text, "a.b-c_9");
  EXPECT_EQ(event.tables[0].pools[0].entries[0].weight, 1'000'000'000U);
  EXPECT_TRUE(event.tables[0].pools[0].entries[1].is_table());
  EXPECT_EQ(event.tables[0].pools[0].entries[1].target.text, "rare");
}

TEST(ParseEvent, defaults_stand_where_fields_are_missing) {
  const auto root = read_yaml("f.yaml", HEAD TAIL);
  Diagnostics out;
  const SourceEvent event = parse_event(*root, "f.yaml", out);
  EXPECT_EQ(event.trigger, model::Trigger::step);
  EXPECT_EQ(event.hint_radius_tiles, 8);
  EXPECT_EQ(event.starts_us, model::time_us_min);
  EXPECT_EQ(event.ends_us, model::time_us_max);
}

TEST(ParseEvent, reports_all_mistakes_of_a_file_in_order) {
  const std::string answer = refusals(
      "evnt: e\nstarts: x\ntrigger: y\ntables:\n  t:\n    - {item: a, weight: 0}\n"
      "    - {table: nope, weight: 1}\n    - {item: B!, weight: 1}\n");
  std::size_t at = 0;
  for (const auto* start : {"f.yaml:1:1: ", "f.yaml:1:1: ", "f.yaml:2:9: ", "f.yaml:3:10: ",
                            "f.yaml:6:25: ", "f.yaml:7:15: ", "f.yaml:8:14: "}) {
    ASSERT_EQ(answer.compare(at, std::string(start).size(), start), 0) << start << "\n" << answer;
    at = answer.find('\n', at) + 1;
  }
  EXPECT_EQ(at, answer.size()) << answer;
}

TEST(ParseEvent, a_report_is_bounded) {
  std::string text = HEAD "tables:\n  t:\n";
  for (int i = 0; i < 4'000; ++i) text += "    - {item: A!, weight: 0}\n";
  const RulesFile file{"f.yaml", text};
  const auto result = compile_rules({&file, 1}, 0);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().size(), Diagnostics::diagnostics_max + 1);
  EXPECT_EQ(result.error().back().message, "7950 more errors");
}

TEST(ValidName, is_short_lower_case_and_never_empty) {
  EXPECT_TRUE(valid_name("a"));
  EXPECT_TRUE(valid_name(std::string(64, 'z')));
  EXPECT_FALSE(valid_name(std::string(65, 'z')));
  for (const auto* bad : {"", "A", "a b", "a/b", "\xc3\xa4", "a\n"}) EXPECT_FALSE(valid_name(bad));
}

}  // namespace
}  // namespace hunt::rules
