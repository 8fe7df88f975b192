#include "engine/ledger_check_history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace hunt::engine {
namespace {

constexpr std::array<std::uint8_t, 32> seed{7};

class HistoryCheckTest : public testing::Test {
 protected:
  HistoryCheckTest() {
    auto rules = std::make_shared<model::RuleSet>();
    rules->version = "00000000000000aa";
    rules->events.push_back({});
    rules->tables.push_back({"t", 0, 0, 2, 2});
    rules->entries = {{1, false, 0}, {1, false, 1}};
    rules->items = {"lamp", "map"};
    check.on_rules(rules);
    check.on_burial(5, "t");
    grant.world = 1;
    grant.tile = model::tile_id_of({3, 4});
    grant.spawn = 5;
    grant.player = {1, 2};
    grant.rules = rules->version;
    grant.claim = ClaimIds().of(grant.world, grant.tile, grant.spawn, grant.player);
    grant.reward = Roller(Bytes(seed)).reward(*rules, 0, grant.claim, 0);
  }
  void ask(bool stored = false) {
    check.on_asked(grant.world, grant.tile, grant.player, 0, stored);
  }
  void tell() { check.on_told(grant.claim, model::Outcome::granted, grant.reward); }
  std::vector<LedgerRule> broken(bool drained = true) {
    std::vector<LedgerRule> rules;
    for (const auto& violation : check.finish(drained)) rules.push_back(violation.rule);
    return rules;
  }
  using Rules = std::vector<LedgerRule>;

  HistoryCheck check{Bytes(seed)};
  model::Grant grant;
};

TEST_F(HistoryCheckTest, asked_granted_and_told_is_right) {
  ask();
  tell();
  tell();
  check.on_grant(grant);
  EXPECT_EQ(broken(), Rules{});
}

TEST_F(HistoryCheckTest, told_but_not_in_the_ledger_is_found) {
  tell();
  EXPECT_EQ(broken(), Rules{LedgerRule::told_is_granted});
}

TEST_F(HistoryCheckTest, a_grant_that_nobody_was_told_is_found) {
  ask();
  check.on_grant(grant);
  EXPECT_EQ(broken(), Rules{LedgerRule::grant_told});
}

TEST_F(HistoryCheckTest, telling_may_still_be_under_way) {
  ask();
  check.on_grant(grant);
  EXPECT_EQ(broken(false), Rules{});
}

TEST_F(HistoryCheckTest, a_refusal_does_not_tell_a_grant) {
  ask();
  check.on_told(grant.claim, model::Outcome::sold_out, "");
  check.on_grant(grant);
  EXPECT_EQ(broken(), Rules{LedgerRule::grant_told});
}

TEST_F(HistoryCheckTest, a_grant_that_nobody_asked_for_is_found) {
  tell();
  check.on_grant(grant);
  EXPECT_EQ(broken(), Rules{LedgerRule::grant_asked});
}

TEST_F(HistoryCheckTest, an_item_that_is_not_the_roll_is_found) {
  ask();
  grant.reward = grant.reward == "lamp" ? "map" : "lamp";
  tell();
  check.on_grant(grant);
  EXPECT_EQ(broken(), Rules{LedgerRule::item_true});
}

TEST_F(HistoryCheckTest, a_stored_claim_that_is_judged_as_of_now_is_found) {
  ask(true);
  check.on_stored(grant.world, grant.tile, grant.player, 70);
  tell();
  grant.as_of_us = 70;
  grant.at_us = 90;
  check.on_grant(grant);
  grant.as_of_us = 90;
  check.on_grant(grant);
  ask();
  check.on_grant(grant);
  EXPECT_EQ(broken(), Rules{LedgerRule::as_of_true}) << "the second: nobody had asked but by it";
}

TEST_F(HistoryCheckTest, two_items_for_one_claim_are_found) {
  ask();
  tell();
  check.on_told(grant.claim, model::Outcome::granted, "crown");
  check.on_grant(grant);
  const auto rules = broken();
  EXPECT_EQ(std::count(rules.begin(), rules.end(), LedgerRule::told_one_item), 2);
}

}  // namespace
}  // namespace hunt::engine
