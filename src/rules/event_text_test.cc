#include "rules/event_text.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "rules/compile.h"
#include "rules/diff.h"
#include "rules/disclose.h"

namespace hunt::rules {
namespace {

model::RuleSet with(const std::string& keys) {
  const RulesFile file{"f.yaml",
                       "event: e\nhint_radius: 0\ntiers: [common, rare, epic]\n"
                       "items: {a: {tier: rare}}\n" +
                           keys + "tables: {t: [{item: a, weight: 1}]}\n"};
  auto result = compile_rules({&file, 1}, 0);
  EXPECT_TRUE(result.has_value()) << (result ? "" : format(result.error().at(0)));
  return std::move(result->set);
}

TEST(EventText, says_for_whom_an_event_is_only_where_it_is_not_for_all) {
  const auto all = with("");
  EXPECT_EQ(reach_text(all.events[0]), "");
  EXPECT_TRUE(reach_sentences(all.events[0]).empty());
  const auto some = with("worlds: [north, 7]\nrollout: 10\nannounce: rare\n");
  EXPECT_EQ(reach_text(some.events[0]),
            ", worlds 7, north, for 10 % of the players, announces rare");
  const auto sentences = reach_sentences(some.events[0]);
  ASSERT_EQ(sentences.size(), 3U);
  EXPECT_EQ(sentences[0], "It is in these worlds: 7, north.");
  EXPECT_EQ(sentences[1].find("It is for 10 % of the players; "), 0U);
  EXPECT_NE(sentences[2].find("of the tier rare or a higher one"), std::string::npos);
  for (const auto& sentence : sentences) {
    EXPECT_NE(markdown_of(some, *disclose(some, "")).find(sentence), std::string::npos);
  }
}

TEST(EventText, a_diff_says_what_of_it_changes) {
  const auto before = with("worlds: [north]\nrollout: 10\n");
  const auto after = with("rollout: 60\nannounce: rare\n");
  const auto diff = diff_rules(before, after);
  ASSERT_TRUE(diff.has_value());
  const std::vector<std::string> wanted{"e: worlds: north → all", "e: rollout: 10 % → 60 %",
                                        "e: announce: nothing → rare"};
  EXPECT_EQ(diff->events, wanted);
  EXPECT_TRUE(diff->odds.empty()) << "no odds change by it";
}

}  // namespace
}  // namespace hunt::rules
