#include "engine/ledger_check.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hunt::engine {
namespace {

// A small honest ledger to break: spawn 1 open (3 of 5 left), 2 sold out, 3 done.
class Ledger {
 public:
  Ledger() {
    spawns = {{1, 5, 3, false, false}, {2, 1, 0, false, true}, {3, 4, 3, true, false}};
    add(1, 100);
    add(1, 101);
    add(2, 100);
    add(3, 102);
    add(1, 103).aborted = true;
  }

  model::Grant& add(model::SpawnId spawn, std::uint64_t player) {
    model::Grant grant;
    grant.cursor = grants.size() + 1;
    grant.world = 1;
    grant.tile = model::tile_id_of({static_cast<std::int32_t>(spawn), -4});
    grant.spawn = spawn;
    grant.player = {7, player};
    grant.reward = "lantern";
    ClaimIds ids;
    grant.claim = ids.of(grant.world, grant.tile, grant.spawn, grant.player);
    grants.push_back(grant);
    return grants.back();
  }

  [[nodiscard]] LedgerReport check() const {
    LedgerCheck check;
    for (const auto& spawn : spawns) check.on_spawn(spawn);
    for (const auto& grant : grants) check.on_grant(grant);
    return check.finish();
  }

  std::vector<LedgerSpawn> spawns;
  std::vector<model::Grant> grants;
};

void expect_caught(const Ledger& ledger, LedgerRule rule) {
  const auto report = ledger.check();
  EXPECT_FALSE(report.clean());
  EXPECT_TRUE(std::any_of(report.violations.begin(), report.violations.end(),
                          [rule](const auto& violation) {
                            return violation.rule == rule && !violation.sentence.empty();
                          }))
      << name_of(rule);
}

TEST(LedgerCheck, accepts_an_honest_ledger_and_counts_it) {
  const auto report = Ledger().check();
  EXPECT_TRUE(report.clean()) << report.violations.at(0).sentence;
  EXPECT_EQ(report.spawns, 3U);
  EXPECT_EQ(report.grants, 4U);
  EXPECT_EQ(report.aborted, 1U);
}

TEST(LedgerCheck, accepts_an_empty_ledger) {
  EXPECT_TRUE(LedgerCheck().finish().clean());
}

TEST(LedgerCheck, catches_a_grant_that_took_no_stock) {
  Ledger ledger;
  ledger.add(1, 104);
  expect_caught(ledger, LedgerRule::conserved);
}

TEST(LedgerCheck, catches_stock_that_went_without_a_grant) {
  Ledger ledger;
  --ledger.spawns[2].remaining;
  expect_caught(ledger, LedgerRule::conserved);
}

TEST(LedgerCheck, catches_a_lost_grant) {
  Ledger ledger;
  ledger.grants.erase(ledger.grants.begin());
  expect_caught(ledger, LedgerRule::conserved);
}

TEST(LedgerCheck, catches_negative_stock) {
  Ledger ledger;
  ledger.spawns[1].remaining = -1;
  ledger.add(2, 104);
  expect_caught(ledger, LedgerRule::stock_in_bounds);
}

TEST(LedgerCheck, catches_more_stock_than_budget) {
  Ledger ledger;
  ledger.spawns[0].remaining = 6;
  expect_caught(ledger, LedgerRule::stock_in_bounds);
}

TEST(LedgerCheck, catches_a_wrong_sold_out_either_way) {
  Ledger too_early;
  too_early.spawns[0].sold_out = true;
  expect_caught(too_early, LedgerRule::sold_out_true);
  Ledger never;
  never.spawns[1].sold_out = false;
  expect_caught(never, LedgerRule::sold_out_true);
}

TEST(LedgerCheck, catches_a_grant_of_no_spawn) {
  Ledger ledger;
  ledger.add(9, 104);
  expect_caught(ledger, LedgerRule::grant_has_spawn);
}

TEST(LedgerCheck, catches_a_claim_id_that_does_not_follow_from_its_parts) {
  Ledger ledger;
  ledger.grants[0].player.low = 555;
  expect_caught(ledger, LedgerRule::claim_id_true);
}

TEST(LedgerCheck, catches_a_claim_twice_even_when_one_is_aborted) {
  Ledger ledger;
  ledger.add(1, 100).aborted = true;
  expect_caught(ledger, LedgerRule::claim_once);
}

TEST(LedgerCheck, catches_a_second_grant_to_a_player) {
  Ledger ledger;
  ledger.add(1, 100).claim.low ^= 1;
  --ledger.spawns[0].remaining;
  expect_caught(ledger, LedgerRule::player_once_per_spawn);
}

TEST(LedgerCheck, catches_a_spawn_id_used_twice) {
  Ledger ledger;
  ledger.spawns.push_back({3, 1, 1, false, false});
  expect_caught(ledger, LedgerRule::spawn_once);
}

TEST(LedgerCheck, catches_rows_out_of_order) {
  Ledger ledger;
  std::swap(ledger.grants[0], ledger.grants[1]);
  expect_caught(ledger, LedgerRule::cursor_rises);
}

// As above, and where each spawn was buried is known.
class PlacedLedger : public Ledger {
 public:
  PlacedLedger() {
    for (auto& spawn : spawns) {
      spawn.world = 1;
      spawn.tile = model::tile_id_of({static_cast<std::int32_t>(spawn.spawn), -4});
    }
  }
  [[nodiscard]] LedgerReport check_in(const std::vector<model::World>& worlds) const {
    LedgerCheck check;
    for (const auto& spawn : spawns) check.on_spawn(spawn);
    for (const auto& grant : grants) check.on_grant(grant);
    check.on_worlds(worlds);
    return check.finish();
  }
};

TEST(LedgerCheck, accepts_an_honest_ledger_whose_places_it_knows) {
  PlacedLedger ledger;
  EXPECT_TRUE(ledger.check().clean());
  EXPECT_TRUE(ledger.check_in({{1, "main"}, {2, "empty"}}).clean());
  ledger.add(1, 103).aborted = true;  // twice in the ledger, but of nobody
  ledger.grants.back().claim.low ^= 1;
  ledger.grants.back().world = 9;
  const auto report = ledger.check();
  EXPECT_TRUE(std::none_of(report.violations.begin(), report.violations.end(), [](const auto& one) {
    return one.rule == LedgerRule::grant_in_place;
  })) << "an aborted row took nothing";
}

TEST(LedgerCheck, catches_a_grant_in_another_place_than_its_spawn_open_or_done) {
  for (const std::size_t spawn : {0U, 1U, 2U}) {
    PlacedLedger moved;
    moved.spawns[spawn].tile = model::tile_id_of({500, 500});
    expect_caught(moved, LedgerRule::grant_in_place);
    EXPECT_EQ(moved.check().violation_count, spawn == 0 ? 2U : 1U) << "each grant, and no more";
    PlacedLedger away;
    away.spawns[spawn].world = 2;
    expect_caught(away, LedgerRule::grant_in_place);
  }
}

TEST(LedgerCheck, catches_a_spawn_of_a_world_that_does_not_exist) {
  const auto report = PlacedLedger().check_in({{2, "other"}});
  EXPECT_EQ(report.violation_count, 3U);
  EXPECT_EQ(report.violations[0].rule, LedgerRule::world_exists);
  EXPECT_TRUE(Ledger().check().clean()) << "where places are not known there is nothing to hold";
}

TEST(LedgerCheck, catches_stock_that_no_tile_has) {
  PlacedLedger ledger;
  LedgerSpawn lone{9, 3, 3, false, false};
  lone.unplaced = true;
  ledger.spawns.push_back(lone);
  expect_caught(ledger, LedgerRule::stock_has_tile);
  EXPECT_EQ(ledger.check().violation_count, 1U);
  PlacedLedger done;
  lone.spawn = 3;
  done.spawns.push_back(lone);
  expect_caught(done, LedgerRule::spawn_once);
}

TEST(LedgerCheck, catches_a_grant_as_of_a_time_after_it_was_written) {
  Ledger ledger;
  const auto set = [&ledger](std::int64_t as_of_us, std::int64_t at_us) {
    ledger.grants[0].as_of_us = as_of_us;
    ledger.grants[0].at_us = at_us;
  };
  for (const std::int64_t at_us : {std::int64_t{5}, INT64_MIN, INT64_MAX - 1'000'000}) {
    set(at_us + 1'000'000, at_us);
    EXPECT_TRUE(ledger.check().clean()) << "the tolerance of the store";
  }
  set(INT64_MIN, 5);
  EXPECT_TRUE(ledger.check().clean()) << "from a long queue";
  set(INT64_MAX, INT64_MAX - 5);
  EXPECT_TRUE(ledger.check().clean());
  set(1'000'006, 5);
  expect_caught(ledger, LedgerRule::as_of_in_time);
  set(INT64_MAX, INT64_MIN);
  expect_caught(ledger, LedgerRule::as_of_in_time);
}

TEST(LedgerCheck, keeps_the_first_violations_and_counts_all) {
  Ledger ledger;
  for (std::uint64_t player = 1'000; player < 1'300; ++player) ledger.add(77, player);
  const auto report = ledger.check();
  EXPECT_EQ(report.violation_count, 300U);
  EXPECT_EQ(report.violations.size(), LedgerCheck::violations_kept_max);
}

}  // namespace
}  // namespace hunt::engine
