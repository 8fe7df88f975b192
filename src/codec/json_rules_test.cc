#include "codec/json_rules.h"

#include <gtest/gtest.h>

namespace hunt::codec {
namespace {

TEST(JsonRules, the_timeline_is_written_whole) {
  model::RulesTimeline timeline;
  timeline.seq = 3;
  timeline.turns.push_back({"00aa", 7, 1'800'000'000'000'000, "ci", "say \"hi\""});
  timeline.stopped.push_back({"gala", 1'800'000'000'000'000, "an admin", ""});
  EXPECT_EQ(
      write_rules(timeline, {1}),
      R"({"seq":3,"turns":[{"version":"00aa","revision":7,"from":"2027-01-15T08:00:00.000000Z",)"
      R"("by":"ci","note":"say \"hi\""}],"stopped":[{"event":"gala",)"
      R"("since":"2027-01-15T08:00:00.000000Z","by":"an admin","note":""}],"missing":[1]})");
}

TEST(JsonRules, files_are_read_as_they_are_written) {
  const auto files = parse_rules_files(write_rules_files({{"a.yaml", "event: \"a\"\n"}}));
  ASSERT_TRUE(files.has_value()) << files.error().message;
  ASSERT_EQ(files->size(), 1U);
  EXPECT_EQ((*files)[0].name, "a.yaml");
  EXPECT_EQ((*files)[0].text, "event: \"a\"\n");
}

TEST(JsonRules, what_is_no_list_of_files_is_refused_with_the_field) {
  for (const char* body :
       {"", "[", "[]", "{}", R"({"files":[]})", R"({"files":{}})", R"({"files":[1]})",
        R"({"files":[{"name":"a"}]})", R"({"files":[{"name":"a","text":"b","more":1}]})",
        R"({"files":[{"name":"a","text":"b"}],"more":1})"}) {
    const auto files = parse_rules_files(body);
    ASSERT_FALSE(files.has_value()) << body;
    EXPECT_EQ(files.error().code, Errc::invalid_argument);
    EXPECT_EQ(files.error().field, "files") << body;
  }
  const auto unnamed =
      parse_rules_files(R"({"files":[{"name":"a","text":"b"},{"name":"","text":""}]})");
  ASSERT_FALSE(unnamed.has_value());
  EXPECT_EQ(unnamed.error().field, "files[1].name");
  const auto twice =
      parse_rules_files(R"({"files":[{"name":"a","text":"b"},{"name":"a","text":"c"}]})");
  ASSERT_FALSE(twice.has_value());
  EXPECT_EQ(twice.error().field, "files[1].name");
}

}  // namespace
}  // namespace hunt::codec
