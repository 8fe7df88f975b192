// The sentences for support: each fate, and that no more is told than is known.
#include "engine/explain.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/claim_id.h"
#include "engine/roll.h"

namespace hunt::engine {
namespace {

using model::Fate;
using model::Outcome;

constexpr std::int64_t then_us = 1'800'000'000'000'000;  // 2027-01-15 08:00:00
constexpr model::PlayerId player{1, 2};
constexpr model::TileId tile = model::tile_id_of({10, -3});

model::ExplanationFacts facts_of_player() {
  model::ExplanationFacts facts;
  facts.question.player = player;
  facts.now_us = then_us + 60'000'000;
  facts.worlds = {{1, "demo"}};
  return facts;
}

model::RecentClaim remembered(Outcome outcome, model::ClaimId claim = {}) {
  model::RecentClaim one;
  one.player = player;
  one.claim = claim;
  one.tile = tile;
  one.first_us = one.last_us = then_us;
  one.world = 1;
  one.outcome = outcome;
  return one;
}

TEST(Explain, has_a_fate_and_a_sentence_for_each_outcome_that_is_remembered) {
  const std::pair<Outcome, Fate> cases[] = {
      {Outcome::granted, Fate::lost},      {Outcome::found, Fate::waiting},
      {Outcome::sold_out, Fate::sold_out}, {Outcome::closed, Fate::closed},
      {Outcome::nothing, Fate::gone},      {Outcome::busy, Fate::shed},
      {Outcome::expired, Fate::given_up},  {Outcome::capped, Fate::refused},
      {Outcome::cooldown, Fate::refused},  {Outcome::rejected, Fate::refused}};
  std::set<std::string> sentences;
  for (const auto& [outcome, fate] : cases) {
    auto facts = facts_of_player();
    facts.memory.claims.push_back(remembered(outcome, {3, 4}));
    const auto answer = explain(facts);
    ASSERT_EQ(answer.stories.size(), 1U);
    EXPECT_EQ(answer.stories[0].fate, fate) << model::name_of(outcome);
    EXPECT_TRUE(answer.stories[0].certain);
    EXPECT_NE(answer.answer.find("2027-01-15 08:00:00 UTC"), std::string::npos) << answer.answer;
    EXPECT_NE(answer.answer.find(model::format_uuid(player)), std::string::npos) << answer.answer;
    sentences.insert(answer.answer);
  }
  EXPECT_EQ(sentences.size(), std::size(cases));
}

TEST(Explain, does_not_say_that_a_grant_is_lost_when_a_ledger_could_not_be_read) {
  auto facts = facts_of_player();
  facts.memory.claims.push_back(remembered(Outcome::granted, {3, 4}));
  facts.missing = {"shard 1"};
  const auto answer = explain(facts);
  EXPECT_FALSE(answer.complete);
  EXPECT_FALSE(answer.stories[0].certain);
  EXPECT_NE(answer.answer.find("no ledger that can be read has it"), std::string::npos);
}

TEST(Explain, concludes_from_what_lies_there_only_where_nobody_saw_it_and_says_so) {
  const auto of_tile = [](const model::TileRow& row, model::TimeWindow event = {}) {
    auto facts = facts_of_player();
    facts.question.world = 1;
    facts.question.tile = model::Tile{10, -3};
    facts.tiles.push_back({1, row, event, true, {}, 0});
    return explain(facts).stories.at(0);
  };
  model::TileRow open;
  open.tile = tile;
  open.spawn = 9;
  open.budget = 3;
  open.buried_at_us = then_us;
  EXPECT_EQ(of_tile(open).fate, Fate::unseen);
  EXPECT_NE(of_tile(open).lines.at(1).find("loot lies open there since"), std::string::npos);
  auto row = open;
  row.sold_out = true;
  EXPECT_EQ(of_tile(row).fate, Fate::sold_out);
  row = open;
  row.closes_us = then_us + 1;
  EXPECT_EQ(of_tile(row).fate, Fate::closed);
  row = open;
  row.opens_us = then_us + 3'600'000'000;
  EXPECT_EQ(of_tile(row).fate, Fate::closed);
  EXPECT_NE(of_tile(row).sentence.find("Not open yet"), std::string::npos);
  EXPECT_EQ(of_tile(open, {model::time_us_min, then_us}).fate, Fate::closed) << "the event's end";
  for (const auto& one : {of_tile(row), of_tile(open)}) EXPECT_FALSE(one.certain);
}

TEST(Explain, says_when_the_loot_is_for_other_worlds_or_players) {
  auto facts = facts_of_player();
  facts.question.world = 1;
  facts.question.tile = model::Tile{10, -3};
  model::TileRow row;
  row.tile = tile;
  row.spawn = 9;
  row.budget = 3;
  facts.tiles.push_back({1, row, {}, true, {}, 0});
  EXPECT_EQ(explain(facts).stories.at(0).fate, Fate::unseen);
  facts.tiles[0].in_rollout = false;
  facts.tiles[0].rollout_percent = 10;
  EXPECT_NE(explain(facts).answer.find("rolled out to 10 % of the players"), std::string::npos);
  facts.memory.claims.push_back(remembered(Outcome::nothing, {3, 4}));
  EXPECT_NE(explain(facts).answer.find("rolled out to 10 % of the players"), std::string::npos)
      << "and not that it is gone";
  EXPECT_EQ(explain(facts).stories.at(0).fate, Fate::closed);
  facts.memory.claims.clear();
  facts.tiles[0].in_world = false;
  EXPECT_NE(explain(facts).answer.find("is not in world 1 (demo)"), std::string::npos)
      << explain(facts).answer;
}

TEST(Explain, does_not_lay_what_was_buried_later_to_an_earlier_visit) {
  auto facts = facts_of_player();
  facts.memory.claims.push_back(remembered(Outcome::sold_out));
  model::TileRow row;
  row.tile = tile;
  row.spawn = 9;
  row.sold_out = true;
  row.buried_at_us = then_us + 1;
  facts.tiles.push_back({1, row, {}, true, {}, 0});
  EXPECT_EQ(explain(facts).stories[0].lines.size(), 1U);
  facts.tiles[0].row.buried_at_us = then_us;
  EXPECT_EQ(explain(facts).stories[0].lines.size(), 2U);
}

TEST(Explain, does_not_call_loot_open_whose_event_is_stopped) {
  auto facts = facts_of_player();
  facts.memory.claims.push_back(remembered(Outcome::closed, {3, 4}));
  model::TileRow row;
  row.tile = tile;
  row.spawn = 9;
  row.buried_at_us = then_us - 1;
  facts.tiles.push_back({1, row, {}, false, {}, 0});
  const auto text_of = [&facts] {
    const auto story = explain(facts).stories[0];
    std::string text = story.sentence;
    for (const auto& line : story.lines) text += "\n" + line;
    return text;
  };
  const std::string during = text_of();
  EXPECT_NE(during.find("nothing of the event there was granted"), std::string::npos) << during;
  EXPECT_NE(during.find("its event is always open, but switched off by its rules, or stopped"),
            std::string::npos)
      << during;
  // It goes on: both are open by what is known, and were not.
  facts.tiles[0].event_enabled = true;
  const std::string after = text_of();
  EXPECT_NE(after.find("it was otherwise then: the event was stopped by hand"), std::string::npos)
      << after;
  // A window that was shut says it all.
  facts.tiles[0].row.closes_us = then_us;
  EXPECT_EQ(text_of().find("stopped"), std::string::npos) << text_of();
}

TEST(Explain, says_how_far_back_it_looked) {
  auto facts = facts_of_player();
  EXPECT_NE(explain(facts).notes.at(0).find("no running process was asked"), std::string::npos);
  facts.memory.asked = true;
  facts.memory.verdicts_since_us = then_us;
  facts.back_to_us = then_us;
  facts.grants_count = 7;
  const auto notes = explain(facts).notes;
  ASSERT_EQ(notes.size(), 3U);
  EXPECT_NE(notes[0].find("has 7 grants"), std::string::npos);
  EXPECT_NE(notes[1].find("searched back to 2027-01-15 08:00:00 UTC"), std::string::npos);
  EXPECT_NE(notes[2].find("what the store decided since 2027-01-15 08:00:00 UTC"),
            std::string::npos);
}

TEST(Explain, says_so_where_the_roll_gives_another_item_than_the_ledger_has) {
  auto facts = facts_of_player();
  model::GrantFacts grant;
  grant.row.player = player;
  grant.row.world = 1;
  grant.row.tile = tile;
  grant.row.reward = "crown,star_shard*1200";
  grant.row.cursor = 5;
  grant.roll = {{"loot", 3, 10, 4, "rare"}, {"rare", 0, 2, 1, "pearl"}};
  grant.rolled = "pearl";
  facts.grants.push_back(grant);
  auto answer = explain(facts);
  std::string lines;
  for (const auto& line : answer.stories[0].lines) lines += line + "\n";
  EXPECT_NE(lines.find("table loot drew 4 of 10, which is rare (weight 4), then table rare drew 1 "
                       "of 2, which is pearl (weight 1); the ledger has crown, 1,200 star_shard,"),
            std::string::npos)
      << lines;
  EXPECT_EQ(answer.stories[0].reward, "crown,star_shard*1200");
  EXPECT_NE(answer.answer.find("Granted: crown, 1,200 star_shard to player "), std::string::npos);
  EXPECT_EQ(answer.stories[0].told, false);
  EXPECT_NE(lines.find("no relay has ever followed"), std::string::npos);
  facts.grants[0].told_to = 5;
  EXPECT_EQ(explain(facts).stories[0].told, true);
  facts.grants[0].told_to = 4;
  EXPECT_EQ(explain(facts).stories[0].told, false);
}

TEST(Roller, shows_the_picks_of_the_same_roll) {
  model::RuleSet rules;
  rules.events.push_back({.name = "e"});
  rules.tables = {{"outer", 0, 0, 2, 10}, {"inner", 0, 2, 2, 3}};
  rules.entries = {{4, false, 0}, {6, true, 1}, {1, false, 1}, {2, false, 2}};
  rules.items = {"a", "b", "c"};
  const std::vector<std::uint8_t> seed(32, 9);
  Roller roller(seed);
  std::set<std::size_t> depths;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const model::ClaimId claim{i, i * 7};
    const auto picks = roller.picks(rules, 0, claim, 0);
    EXPECT_EQ(picks.back().picked, roller.reward(rules, 0, claim, 0));
    EXPECT_EQ(picks.front().table, "outer");
    for (const auto& pick : picks) EXPECT_LT(pick.number, pick.of);
    depths.insert(picks.size());
  }
  EXPECT_EQ(depths, (std::set<std::size_t>{1, 2}));
}

}  // namespace
}  // namespace hunt::engine
