// For whom an event is (worlds, rollout), and what it announces: answers, hints, rolls.
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "base/prng.h"
#include "base/testing/count_allocations.h"
#include "engine/answer.h"
#include "engine/roll.h"
#include "model/limits.h"
#include "model/reward.h"

namespace hunt::engine {
namespace {

using model::Outcome;

constexpr model::Tile loot{3, 3};
constexpr model::Tile beside{5, 3};

std::shared_ptr<model::RuleSet> rules_with(std::int32_t radius) {
  auto rules = std::make_shared<model::RuleSet>();
  rules->version = "0000000000000001";
  rules->events.push_back({"test", model::Trigger::step, radius});
  rules->tables.push_back({"loot", 0, 0, 2, 4});
  rules->entries = {{3, false, 0}, {1, false, 1}};
  rules->items = {"common", "rare"};
  return rules;
}

// One tile of loot in each of two worlds.
struct Lane {
  L1 l1;
  Turn turn;
  explicit Lane(std::shared_ptr<const model::RuleSet> rules) : l1(64U << 20, std::move(rules)) {}

  model::PositionOutcome at(model::WorldId world, model::Tile tile, std::uint64_t player = 1,
                            bool insists = false) {
    model::Batch batch;
    batch.world = world;
    batch.positions.push_back({{1, player}, tile, model::Kind::step, 0, 0});
    model::PositionOutcome outcome;
    answer(l1, batch, {1, 1, insists}, &outcome, turn);
    for (const auto& key : turn.wanted) l1.put(rows_of(key), 1, 1 + limits::chunk_life_ns);
    if (!turn.missed.empty()) answer_missed(l1, batch, {1, 1, insists}, &outcome, turn);
    EXPECT_TRUE(turn.missed.empty());
    return outcome;
  }
  static model::ChunkRows rows_of(model::ChunkKey key) {
    model::TileRow row;
    row.tile = model::tile_id_of(loot);
    row.version = 1;
    row.spawn = 7;
    row.table = "loot";
    row.budget = 1;
    model::ChunkRows rows{key, {}};
    if (model::chunk_of(key.world, row.tile) == key) rows.rows.push_back(row);
    return rows;
  }
};

TEST(Worlds, an_event_is_found_and_hinted_at_in_its_worlds_only) {
  auto rules = rules_with(8);
  rules->events[0].worlds = {model::WorldId{3}, std::string("main")};
  Lane lane(rules);
  lane.l1.know({{1, "main"}, {2, "north"}, {3, "south"}});
  for (const model::WorldId world : {1U, 3U}) {
    EXPECT_EQ(lane.at(world, loot).outcome, Outcome::found) << world;
    EXPECT_EQ(lane.at(world, beside).outcome, Outcome::hint) << world;
  }
  EXPECT_EQ(lane.at(2, loot).outcome, Outcome::nothing);
  EXPECT_EQ(lane.at(2, beside).outcome, Outcome::nothing);
  EXPECT_EQ(lane.at(2, loot, 1, true).outcome, Outcome::nothing);
  ASSERT_EQ(lane.turn.candidates.size(), 1U) << "who insists may have won before";
  EXPECT_TRUE(lane.turn.candidates[0].refused);
}

TEST(Worlds, a_name_that_becomes_known_counts_from_then_on) {
  auto rules = rules_with(8);
  rules->events[0].worlds = {std::string("main")};
  Lane lane(rules);
  EXPECT_FALSE(lane.l1.knows(1));
  EXPECT_EQ(lane.at(1, loot).outcome, Outcome::nothing);
  EXPECT_EQ(lane.at(1, beside).outcome, Outcome::nothing);
  lane.l1.know({{1, "main"}});
  EXPECT_TRUE(lane.l1.knows(1));
  EXPECT_EQ(lane.at(1, loot).outcome, Outcome::found);
  EXPECT_EQ(lane.at(1, beside).outcome, Outcome::hint);
}

TEST(Worlds, two_events_hint_each_in_their_own_world) {
  auto rules = rules_with(8);
  rules->events.push_back({"other", model::Trigger::step, 2});
  rules->events[0].worlds = {model::WorldId{1}};
  rules->events[1].worlds = {model::WorldId{2}};
  Lane lane(rules);
  EXPECT_EQ(lane.at(1, beside).outcome, Outcome::hint);
  EXPECT_EQ(lane.at(2, beside).outcome, Outcome::nothing) << "the loot is of the first event";
}

TEST(Rollout, players_who_are_out_meet_nothing_and_those_in_find) {
  auto rules = rules_with(0);
  rules->events[0].rollout_percent = 30;
  Lane lane(rules);
  Rollout rollout;
  std::size_t in = 0;
  for (std::uint64_t player = 0; player < 1'000; ++player) {
    const bool is_in = rollout.has(rules->events[0], {1, player});
    const Outcome wanted = is_in ? Outcome::found : Outcome::nothing;
    ASSERT_EQ(lane.at(1, loot, player).outcome, wanted) << player;
    ASSERT_EQ(lane.turn.candidates.size(), is_in ? 1U : 0U);
    ASSERT_EQ(lane.at(1, loot, player, true).outcome, wanted) << player;
    ASSERT_EQ(lane.turn.candidates.size(), 1U) << "the ledger may know a win";
    ASSERT_EQ(lane.turn.candidates[0].refused, !is_in);
    in += is_in ? 1 : 0;
  }
  EXPECT_GT(in, 230U);
  EXPECT_LT(in, 370U);
}

TEST(Rollout, costs_no_allocation) {
  auto rules = rules_with(0);
  rules->events[0].rollout_percent = 50;
  Lane lane(rules);
  lane.l1.know({{1, "a world with quite a long name"}});
  rules->events[0].worlds = {model::WorldId{9}, std::string("a world with quite a long name")};
  static_cast<void>(lane.at(1, loot));
  model::Batch batch;
  for (std::uint64_t i = 0; i < 256; ++i) {
    batch.positions.push_back({{1, i}, loot, model::Kind::step, 0, 0});
  }
  std::vector<model::PositionOutcome> outcomes(batch.positions.size());
  answer(lane.l1, batch, {1, 1}, outcomes.data(), lane.turn);
  EXPECT_GT(lane.turn.candidates.size(), 80U);
  EXPECT_LT(lane.turn.candidates.size(), 180U);
  const std::uint64_t before = allocation_count();
  for (int i = 0; i < 100; ++i) answer(lane.l1, batch, {1, 1}, outcomes.data(), lane.turn);
  EXPECT_EQ(allocation_count() - before, 0U);
}

TEST(JudgeClaim, says_why_other_rules_refuse_it) {
  Lane lane(rules_with(8));
  model::Claim claim;
  claim.world = 1;
  claim.player = {1, 5};
  const auto judged = [&](const model::RuleSet& rules, model::Kind kind = model::Kind::step) {
    return judge_claim(lane.l1, rules, "loot", claim, kind, 100);
  };
  auto rules = rules_with(0);
  EXPECT_EQ(judged(*rules).outcome, Outcome::found);
  rules->tables.insert(rules->tables.begin(), {"first", 0, 0, 2, 4});
  EXPECT_EQ(judged(*rules).table, 1U);
  rules->events[0].trigger = model::Trigger::dig;
  EXPECT_EQ(judged(*rules).outcome, Outcome::nothing) << "a step finds nothing that is dug up";
  EXPECT_EQ(judged(*rules, model::Kind::dig).outcome, Outcome::found);
  rules->events[0].trigger = model::Trigger::step;
  rules->events[0].starts_us = 101;
  EXPECT_EQ(judged(*rules).outcome, Outcome::nothing) << "not yet: as if it were not there";
  rules->events[0].starts_us = 0;
  rules->events[0].ends_us = 100;
  EXPECT_EQ(judged(*rules).outcome, Outcome::closed);
  rules->events[0].worlds = {model::WorldId{2}};
  EXPECT_EQ(judged(*rules).outcome, Outcome::nothing) << "it was never there";
  rules->events[0] = {"test", model::Trigger::step, 0};
  Rollout rollout;
  for (std::uint32_t percent = 1; percent <= 100; ++percent) {
    rules->events[0].rollout_percent = percent;
    const bool in = rollout.has(rules->events[0], claim.player);
    EXPECT_EQ(judged(*rules).outcome, in ? Outcome::found : Outcome::nothing) << percent;
  }
  rules->tables.clear();
  EXPECT_EQ(judged(*rules).outcome, Outcome::closed);
}

// A pool of two rolls over four items, of which three have tiers.
model::RuleSet announcing(std::uint32_t from) {
  model::RuleSet set;
  set.version = "0000000000000001";
  set.events.push_back({"test", model::Trigger::step, 0});
  set.events[0].tiers = {"common", "rare", "legendary"};
  set.events[0].item_tiers = {{0, 0}, {2, 2}, {3, 1}};
  set.events[0].announce_from = from;
  set.items = {"stone", "leaf", "crown", "cape"};
  for (std::uint32_t i = 0; i < 4; ++i) set.entries.push_back({.weight = 1, .index = i});
  set.pools.push_back({0, 4, 4, {}, {1, 2}, false, false});
  set.tables.push_back({.name = "loot", .entry_count = 4, .stacked = true, .pool_count = 1});
  return set;
}

TEST(Announce, marks_a_reward_with_the_highest_tier_of_its_items) {
  const std::array<std::uint8_t, 32> seed{5};
  Roller roller(seed);
  const auto plain = [&] {
    auto set = announcing(0);
    set.events[0].announce_from.reset();
    return set;
  }();
  const std::vector<std::string_view> names{"common", "rare", "legendary"};
  std::set<std::string> seen;
  for (std::uint32_t from = 0; from < 3; ++from) {
    const auto set = announcing(from);
    for (std::uint64_t claim = 0; claim < 500; ++claim) {
      const std::string stacks(roller.reward(plain, 0, {claim, 3}, 0));
      int highest = -1;
      model::for_each_stack(stacks, [&](const model::ItemStack& stack) {
        const int tier = stack.item == "crown" ? 2 : stack.item == "cape" ? 1 : -1;
        highest = std::max(highest, stack.item == "stone" ? 0 : tier);
      });
      const std::string reward(roller.reward(set, 0, {claim, 3}, 0));
      ASSERT_EQ(model::stacks_of(reward), stacks) << "what is given does not change";
      const bool told = highest >= static_cast<int>(from);
      ASSERT_EQ(model::announced_tier(reward),
                told ? names.at(static_cast<std::size_t>(highest)) : std::string_view())
          << reward;
      seen.insert(reward);
    }
  }
  EXPECT_TRUE(seen.contains("crown!legendary"));
  EXPECT_TRUE(seen.contains("stone*2!common"));
  EXPECT_TRUE(seen.contains("leaf"));
}

}  // namespace
}  // namespace hunt::engine
