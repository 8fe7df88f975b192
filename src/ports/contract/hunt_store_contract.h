// The contract of HuntStore as tests: every store passes all of them.
//
// Not a test by itself: an adapter's test file includes it and says
//   INSTANTIATE_TEST_SUITE_P(Mine, HuntStoreContract, testing::Values(factory), name_of_factory);
#pragma once
#include <limits>
#include <set>

#include "base/prng.h"
#include "ports/contract/decision_cases.h"
#include "ports/contract/hunt_store_contract_fixture.h"

namespace hunt::ports::contract {

using model::Outcome;

class HuntStoreContract : public StoreContract {
 protected:
  // A call, and what to say of it when it is answered otherwise than the model does.
  struct Asked {
    const DecisionCase* of;
    std::vector<model::Claim> claims;
  };

  // One spawn on each tile. `again`: in place of the first, and open from now on.
  void bury_cases(const std::vector<DecisionCase*>& cases, bool again);
  // What makes the past of each case: claims that come first.
  std::vector<Asked> claims_before(const std::vector<DecisionCase>& cases, std::int64_t buried_us);
  static std::vector<model::Claim> claims_of(const DecisionCase& of, std::int64_t buried_us);
  // Several calls at once, which are on different tiles.
  void expect_as_decided(const std::vector<Asked>& asked);

  DecisionModel decision_;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(HuntStoreContract);

TEST_P(HuntStoreContract, a_new_store_holds_the_demo_world_and_a_seed) {
  const auto worlds = ok(store().worlds());
  ASSERT_EQ(worlds.size(), 1U);
  EXPECT_EQ(worlds[0].id, 1U);
  EXPECT_EQ(worlds[0].name, "demo");
  const auto info = ok(store().info());
  EXPECT_NE(info.seed, 0U);
  EXPECT_EQ(info.epoch, 1U);
  const auto secrets = ok(store().secrets());
  EXPECT_EQ(secrets.seed_bytes.size(), 32U);
  under_test_->reopen();
  EXPECT_EQ(ok(store().secrets()).seed_bytes, secrets.seed_bytes);
}

TEST_P(HuntStoreContract, a_new_store_has_an_identity_that_it_keeps) {
  const auto info = ok(store().info());
  EXPECT_NE(info.hunt.id, model::HuntId());
  EXPECT_EQ(info.hunt.name, "");
  EXPECT_NE(info.ledger, model::LedgerId());
  EXPECT_NE(info.ledger, info.hunt.id);
  const auto key = ok(store().secrets()).hunt_key;
  EXPECT_NE(key, model::HuntKey());
  under_test_->reopen();
  EXPECT_EQ(ok(store().info()).hunt, info.hunt);
  EXPECT_EQ(ok(store().info()).ledger, info.ledger);
  EXPECT_EQ(ok(store().secrets()).hunt_key, key);
}

TEST_P(HuntStoreContract, a_store_joins_another_hunt_only_until_it_is_named) {
  const auto ledger = ok(store().info()).ledger;
  const model::HuntKey key{1, 2, 3};
  ASSERT_TRUE(run(store().join_hunt({{7, 8}, ""}, key)));
  EXPECT_EQ(ok(store().info()).hunt, (model::Hunt{{7, 8}, ""}));
  ASSERT_TRUE(run(store().join_hunt({{9, 9}, "summer"}, key)));
  ASSERT_TRUE(run(store().join_hunt({{9, 9}, "summer"}, key))) << "again: nothing changes";
  ASSERT_TRUE(run(store().join_hunt({{9, 9}, ""}, key))) << "it is of that hunt";
  EXPECT_EQ(error_of(store().join_hunt({{9, 9}, "winter"}, key)), Errc::already_exists);
  EXPECT_EQ(error_of(store().join_hunt({{7, 8}, "summer"}, key)), Errc::already_exists);
  EXPECT_EQ(error_of(store().join_hunt({{7, 8}, ""}, model::HuntKey{4})), Errc::already_exists);
  under_test_->reopen();
  EXPECT_EQ(ok(store().info()).hunt, (model::Hunt{{9, 9}, "summer"}));
  EXPECT_EQ(ok(store().info()).ledger, ledger) << "its ledger stays the same one";
  EXPECT_EQ(ok(store().secrets()).hunt_key, key);
}

TEST_P(HuntStoreContract, grants_once_and_repeats_the_stored_item) {
  const auto spawn = bury(here, 2);
  const auto first = grant_one(claim(here, spawn, 1, "lantern"));
  EXPECT_EQ(first.outcome, Outcome::granted);
  EXPECT_FALSE(first.repeat);
  EXPECT_EQ(first.reward, "lantern");
  // The answer was lost; the claim is sent again, and by now another roll is in force.
  auto again = claim(here, spawn, 1, "crown");
  again.rules = "00000000000000bb";
  const auto second = grant_one(again);
  EXPECT_EQ(second.outcome, Outcome::granted);
  EXPECT_TRUE(second.repeat);
  EXPECT_EQ(second.reward, "lantern");
  EXPECT_EQ(second.rules, "00000000000000aa");
  under_test_->reopen();
  EXPECT_EQ(grant_one(again).reward, "lantern");
  EXPECT_EQ(books().granted[spawn], 1);
}

// A find may give nothing, and as many stacks as a reward holds.
TEST_P(HuntStoreContract, keeps_a_reward_of_nothing_and_the_longest_one) {
  const auto spawn = bury(here, 2);
  const std::string longest(limits::reward_bytes_max, 'x');
  for (const std::string& reward : {std::string(), longest}) {
    const auto asked = claim(here, spawn, reward.size(), reward);
    const auto first = grant_one(asked);
    EXPECT_EQ(first.outcome, Outcome::granted);
    EXPECT_EQ(first.reward, reward);
    const auto again = grant_one(claim(here, spawn, reward.size(), "crown"));
    EXPECT_TRUE(again.repeat);
    EXPECT_EQ(again.reward, reward);
    EXPECT_EQ(look_up({asked})[0].reward, reward);
    EXPECT_EQ(ok(store().find_grant(asked.id))->reward, reward);
  }
  const auto page = ok(store().grants_after(0, 10));
  ASSERT_EQ(page.grants.size(), 2U);
  EXPECT_EQ(page.grants[0].reward, "");
}

TEST_P(HuntStoreContract, keeps_the_whole_row_of_a_grant) {
  const auto spawn = bury(here, 1);
  auto asked = claim(here, spawn, 9, "star map*12,bell");
  asked.as_of_us = clock_.wall_us();
  clock_.advance_us(500);
  EXPECT_FALSE(ok(store().find_grant(asked.id)).has_value());
  EXPECT_EQ(grant_one(asked).outcome, Outcome::granted);
  const auto row = ok(store().find_grant(asked.id));
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->claim, asked.id);
  EXPECT_FALSE(row->aborted);
  EXPECT_EQ(row->world, asked.world);
  EXPECT_EQ(row->tile, asked.tile);
  EXPECT_EQ(row->spawn, spawn);
  EXPECT_EQ(row->player, asked.player);
  EXPECT_EQ(row->reward, "star map*12,bell");
  EXPECT_EQ(row->rules, asked.rules);
  EXPECT_EQ(row->seed, asked.seed);
  EXPECT_EQ(row->as_of_us, *asked.as_of_us);
  EXPECT_EQ(row->at_us, clock_.wall_us());
}

TEST_P(HuntStoreContract, twins_in_one_call_get_one_grant) {
  const auto spawn = bury(here, 5);
  const auto verdicts =
      grant({claim(here, spawn, 1, "a"), claim(here, spawn, 2, "b"), claim(here, spawn, 1, "c")});
  EXPECT_FALSE(verdicts[0].repeat);
  EXPECT_EQ(verdicts[2].outcome, Outcome::granted);
  EXPECT_TRUE(verdicts[2].repeat);
  EXPECT_EQ(verdicts[2].reward, "a");
  auto all = books();
  EXPECT_EQ(all.granted[spawn], 2);
  EXPECT_EQ(all.spawns[spawn].remaining, 3);
}

TEST_P(HuntStoreContract, a_twin_that_came_too_early_does_not_hold_up_the_other) {
  const std::int64_t before_us = clock_.wall_us();
  clock_.advance_us(1'000);
  const auto spawn = bury(here, 1);
  auto early = claim(here, spawn, 1, "a");
  early.as_of_us = before_us;
  const auto verdicts = grant({early, claim(here, spawn, 1, "b"), claim(here, spawn, 2, "c")});
  EXPECT_EQ(verdicts[1].outcome, Outcome::granted);
  EXPECT_EQ(verdicts[1].reward, "b");
  EXPECT_EQ(verdicts[2].outcome, Outcome::sold_out);
  auto all = books();
  EXPECT_EQ(all.granted[spawn], 1);
  EXPECT_EQ(all.spawns[spawn].remaining, 0);
}

TEST_P(HuntStoreContract, twins_in_concurrent_calls_get_one_grant) {
  const auto spawn = bury(here, 50);
  std::vector<boost::asio::awaitable<Result<model::GrantCall>>> calls;
  for (int i = 0; i < 8; ++i) {
    calls.push_back(store().grant_claims({claim(here, spawn, 1), claim(here, spawn, 2)}));
  }
  int fresh = 0;
  for (const auto& call : run_all(std::move(calls))) {
    ASSERT_TRUE(call.has_value());
    for (const auto& verdict : call->verdicts) {
      EXPECT_EQ(verdict.outcome, Outcome::granted);
      fresh += verdict.repeat ? 0 : 1;
    }
  }
  EXPECT_EQ(fresh, 2);
  auto all = books();
  EXPECT_EQ(all.spawns[spawn].remaining, 48);
  all.expect_conserved();
}

TEST_P(HuntStoreContract, the_last_unit_goes_to_the_first_of_many) {
  const auto spawn = bury(here, 1);
  const auto before = row_of(here);
  const auto verdicts =
      grant({claim(here, spawn, 1), claim(here, spawn, 2), claim(here, spawn, 3)});
  EXPECT_EQ(verdicts[0].outcome, Outcome::granted);
  EXPECT_EQ(verdicts[1].outcome, Outcome::sold_out);
  EXPECT_EQ(verdicts[2].outcome, Outcome::sold_out);
  EXPECT_TRUE(verdicts[1].reward.empty());
  const auto after = row_of(here);
  EXPECT_TRUE(after.sold_out);
  EXPECT_EQ(after.version, before.version + 1);
  EXPECT_EQ(grant_one(claim(here, spawn, 2)).outcome, Outcome::sold_out);
  EXPECT_EQ(grant_one(claim(here, spawn, 1)).outcome, Outcome::granted);
  EXPECT_EQ(row_of(here).version, after.version);
}

TEST_P(HuntStoreContract, a_grant_that_is_not_the_last_changes_no_visible_row) {
  const auto spawn = bury(here, 3);
  const auto before = row_of(here);
  EXPECT_EQ(grant_one(claim(here, spawn, 1)).outcome, Outcome::granted);
  EXPECT_EQ(row_of(here), before);
}

TEST_P(HuntStoreContract, answers_in_the_order_of_the_claims_over_many_tiles) {
  const model::Tile there{-500, 900};
  const auto one = bury(here, 1);
  const auto two = bury(there, 1);
  const auto verdicts = grant({claim(there, two, 1), claim(here, one, 1), claim(there, two, 2),
                               claim(here, 999, 1), claim(here, one, 2)});
  EXPECT_EQ(verdicts[0].outcome, Outcome::granted);
  EXPECT_EQ(verdicts[1].outcome, Outcome::granted);
  EXPECT_EQ(verdicts[2].outcome, Outcome::sold_out);
  EXPECT_EQ(verdicts[3].outcome, Outcome::nothing);
  EXPECT_EQ(verdicts[4].outcome, Outcome::sold_out);
}

TEST_P(HuntStoreContract, an_empty_tile_or_spawn_gives_nothing) {
  EXPECT_EQ(grant_one(claim(here, 0, 1)).outcome, Outcome::nothing);
  EXPECT_EQ(grant_one(claim(here, 5, 1)).outcome, Outcome::nothing);
  auto elsewhere = claim(here, bury(here, 1), 1);
  elsewhere.world = 7;
  EXPECT_EQ(grant_one(elsewhere).outcome, Outcome::nothing);
}

TEST_P(HuntStoreContract, reburial_starts_a_new_spawn_and_ends_the_old_one) {
  const auto old_spawn = bury(here, 3);
  EXPECT_EQ(grant_one(claim(here, old_spawn, 1)).outcome, Outcome::granted);
  const auto version = row_of(here).version;
  const auto new_spawn = bury(here, 2);
  EXPECT_GT(new_spawn, old_spawn);
  EXPECT_EQ(row_of(here).version, version + 1);
  // A claim decided before the re-burial but asked after it.
  EXPECT_EQ(grant_one(claim(here, old_spawn, 2)).outcome, Outcome::nothing);
  // The same player may take the new one; the old grant is still told.
  EXPECT_EQ(grant_one(claim(here, new_spawn, 1)).repeat, false);
  EXPECT_TRUE(grant_one(claim(here, old_spawn, 1)).repeat);
  auto all = books();
  all.expect_conserved();
  EXPECT_TRUE(all.spawns[old_spawn].done);
  EXPECT_EQ(all.spawns[old_spawn].remaining, 2);
  EXPECT_EQ(all.spawns[new_spawn].remaining, 1);
}

TEST_P(HuntStoreContract, reburial_of_a_sold_out_tile_opens_it_again) {
  const auto first = bury(here, 1);
  EXPECT_EQ(grant_one(claim(here, first, 1)).outcome, Outcome::granted);
  EXPECT_TRUE(row_of(here).sold_out);
  const auto second = bury(here, 1);
  EXPECT_FALSE(row_of(here).sold_out);
  EXPECT_EQ(grant_one(claim(here, second, 1)).outcome, Outcome::granted);
  books().expect_conserved();
}

// What passes before a call is awaited (a delay on the way to the store) is not the store's.
TEST_P(HuntStoreContract, the_times_of_a_call_begin_when_it_is_awaited) {
  constexpr std::int64_t before_us = 3'600'000'000;
  const auto spawn = bury(here, 10);
  const auto told_us = [](const model::CallTimes& times) {
    return times.wait_us + times.lock_us + times.exec_us + times.commit_us + times.thread_us;
  };
  auto grants = store().grant_claims({claim(here, spawn, 1)});
  auto loads = store().load_chunks({model::chunk_of(world, model::tile_id_of(here))});
  clock_.advance_us(before_us);
  EXPECT_LT(told_us(ok(std::move(grants)).times), before_us);
  EXPECT_LT(told_us(ok(std::move(loads)).times), before_us);
}

TEST_P(HuntStoreContract, as_of_decides_at_its_edges) {
  auto wish = burial(here, 10);
  const std::int64_t start_us = clock_.wall_us();
  wish.opens_us = start_us + 100;
  wish.closes_us = start_us + 200;
  const auto spawn = bury(wish);
  const auto outcome_at = [&](std::uint64_t player, std::int64_t as_of_us) {
    auto asked = claim(here, spawn, player);
    asked.as_of_us = as_of_us;
    return grant_one(asked).outcome;
  };
  clock_.advance_us(1'000);
  EXPECT_EQ(outcome_at(1, start_us + 99), Outcome::closed);
  EXPECT_EQ(outcome_at(1, start_us + 100), Outcome::granted);
  EXPECT_EQ(outcome_at(2, start_us + 199), Outcome::granted);
  EXPECT_EQ(outcome_at(3, start_us + 200), Outcome::closed);
  // Without a timestamp the store's own clock counts, and by that it is over.
  EXPECT_EQ(grant_one(claim(here, spawn, 4)).outcome, Outcome::closed);
  // A refusal is not for ever: the same claim with an eligible timestamp wins.
  EXPECT_EQ(outcome_at(3, start_us + 150), Outcome::granted);
}

TEST_P(HuntStoreContract, nothing_is_eligible_before_it_was_buried) {
  const auto spawn = bury(here, 10);
  auto asked = claim(here, spawn, 1);
  asked.as_of_us = clock_.wall_us() - 1;
  EXPECT_EQ(grant_one(asked).outcome, Outcome::closed);
  asked.as_of_us = clock_.wall_us();
  EXPECT_EQ(row_of(here).buried_at_us, clock_.wall_us());
  EXPECT_EQ(grant_one(asked).outcome, Outcome::granted);
}

TEST_P(HuntStoreContract, a_timestamp_far_in_the_future_is_refused) {
  const auto spawn = bury(here, 10);
  auto asked = claim(here, spawn, 1);
  asked.as_of_us = clock_.wall_us() + 1'000'001;
  EXPECT_EQ(grant_one(asked).outcome, Outcome::closed);
  asked.as_of_us = clock_.wall_us() + 1'000'000;
  EXPECT_EQ(grant_one(asked).outcome, Outcome::granted);
  auto extreme = claim(here, spawn, 2);
  extreme.as_of_us = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(grant_one(extreme).outcome, Outcome::closed);
  extreme.as_of_us = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(grant_one(extreme).outcome, Outcome::closed);
}

TEST_P(HuntStoreContract, closed_tiles_refuse_but_what_came_before_counts) {
  const auto spawn = bury(here, 10);
  const std::int64_t before_us = clock_.wall_us();
  clock_.advance_us(1'000);
  EXPECT_EQ(ok(store().close_tiles(world, {here, model::Tile{77, 77}})), 1U);
  EXPECT_EQ(row_of(here).closes_us, clock_.wall_us());
  EXPECT_EQ(ok(store().close_tiles(world, {here})), 0U);
  EXPECT_EQ(grant_one(claim(here, spawn, 1)).outcome, Outcome::closed);
  auto earlier = claim(here, spawn, 2);
  earlier.as_of_us = before_us;
  EXPECT_EQ(grant_one(earlier).outcome, Outcome::granted);
  books().expect_conserved();
}

TEST_P(HuntStoreContract, moved_ranges_answer_moved) {
  const model::Tile far_tile{30'000, 30'000};
  const auto near_spawn = bury(here, 2);
  const auto far_spawn = bury(far_tile, 2);
  EXPECT_EQ(grant_one(claim(far_tile, far_spawn, 1)).outcome, Outcome::granted);
  const model::TileId first{(model::tile_id_of(far_tile).value >> 10) << 10};
  ASSERT_GT(first, model::tile_id_of(here));
  under_test_->set_range_state(world, first, "moved");
  const auto verdicts = grant({claim(here, near_spawn, 1), claim(far_tile, far_spawn, 2)});
  EXPECT_FALSE(verdicts[0].moved);
  EXPECT_EQ(verdicts[0].outcome, Outcome::granted);
  EXPECT_TRUE(verdicts[1].moved);
  const auto known = grant_one(claim(far_tile, far_spawn, 1));
  EXPECT_FALSE(known.moved) << "its ledger has it, whoever owns the tile by now";
  EXPECT_EQ(known.outcome, Outcome::granted);
  EXPECT_TRUE(known.repeat);
  EXPECT_EQ(error_of(store().bury(world, {burial(far_tile, 1)})), Errc::moved);
  under_test_->set_range_state(world, first, "owned");
  EXPECT_EQ(grant_one(claim(far_tile, far_spawn, 2)).outcome, Outcome::granted);
  books().expect_conserved();
}

TEST_P(HuntStoreContract, an_aborted_claim_is_expired_for_ever) {
  const auto spawn = bury(here, 2);
  under_test_->abort_claim(claim(here, spawn, 1));
  EXPECT_EQ(grant_one(claim(here, spawn, 1)).outcome, Outcome::expired);
  EXPECT_EQ(grant_one(claim(here, spawn, 2)).outcome, Outcome::granted);
  const auto row = ok(store().find_grant(claim(here, spawn, 1).id));
  ASSERT_TRUE(row.has_value());
  EXPECT_TRUE(row->aborted);
  const auto page = ok(store().grants_after(0, 10));
  ASSERT_EQ(page.grants.size(), 1U);
  EXPECT_EQ(page.grants[0].claim, claim(here, spawn, 2).id);
  books().expect_conserved();
}

TEST_P(HuntStoreContract, grants_are_found_by_player_and_by_spawn_newest_first) {
  const auto spawn = bury(here, 3);
  const auto other = bury({here.x + 1, here.y}, 9);
  under_test_->abort_claim(claim(here, spawn, 1));
  EXPECT_EQ(grant_one(claim(here, spawn, 2)).outcome, Outcome::granted);
  clock_.advance_us(120'000'000);
  const std::int64_t later_us = clock_.wall_us();
  EXPECT_EQ(grant_one(claim(here, spawn, 3)).outcome, Outcome::granted);
  EXPECT_EQ(grant_one(claim({here.x + 1, here.y}, other, 2)).outcome, Outcome::granted);
  const auto find = [this](std::optional<model::PlayerId> player, std::optional<model::SpawnId> on,
                           std::int64_t from_us = INT64_MIN, std::int64_t until_us = INT64_MAX) {
    model::GrantSearch search;
    search.player = player;
    search.spawn = on;
    search.from_us = from_us;
    search.until_us = until_us;
    return ok(store().find_grants(search));
  };
  const model::PlayerId player = claim(here, spawn, 2).player;
  const auto players = find(player, {});
  ASSERT_EQ(players.count, 2U);
  ASSERT_EQ(players.newest.size(), 2U);
  EXPECT_EQ(players.newest[0].spawn, other);
  EXPECT_EQ(players.newest[1].spawn, spawn);
  EXPECT_EQ(players.newest[1].player, player);
  ASSERT_TRUE(players.oldest.has_value());
  EXPECT_EQ(players.oldest->claim, claim(here, spawn, 2).id);
  EXPECT_EQ(players.back_to_us, INT64_MIN) << "all of it was looked at";
  const auto spawns = find({}, spawn);
  ASSERT_EQ(spawns.count, 3U) << "aborted ones, too";
  EXPECT_EQ(spawns.newest[0].claim, claim(here, spawn, 3).id);
  EXPECT_TRUE(spawns.oldest->aborted);
  EXPECT_EQ(find(player, spawn).count, 1U);
  model::GrantSearch there;
  there.player = player;
  there.world = world;
  there.tile = model::tile_id_of(here);
  EXPECT_EQ(ok(store().find_grants(there)).count, 1U);
  model::GrantSearch before;
  before.spawn = spawn;
  before.last = players.newest[1].cursor;
  EXPECT_EQ(ok(store().find_grants(before)).count, 2U) << "and not the one behind it";
  EXPECT_EQ(find(player, {}, later_us).count, 1U);
  EXPECT_EQ(find(player, {}, later_us).newest.at(0).spawn, other);
  EXPECT_EQ(find(player, {}, INT64_MIN, later_us - 1).newest.at(0).spawn, spawn);
  EXPECT_EQ(find(player, {}, later_us - 1, later_us - 1).count, 0U);
  EXPECT_EQ(find(model::PlayerId{7, 7}, {}).count, 0U);
}

TEST_P(HuntStoreContract, a_search_in_an_empty_ledger_finds_nothing) {
  model::GrantSearch search;
  search.player = model::PlayerId{1, 2};
  EXPECT_EQ(ok(store().find_grants(search)).count, 0U);
  search.from_us = 0;
  search.until_us = clock_.wall_us();
  EXPECT_EQ(ok(store().find_grants(search)).count, 0U);
}

TEST_P(HuntStoreContract, a_look_up_tells_what_is_in_the_ledger_and_grants_nothing) {
  const auto spawn = bury(here, 9);
  const auto won = claim(here, spawn, 1, "crown");
  EXPECT_EQ(grant_one(won).outcome, Outcome::granted);
  under_test_->abort_claim(claim(here, spawn, 2));
  // Only its id and its place count: not the item, nor the spawn, nor when.
  auto asked = won;
  asked.reward.clear();
  asked.rules.clear();
  asked.spawn = 0;
  const auto verdicts =
      look_up({claim(here, spawn, 3), asked, claim(here, spawn, 2), asked, claim({7, 7}, 99, 1)});
  EXPECT_EQ(verdicts[0].outcome, Outcome::nothing);
  EXPECT_EQ(verdicts[1].outcome, Outcome::granted);
  EXPECT_TRUE(verdicts[1].repeat);
  EXPECT_EQ(verdicts[1].reward, "crown");
  EXPECT_EQ(verdicts[1].rules, won.rules);
  EXPECT_EQ(verdicts[2].outcome, Outcome::expired);
  EXPECT_EQ(verdicts[3].outcome, Outcome::granted);
  EXPECT_EQ(verdicts[4].outcome, Outcome::nothing);
  for (const auto& verdict : verdicts) EXPECT_FALSE(verdict.moved);
  auto all = books();
  EXPECT_EQ(all.granted[spawn], 1);
  EXPECT_EQ(all.spawns[spawn].remaining, 8);
  under_test_->reopen();
  EXPECT_EQ(look_up({asked})[0].reward, "crown");
}

TEST_P(HuntStoreContract, a_look_up_finds_a_grant_whatever_became_of_its_tile) {
  const auto spawn = bury(here, 1);
  const auto won = claim(here, spawn, 1);
  EXPECT_EQ(grant_one(won).outcome, Outcome::granted);  // sold out
  EXPECT_EQ(look_up({won})[0].outcome, Outcome::granted);
  clock_.advance_us(1'000);
  EXPECT_EQ(ok(store().close_tiles(world, {here})), 1U);
  EXPECT_EQ(look_up({won})[0].outcome, Outcome::granted);
  bury(here, 1);
  EXPECT_EQ(look_up({won})[0].outcome, Outcome::granted);
}

// Where the range is another shard's, that shard's ledger may have what this one has not.
TEST_P(HuntStoreContract, a_look_up_of_a_moved_range_is_moved_unless_the_row_is_here) {
  const model::Tile far_tile{30'000, 30'000};
  const auto near_spawn = bury(here, 2);
  const auto far_spawn = bury(far_tile, 2);
  EXPECT_EQ(grant_one(claim(far_tile, far_spawn, 1)).outcome, Outcome::granted);
  const model::TileId first{(model::tile_id_of(far_tile).value >> 10) << 10};
  under_test_->set_range_state(world, first, "moved");
  const auto verdicts = look_up(
      {claim(here, near_spawn, 1), claim(far_tile, far_spawn, 2), claim(far_tile, far_spawn, 1)});
  EXPECT_FALSE(verdicts[0].moved);
  EXPECT_EQ(verdicts[0].outcome, Outcome::nothing);
  EXPECT_TRUE(verdicts[1].moved);
  EXPECT_FALSE(verdicts[2].moved);
  EXPECT_EQ(verdicts[2].outcome, Outcome::granted);
  under_test_->set_range_state(world, first, "owned");
  EXPECT_FALSE(look_up({claim(far_tile, far_spawn, 2)})[0].moved);
}

// What was told granted is found by every look that begins afterwards, while others write.
TEST_P(HuntStoreContract, a_look_up_sees_every_grant_that_was_answered_before_it) {
  const auto spawn = bury(here, 1'000);
  for (std::uint64_t round = 0; round < 10; ++round) {
    std::vector<boost::asio::awaitable<Result<model::GrantCall>>> calls;
    std::vector<model::Claim> claims;
    for (std::uint64_t i = 0; i < 8; ++i) {
      claims.push_back(claim(here, spawn, 100 * round + i));
      calls.push_back(store().grant_claims({claims.back()}));
    }
    for (const auto& call : run_all(std::move(calls))) ASSERT_TRUE(call.has_value());
    for (const auto& verdict : look_up(claims)) EXPECT_EQ(verdict.outcome, Outcome::granted);
  }
}

TEST_P(HuntStoreContract, pages_of_grants_follow_the_ledger) {
  const auto spawn = bury(here, 100);
  std::vector<model::ClaimId> order;
  for (std::uint64_t i = 0; i < 25; ++i) {
    order.push_back(claim(here, spawn, i).id);
    EXPECT_EQ(grant_one(claim(here, spawn, i)).outcome, Outcome::granted);
  }
  std::vector<model::ClaimId> seen;
  std::uint64_t cursor = 0;
  for (int pages = 0; pages < 10; ++pages) {
    const auto page = ok(store().grants_after(cursor, 10));
    if (page.grants.empty()) {
      EXPECT_EQ(page.next, cursor);
      break;
    }
    EXPECT_LE(page.grants.size(), 10U);
    EXPECT_EQ(page.next, page.grants.back().cursor);
    for (const auto& grant : page.grants) {
      EXPECT_GT(grant.cursor, cursor);
      cursor = grant.cursor;
      seen.push_back(grant.claim);
    }
  }
  EXPECT_EQ(seen, order);
}

TEST_P(HuntStoreContract, spawn_ids_are_never_reused) {
  std::set<model::SpawnId> seen;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(seen.insert(bury(here, 1)).second);
    // A burial that fails must not lead to a second use of its id either.
    EXPECT_EQ(error_of(store().bury(99, {burial(here, 1)})), Errc::not_found);
    under_test_->reopen();
  }
  EXPECT_EQ(seen.size(), 12U);
}

TEST_P(HuntStoreContract, no_spawn_id_comes_back_after_a_restore) {
  (void)bury(here, 1);
  under_test_->keep_copy();
  std::set<model::SpawnId> lost;
  for (std::int32_t i = 0; i < 40; ++i) lost.insert(bury(model::Tile{i, 0}, 1));
  EXPECT_EQ(lost.size(), 40U);
  clock_.advance_us(2'000);  // of stores that go by it; a restore takes longer
  under_test_->put_copy_back();
  EXPECT_EQ(books().spawns.size(), 1U);
  for (std::int32_t i = 0; i < 40; ++i) {
    const auto spawn = bury(model::Tile{i, 0}, 1);
    EXPECT_GT(spawn, *lost.rbegin());
    EXPECT_EQ(spawn >> 48, *lost.rbegin() >> 48) << "of the same shard";
  }
  books().expect_conserved();
}

TEST_P(HuntStoreContract, more_claims_than_the_bound_are_refused) {
  const auto spawn = bury(here, 100);
  std::vector<model::Claim> claims;
  for (std::uint64_t i = 0; i <= limits::claims_per_call_max; ++i) {
    claims.push_back(claim(here, spawn, i));
  }
  EXPECT_EQ(error_of(store().grant_claims(claims)), Errc::too_large);
  EXPECT_EQ(error_of(store().look_up_claims(claims)), Errc::too_large);
  claims.pop_back();
  EXPECT_EQ(grant(claims).back().outcome, Outcome::granted);
}

constexpr std::uint64_t me = 1;
constexpr std::uint64_t somebody = 2;

inline void HuntStoreContract::bury_cases(const std::vector<DecisionCase*>& cases, bool again) {
  for (std::size_t first = 0; first < cases.size(); first += limits::tiles_per_request_max) {
    const std::size_t last = std::min(first + limits::tiles_per_request_max, cases.size());
    std::vector<model::Burial> wishes;
    for (std::size_t i = first; i < last; ++i) {
      const bool two = cases[i]->is({Past::last_one, Past::twins});
      wishes.push_back(burial(cases[i]->tile, two ? 2 : 1));
      if (again) continue;
      wishes.back().opens_us = cases[i]->window.opens_us;
      wishes.back().closes_us = cases[i]->window.closes_us;
    }
    const auto buried = ok(store().bury(world, wishes));
    ASSERT_EQ(buried.size(), wishes.size());
    for (std::size_t i = first; i < last; ++i) {
      const model::Burial& wish = wishes[i - first];
      (again ? cases[i]->later_spawn : cases[i]->spawn) = buried[i - first].spawn;
      decision_.bury(wish.tile, buried[i - first].spawn,
                     {std::max(wish.opens_us, clock_.wall_us()), wish.closes_us}, wish.budget);
    }
  }
}

inline std::vector<HuntStoreContract::Asked> HuntStoreContract::claims_before(
    const std::vector<DecisionCase>& cases, std::int64_t buried_us) {
  std::vector<Asked> before;
  for (const auto& one : cases) {
    const bool by_somebody = one.is({Past::last_one, Past::sold_out});
    const bool by_me = one.is({Past::known, Past::known_replaced, Past::known_elsewhere});
    if (!by_somebody && !by_me) continue;
    model::Claim first = claim(one.tile, one.spawn, by_me ? me : somebody, "the first");
    first.as_of_us = std::max(one.window.opens_us, buried_us);
    before.push_back({&one, {first}});
  }
  return before;
}

inline std::vector<model::Claim> HuntStoreContract::claims_of(const DecisionCase& of,
                                                              std::int64_t buried_us) {
  const model::SpawnId spawn = of.past == Past::empty ? 0 : of.spawn;
  std::vector<model::Claim> claims{claim(of.tile, spawn, me, "an item")};
  claims.back().as_of_us = of.as_of_us;
  if (of.past == Past::twins) {
    claims.push_back(claims.front());
    claims.back().reward = "another";
  }
  if (of.later_spawn != 0) {
    claims.push_back(claim(of.tile, of.later_spawn, me));
    claims.back().as_of_us = of.as_of_us;
  }
  if (of.past == Past::last_one) {
    claims.insert(claims.begin(), claim(of.tile, of.spawn, somebody));
    claims.front().as_of_us = std::max(of.window.opens_us, buried_us);
  }
  return claims;
}

inline void HuntStoreContract::expect_as_decided(const std::vector<Asked>& asked) {
  constexpr std::size_t at_once = 16;
  const std::int64_t now_us = clock_.wall_us();
  for (std::size_t first = 0; first < asked.size() && !HasFailure(); first += at_once) {
    const std::size_t last = std::min(first + at_once, asked.size());
    std::vector<boost::asio::awaitable<Result<model::GrantCall>>> calls;
    for (std::size_t i = first; i < last; ++i) {
      calls.push_back(store().grant_claims(asked[i].claims));
    }
    const auto answers = run_all(std::move(calls));
    for (std::size_t i = first; i < last; ++i) {
      const auto& answer = answers[i - first];
      const auto& claims = asked[i].claims;
      ASSERT_TRUE(answer.has_value()) << answer.error().message;
      ASSERT_EQ(answer->verdicts.size(), claims.size());
      for (std::size_t k = 0; k < claims.size(); ++k) {
        EXPECT_EQ(shown(answer->verdicts[k]), shown(decision_.grant(claims[k], now_us)))
            << "claim " << k << "; " << asked[i].of->shown(now_us);
      }
    }
  }
}

TEST_P(HuntStoreContract, decides_as_the_model_does_at_every_edge) {
  constexpr model::Tile far_tile{30'000, 30'000};
  const std::int64_t buried_us = clock_.wall_us();
  auto cases = decision_cases(buried_us, buried_us + 5'000, far_tile);
  std::vector<DecisionCase*> all;
  std::vector<DecisionCase*> replaced;
  for (auto& one : cases) {
    all.push_back(&one);
    if (one.is({Past::replaced, Past::known_replaced})) replaced.push_back(&one);
  }
  bury_cases(all, false);
  clock_.advance_us(5'000);
  expect_as_decided(claims_before(cases, buried_us));
  bury_cases(replaced, true);
  under_test_->set_range_state(world, {(model::tile_id_of(far_tile).value >> 10) << 10}, "moved");
  std::vector<Asked> asked;
  for (const auto& one : cases) {
    asked.push_back({&one, claims_of(one, buried_us)});
    if (one.moves()) decision_.disown(one.tile);
    if (one.past != Past::aborted) continue;
    under_test_->abort_claim(asked.back().claims.front());
    decision_.abort(asked.back().claims.front());
  }
  expect_as_decided(asked);
  auto kept = books();
  kept.expect_conserved();
  for (const auto& one : cases) {
    const auto spawn = one.later_spawn != 0 ? one.later_spawn : one.spawn;
    EXPECT_EQ(kept.spawns[spawn].remaining, decision_.remaining(one.tile))
        << one.shown(clock_.wall_us());
  }
}

// Many calls in flight at once, re-burials and closings among them: whatever the interleaving,
// each claim is granted at most once and budget = remaining + granted.
class Storm {
 public:
  explicit Storm(std::uint64_t seed) : random_(seed) {}
  Prng random_;
  std::map<model::ClaimId, std::string> told;  // granted, with the item
  std::set<model::ClaimId> told_fresh;

  void note(const model::GrantCall& call) {
    for (const auto& verdict : call.verdicts) {
      if (verdict.outcome != Outcome::granted) continue;
      const auto [at, first] = told.emplace(verdict.id, verdict.reward);
      EXPECT_EQ(at->second, verdict.reward) << "a claim was told two items";
      if (!verdict.repeat) {
        EXPECT_TRUE(told_fresh.insert(verdict.id).second) << "a claim was granted twice";
      }
    }
  }
};

TEST_P(HuntStoreContract, conserves_every_spawn_under_concurrent_calls_for_any_seed) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    Storm storm(seed);
    constexpr std::int32_t tiles = 6;
    std::vector<model::SpawnId> spawns(tiles);
    const auto at = [&](std::size_t i) {
      return model::Tile{static_cast<std::int32_t>(i) * 40, static_cast<std::int32_t>(seed)};
    };
    for (int round = 0; round < 12; ++round) {
      for (std::size_t i = 0; i < spawns.size(); ++i) {
        if (round == 0 || storm.random_.chance({1, 4})) {
          spawns[i] = bury(at(i), static_cast<std::uint32_t>(1 + storm.random_.below(8)));
        }
      }
      std::vector<boost::asio::awaitable<Result<model::GrantCall>>> calls;
      for (int c = 0; c < 6; ++c) {
        std::vector<model::Claim> claims;
        const std::uint64_t count = 1 + storm.random_.below(20);
        for (std::uint64_t k = 0; k < count; ++k) {
          const auto i = static_cast<std::size_t>(storm.random_.below(spawns.size()));
          claims.push_back(claim(at(i), spawns[i], storm.random_.below(12),
                                 "item " + std::to_string(storm.random_.below(1'000))));
        }
        calls.push_back(store().grant_claims(std::move(claims)));
      }
      for (const auto& call : run_all(std::move(calls))) {
        ASSERT_TRUE(call.has_value()) << call.error().message;
        storm.note(*call);
      }
    }
    auto all = books();
    all.expect_conserved();
    for (const auto& [id, item] : storm.told) {
      ASSERT_TRUE(all.grants.contains(id)) << "told but not in the ledger";
      EXPECT_EQ(all.grants[id].reward, item);
    }
    EXPECT_EQ(storm.told.size(), storm.told_fresh.size());
    EXPECT_GT(storm.told.size(), 50U);
  }
}

}  // namespace hunt::ports::contract
