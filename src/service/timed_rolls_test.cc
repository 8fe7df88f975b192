// Tables whose odds depend on the time: what is granted can be rolled again from the ledger's row.
#include <gtest/gtest.h>

#include "engine/roll.h"
#include "service/cluster_test_support.h"

namespace hunt::service {
namespace {

using model::Outcome;
using ports::Wait;
constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t begin_us = 1'800'000'000'000'000;  // of a cluster's virtual time

// The rare item is nearly sure from second 10 to second 20, and not there at other times.
std::shared_ptr<const model::RuleSet> timed_rules() {
  auto rules = std::make_shared<model::RuleSet>(*test_rules());
  rules->times.push_back({"happy", 0, {{begin_us + 10 * second_us, begin_us + 20 * second_us}}});
  rules->entries[1].during = 1;
  rules->entries[1].weight = 1'000;
  rules->tables[0].total_weight = 1'003;
  rules->tables[0].timed = true;
  return rules;
}

class TimedRolls : public ::testing::Test {
 protected:
  TimedRolls() : all({}, timed_rules()) {}

  std::vector<model::Grant> grants() {
    const auto page = all.run(all.stores[0]->grants_after(0, 1'000));
    EXPECT_TRUE(page.has_value());
    return page->grants;
  }
  // What the ledger's row says, rolled by who has the seed and the rules alone.
  std::string rolled(const model::Grant& grant) {
    const std::vector<std::uint8_t> seed(32, 7);
    engine::Roller roller(seed);
    return std::string(roller.reward(*all.rules, 0, grant.claim, grant.as_of_us));
  }

  VirtualCluster all;
};

TEST_F(TimedRolls, are_made_as_of_the_moment_that_the_ledger_has) {
  for (std::int32_t x = 0; x < 60; ++x) {
    all.bury({x, 0}, 1);
    all.pass(500'000'000);
    ASSERT_EQ(all.outcome({x, 0}, 1, Wait::terminal), Outcome::granted) << x;
  }
  std::size_t rare = 0;
  for (const auto& grant : grants()) {
    EXPECT_EQ(grant.reward, rolled(grant));
    const std::int64_t at_us = grant.as_of_us - begin_us;
    if (at_us < 10 * second_us || at_us >= 20 * second_us) {
      EXPECT_EQ(grant.reward, "common") << at_us;
    }
    rare += grant.reward == "rare" ? 1 : 0;
  }
  EXPECT_EQ(grants().size(), 60U);
  EXPECT_GE(rare, 15U);
}

TEST_F(TimedRolls, of_a_stored_position_are_as_of_when_it_was_published) {
  all.bury({1, 1}, 9);
  all.pass(12 * second);
  std::vector<ports::Delivery> kept;
  for (std::uint64_t player = 1; player <= 9; ++player) {
    kept.push_back(all.delivery({{1, 1}}, player, player));
  }
  all.pass(30 * second);  // the happy hour is long over when they arrive
  for (auto& delivery : kept) ASSERT_EQ(all.deliver(std::move(delivery)), ports::Settled::ack);
  std::size_t rare = 0;
  for (const auto& grant : grants()) {
    EXPECT_EQ(grant.reward, rolled(grant));
    rare += grant.reward == "rare" ? 1 : 0;
  }
  EXPECT_EQ(grants().size(), 9U);
  EXPECT_GE(rare, 7U);
}

// The claim of an ask from after the happy hour is on its way and will be refused, since the loot
// was closed; a position that was stored in the happy hour joins it. It is granted, and what it
// gets is what it would have been rolled then.
TEST_F(TimedRolls, are_made_anew_where_a_claim_is_judged_again_as_of_another_moment) {
  constexpr std::uint64_t players = 8;
  const model::Tile here{5, 5};
  all.bury(here, 2 * players);
  all.pass(second);
  ASSERT_LT(all.time.wall_us(), begin_us + 19 * second_us);
  all.pass((begin_us + 20 * second_us - 1'000 - all.time.wall_us()) * 1'000);
  std::vector<ports::Delivery> stored;
  for (std::uint64_t player = 1; player <= players; ++player) {
    stored.push_back(all.delivery({here}, player, player));
  }
  all.pass(5'000'000);  // the happy hour is over
  ASSERT_TRUE(all.run(all.stores[0]->close_tiles(1, {here})).has_value());
  all.stores[0]->set_gate_open(sim::Call::grant_claims, false);
  std::size_t refused = 0;
  std::size_t settled = 0;
  for (std::uint64_t player = 1; player <= players; ++player) {
    const auto told = [&refused](const std::exception_ptr&, Result<model::BatchReply> reply) {
      refused += reply && reply->outcomes[0].outcome == Outcome::closed ? 1 : 0;
    };
    boost::asio::co_spawn(
        all.loop,
        all.lanes[0]->orchestrator->handle(VirtualCluster::batch({here}, player), Wait::terminal),
        told);
  }
  for (auto& delivery : stored) {
    const auto done = [&settled](const std::exception_ptr&, ports::Settled) { ++settled; };
    boost::asio::co_spawn(all.loop, all.lanes[0]->stored->handle(std::move(delivery)), done);
  }
  all.pass(20'000'000);
  all.stores[0]->set_gate_open(sim::Call::grant_claims, true);
  all.pass(second);
  EXPECT_EQ(refused, players);
  EXPECT_EQ(settled, players);
  std::size_t rare = 0;
  for (const auto& grant : grants()) {
    EXPECT_EQ(grant.reward, rolled(grant));
    rare += grant.reward == "rare" ? 1 : 0;
  }
  EXPECT_EQ(grants().size(), players);
  EXPECT_GE(rare, players - 2);
}

}  // namespace
}  // namespace hunt::service
