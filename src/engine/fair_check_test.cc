#include "engine/fair_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace hunt::engine {
namespace {

constexpr std::array<std::uint8_t, 32> seed{7};

// Two tables of two items each.
model::RuleSet rules() {
  model::RuleSet set;
  set.version = "00000000000000aa";
  set.events.push_back({.name = "e"});
  set.items = {"bell", "crown", "lamp", "owl"};
  for (std::uint32_t i = 0; i < 4; ++i) set.entries.push_back({.weight = 1 + i % 2, .index = i});
  set.tables.push_back({.name = "a", .first_entry = 0, .entry_count = 2, .total_weight = 3});
  set.tables.push_back({.name = "b", .first_entry = 2, .entry_count = 2, .total_weight = 3});
  return set;
}

class Fair : public ::testing::Test {
 protected:
  Fair() { check_.on_table(1, "a"); }

  // As the engine grants it.
  model::Grant granted(std::uint64_t claim, std::uint32_t table, model::SpawnId spawn) {
    model::Grant grant;
    grant.claim = {claim, 5};
    grant.spawn = spawn;
    grant.rules = set_.version;
    grant.seed = roller_.seed_id();
    grant.reward = roller_.reward(set_, table, grant.claim, 0);
    return grant;
  }

  model::RuleSet set_ = rules();
  Roller roller_{seed};
  FairCheck check_{seed, {&set_}};
};

TEST_F(Fair, agrees_with_what_the_engine_granted) {
  for (std::uint64_t i = 0; i < 100; ++i) check_.on_grant(granted(i, 0, 1));
  EXPECT_EQ(check_.report().rolled, 100U);
  EXPECT_TRUE(check_.report().clean());
  EXPECT_EQ(check_.report().violation_count, 0U);
}

TEST_F(Fair, sees_every_other_reward) {
  for (std::uint64_t i = 0; i < 200; ++i) {
    auto grant = granted(i, 0, 1);
    grant.reward = grant.reward == "bell" ? "crown" : "bell";
    check_.on_grant(grant);
  }
  EXPECT_EQ(check_.report().violation_count, 200U);
  EXPECT_EQ(check_.report().violations.size(), LedgerCheck::violations_kept_max);
  EXPECT_NE(check_.report().violations[0].sentence.find("its roll of \"a\" is"), std::string::npos);
}

TEST_F(Fair, a_tile_may_have_been_given_another_table_since) {
  for (std::uint64_t i = 0; i < 100; ++i) check_.on_grant(granted(i, 1, 1));
  EXPECT_EQ(check_.report().by_another_table, 100U);
  EXPECT_EQ(check_.report().rolled, 0U);
  EXPECT_TRUE(check_.report().clean());
  auto grant = granted(1, 1, 1);
  grant.reward = grant.reward == "lamp" ? "owl" : "lamp";
  check_.on_grant(grant);
  EXPECT_EQ(check_.report().violation_count, 1U) << "but it is no roll of either";
}

TEST_F(Fair, another_table_is_no_excuse_where_it_is_for_others) {
  set_.events.push_back({.name = "f"});
  set_.events[1].worlds = {std::string("elsewhere")};
  set_.tables[1].event = 1;
  check_.on_world({1, "main"});
  auto grant = granted(1, 1, 1);
  grant.world = 1;
  check_.on_grant(grant);
  EXPECT_EQ(check_.report().violation_count, 1U);
  EXPECT_EQ(check_.report().by_another_table, 0U);
}

TEST_F(Fair, sees_a_grant_as_of_a_time_before_its_spawn_was_buried) {
  check_.on_table(4, "a", 1'000);
  auto grant = granted(1, 0, 4);
  grant.as_of_us = 1'000;
  check_.on_grant(grant);
  EXPECT_TRUE(check_.report().clean());
  grant.as_of_us = 999;
  check_.on_grant(grant);
  ASSERT_EQ(check_.report().violation_count, 1U);
  EXPECT_EQ(check_.report().violations[0].rule, LedgerRule::as_of_in_time);
  grant.spawn = 5;  // replaced: that is not known
  check_.on_grant(grant);
  EXPECT_EQ(check_.report().violation_count, 1U);
}

TEST_F(Fair, a_spawn_that_was_replaced_may_have_had_any_table) {
  check_.on_grant(granted(1, 1, 2));
  EXPECT_EQ(check_.report().by_a_table, 1U);
  EXPECT_EQ(check_.report().violation_count, 0U);
  auto grant = granted(2, 1, 2);
  grant.reward = "phoenix";
  check_.on_grant(grant);
  EXPECT_EQ(check_.report().violation_count, 1U);
}

TEST_F(Fair, a_table_that_the_rules_of_the_grant_do_not_have_gave_nothing) {
  check_.on_table(3, "gone");
  check_.on_grant(granted(1, 0, 3));
  EXPECT_EQ(check_.report().by_another_table, 1U);
  EXPECT_EQ(check_.report().violation_count, 0U);
  auto grant = granted(1, 0, 3);
  grant.reward = "phoenix";
  check_.on_grant(grant);
  EXPECT_EQ(check_.report().violation_count, 1U);
  EXPECT_NE(check_.report().violations[0].sentence.find("\"gone\", a table that rules"),
            std::string::npos);
}

TEST_F(Fair, what_it_cannot_know_is_counted_and_not_judged) {
  auto other_rules = granted(1, 0, 1);
  other_rules.rules = "00000000000000bb";
  auto other_seed = granted(2, 0, 1);
  other_seed.seed += 1;
  auto aborted = granted(3, 0, 1);
  aborted.aborted = true;
  for (auto* grant : {&other_rules, &other_seed, &aborted}) {
    grant->reward = "phoenix";
    check_.on_grant(*grant);
  }
  EXPECT_EQ(check_.report().other_rules, 1U);
  EXPECT_EQ(check_.report().other_seed, 1U);
  EXPECT_EQ(check_.report().versions, std::set<std::string>{"00000000000000bb"});
  EXPECT_EQ(check_.report().seeds, std::set<model::SeedId>{roller_.seed_id() + 1});
  EXPECT_FALSE(check_.report().clean());
  EXPECT_EQ(check_.report().rolled, 0U);
  EXPECT_EQ(check_.report().violation_count, 0U);
}

TEST_F(Fair, rules_that_the_timeline_does_not_have_are_not_known_to_have_been_in_force) {
  constexpr std::int64_t began_us = 1'800'000'000'000'000;
  constexpr std::int64_t day_us = 86'400'000'000;
  const auto with = [](std::size_t turns, const std::string& version) {
    model::RulesTimeline timeline;
    timeline.seq = turns;
    for (std::size_t i = 0; i < turns; ++i) {
      timeline.turns.push_back({version, 0, began_us, {}, {}});
    }
    return timeline;
  };
  const auto judged = [&](std::int64_t as_of_us, const model::RulesTimeline& timeline) {
    FairCheck check(seed, {&set_});
    check.on_table(1, "a");
    auto grant = granted(1, 0, 1);
    grant.as_of_us = as_of_us;
    check.on_grant(grant);
    check.on_timeline(timeline);
    EXPECT_EQ(check.report().violation_count, 0U) << "nobody is accused";
    EXPECT_EQ(check.report().clean(), check.report().not_in_timeline.empty());
    return check.report().clean();
  };
  const std::string other = "00000000000000bb";
  EXPECT_FALSE(judged(began_us + day_us, with(1, other)));
  EXPECT_FALSE(judged(INT64_MAX, with(2, other)));
  EXPECT_TRUE(judged(began_us + day_us - 1, with(1, other))) << "an upgrade is under way";
  EXPECT_TRUE(judged(began_us - 1, with(1, other))) << "before there was one";
  EXPECT_TRUE(judged(INT64_MIN, with(1, other)));
  EXPECT_TRUE(judged(began_us + day_us, with(0, other))) << "there is none";
  EXPECT_TRUE(judged(began_us + day_us, with(32, other))) << "it may have been dropped";
  EXPECT_TRUE(judged(began_us + day_us, with(1, set_.version)));
}

TEST_F(Fair, sees_a_grant_to_who_is_out_of_the_rollout_or_in_another_world) {
  set_.events[0].rollout_percent = 50;
  set_.events[0].worlds = {std::string("main")};
  check_.on_world({1, "main"});
  Rollout rollout;
  std::uint64_t out = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    auto grant =
        granted(i, 0, i % 2 == 0 ? 1 : 2);  // a spawn on its tile, or one that was replaced
    grant.world = 1;
    grant.player = {4, i};
    check_.on_grant(grant);
    out += rollout.has(set_.events[0], grant.player) ? 0 : 1;
  }
  EXPECT_GT(out, 20U);
  EXPECT_LT(out, 80U);
  EXPECT_EQ(check_.report().violation_count, out);
  auto grant = granted(1, 0, 1);
  grant.world = 2;
  set_.events[0].rollout_percent = 100;
  check_.on_grant(grant);
  EXPECT_EQ(check_.report().violation_count, out + 1);
  const auto& kept = check_.report().violations;
  EXPECT_TRUE(std::any_of(kept.begin(), kept.end(),
                          [](const auto& one) { return one.rule == LedgerRule::reach_true; }));
}

}  // namespace
}  // namespace hunt::engine
