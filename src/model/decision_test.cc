// The decision on a claim at each of its edges.
#include "model/decision.h"

#include <gtest/gtest.h>

#include "model/limits.h"

namespace hunt::model {
namespace {

constexpr std::int64_t now_us = 10'000'000;
constexpr SpawnId spawn = 5;

Claim claim_as_of(std::optional<std::int64_t> as_of_us) {
  Claim claim;
  claim.id = {1, 2};
  claim.spawn = spawn;
  claim.reward = "lantern";
  claim.rules = "00000000000000aa";
  claim.as_of_us = as_of_us;
  return claim;
}

TileStock stock(TimeWindow window = {}, std::int64_t remaining = 1) {
  return {true, spawn, window, remaining};
}

Outcome outcome(std::optional<std::int64_t> as_of_us, const TileStock& tile) {
  return can_grant(claim_as_of(as_of_us), {}, tile, {}, now_us).outcome;
}

TEST(TimeWindow, holds_its_first_moment_and_not_its_last) {
  const TimeWindow window{100, 200};
  EXPECT_FALSE(window.opened(99));
  EXPECT_TRUE(window.opened(100));
  EXPECT_FALSE(window.closed(199));
  EXPECT_TRUE(window.closed(200));
  EXPECT_FALSE(window.holds(99));
  EXPECT_TRUE(window.holds(100));
  EXPECT_TRUE(window.holds(199));
  EXPECT_FALSE(window.holds(200));
  EXPECT_TRUE(TimeWindow().holds(time_us_min));
  EXPECT_TRUE(TimeWindow().holds(time_us_max - 1));
}

TEST(TileRow, is_open_from_when_it_opens_but_not_before_it_was_buried) {
  TileRow row;
  row.buried_at_us = 100;
  EXPECT_EQ(row.window(), (TimeWindow{100, time_us_max}));
  row.opens_us = 99;
  row.closes_us = 300;
  EXPECT_EQ(row.window(), (TimeWindow{100, 300}));
  row.opens_us = 101;
  EXPECT_EQ(row.window(), (TimeWindow{101, 300}));
}

TEST(Decision, is_granted_within_the_window_and_closed_outside_of_it) {
  const TileStock tile = stock({1'000, 2'000});
  EXPECT_EQ(outcome(999, tile), Outcome::closed);
  EXPECT_EQ(outcome(1'000, tile), Outcome::granted);
  EXPECT_EQ(outcome(1'999, tile), Outcome::granted);
  EXPECT_EQ(outcome(2'000, tile), Outcome::closed);
  EXPECT_EQ(outcome(time_us_min, stock({0, time_us_max})), Outcome::closed);
}

TEST(Decision, goes_by_the_clock_where_the_claim_has_no_time) {
  EXPECT_EQ(outcome({}, stock({now_us, now_us + 1})), Outcome::granted);
  EXPECT_EQ(outcome({}, stock({now_us + 1, now_us + 2})), Outcome::closed);
  EXPECT_EQ(outcome({}, stock({now_us - 1, now_us})), Outcome::closed);
  EXPECT_EQ(claim_as_of({}).judged_at_us(now_us), now_us);
  EXPECT_EQ(claim_as_of(7).judged_at_us(now_us), 7);
}

TEST(Decision, is_closed_for_a_time_more_than_a_second_ahead) {
  EXPECT_EQ(outcome(now_us + limits::as_of_ahead_us_max, stock()), Outcome::granted);
  EXPECT_EQ(outcome(now_us + limits::as_of_ahead_us_max + 1, stock()), Outcome::closed);
  EXPECT_EQ(outcome(time_us_max, stock()), Outcome::closed);
}

TEST(Decision, is_sold_out_when_nothing_remains_and_was_open) {
  EXPECT_EQ(outcome({}, stock({}, 1)), Outcome::granted);
  EXPECT_EQ(outcome({}, stock({}, 0)), Outcome::sold_out);
  EXPECT_EQ(outcome({}, stock({0, now_us}, 0)), Outcome::closed);
}

TEST(Decision, is_nothing_where_the_spawn_does_not_lie_any_more) {
  TileStock tile = stock({0, now_us}, 0);
  tile.spawn = spawn + 1;
  EXPECT_EQ(outcome({}, tile), Outcome::nothing) << "closed or sold out or not";
  tile.spawn = 0;
  EXPECT_EQ(outcome({}, tile), Outcome::nothing);
  Claim of_none = claim_as_of({});
  of_none.spawn = 0;
  tile = {true, 0, {}, 1};
  EXPECT_EQ(can_grant(of_none, {}, tile, {}, now_us).outcome, Outcome::nothing);
}

TEST(Decision, is_another_stores_where_the_range_is_not_owned) {
  TileStock tile = stock();
  EXPECT_FALSE(can_grant(claim_as_of({}), {}, tile, {}, now_us).moved);
  tile.owned = false;
  const ClaimVerdict verdict = grant(claim_as_of({}), {}, tile, {}, now_us);
  EXPECT_TRUE(verdict.moved);
  EXPECT_EQ(verdict.outcome, Outcome::nothing);
  EXPECT_FALSE(verdict.is_new());
  EXPECT_EQ(tile.remaining, 1);
}

TEST(Decision, tells_what_the_ledger_has_whatever_became_of_the_tile) {
  const LedgerEntry entry{false, "crown", "00000000000000bb"};
  TileStock gone{false, 0, {0, 1}, 0};
  const ClaimVerdict told = grant(claim_as_of({}), entry, gone, {}, now_us);
  EXPECT_EQ(told.id, claim_as_of({}).id);
  EXPECT_EQ(told.outcome, Outcome::granted);
  EXPECT_TRUE(told.repeat);
  EXPECT_FALSE(told.is_new());
  EXPECT_FALSE(told.moved);
  EXPECT_EQ(told.reward, "crown");
  EXPECT_EQ(told.rules, "00000000000000bb");
  TileStock full = stock();
  EXPECT_TRUE(grant(claim_as_of({}), entry, full, {}, now_us).repeat);
  EXPECT_EQ(full.remaining, 1) << "a repeat takes nothing";
  const ClaimVerdict given_up = grant(claim_as_of({}), LedgerEntry{true, {}, {}}, full, {}, now_us);
  EXPECT_EQ(given_up.outcome, Outcome::expired);
  EXPECT_FALSE(given_up.repeat);
  EXPECT_EQ(full.remaining, 1);
}

TEST(Decision, looks_up_without_deciding) {
  const Claim claim = claim_as_of({});
  EXPECT_EQ(look_up(claim, {}, true).outcome, Outcome::nothing);
  EXPECT_FALSE(look_up(claim, {}, true).moved);
  EXPECT_TRUE(look_up(claim, {}, false).moved);
  EXPECT_EQ(look_up(claim, LedgerEntry{true, {}, {}}, false).outcome, Outcome::expired);
  EXPECT_FALSE(look_up(claim, LedgerEntry{false, {}, {}}, false).moved);
}

TEST(Decision, grants_what_it_said_until_nothing_remains) {
  TileStock tile = stock({}, 2);
  for (const std::int64_t left : {1, 0, 0}) {
    const std::int64_t before = tile.remaining;
    const ClaimVerdict said = can_grant(claim_as_of({}), {}, tile, {}, now_us);
    EXPECT_EQ(tile.remaining, before) << "saying changes nothing";
    const ClaimVerdict done = grant(claim_as_of({}), {}, tile, {}, now_us);
    EXPECT_EQ(done.outcome, said.outcome);
    EXPECT_EQ(done.outcome, before > 0 ? Outcome::granted : Outcome::sold_out);
    EXPECT_EQ(done.is_new(), before > 0);
    EXPECT_EQ(done.reward, before > 0 ? "lantern" : "");
    EXPECT_EQ(tile.remaining, left);
  }
}

TEST(Decision, other_rules_get_no_verdict_but_what_is_in_the_ledger_is_told_and_moved_goes_first) {
  RulesTimeline rules;
  rules.seq = 2;
  TileStock tile;
  tile.owned = true;
  Claim claim;
  claim.rules_seq = 1;
  const ClaimVerdict stale = grant(claim, {}, tile, rules, 1'000);
  EXPECT_TRUE(stale.stale);
  EXPECT_FALSE(stale.is_new());
  EXPECT_TRUE(grant(claim, LedgerEntry{false, "x", "y"}, tile, rules, 1'000).repeat);
  tile.owned = false;
  EXPECT_TRUE(grant(claim, {}, tile, rules, 1'000).moved);
  EXPECT_FALSE(grant(claim, {}, tile, rules, 1'000).stale);
}

}  // namespace
}  // namespace hunt::model
