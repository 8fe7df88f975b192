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
    return all.rules->items[roller.roll(*all.rules, 0, grant.claim, grant.as_of_us)];
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
    EXPECT_EQ(grant.item, rolled(grant));
    const std::int64_t at_us = grant.as_of_us - begin_us;
    if (at_us < 10 * second_us || at_us >= 20 * second_us) {
      EXPECT_EQ(grant.item, "common") << at_us;
    }
    rare += grant.item == "rare" ? 1 : 0;
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
    EXPECT_EQ(grant.item, rolled(grant));
    rare += grant.item == "rare" ? 1 : 0;
  }
  EXPECT_EQ(grants().size(), 9U);
  EXPECT_GE(rare, 7U);
}

// One claim, asked for as of two moments at once: the refusal of the first is not the answer of the
// second, and what it is granted then is what it would have been rolled by then.
TEST_F(TimedRolls, are_made_anew_where_a_claim_is_judged_again_as_of_another_moment) {
  std::size_t again = 0;
  for (std::int32_t x = 0; x < 12; ++x) {
    all.bury({x, 2}, 1);
    ASSERT_EQ(all.outcome({x, 2}, 9, Wait::no, 0), Outcome::found);
    all.pass(50'000'000);
  }
  all.pass(2 * second);
  for (std::int32_t x = 20; x < 32; ++x) {
    // Published before anything was buried here, so the ledger says `closed`.
    auto early = all.delivery({{x, 2}}, 3, 100 + static_cast<std::uint64_t>(x));
    all.pass(10'000'000);
    all.bury({x, 2}, 1);
    all.pass(x < 24 ? 8 * second / 4 : 200'000'000);
    auto late = all.delivery({{x, 2}}, 3, 200 + static_cast<std::uint64_t>(x));
    std::size_t done = 0;
    const auto count = [&done](const std::exception_ptr&, ports::Settled) { ++done; };
    boost::asio::co_spawn(all.loop, all.lanes[0]->stored->handle(std::move(early)), count);
    boost::asio::co_spawn(all.loop, all.lanes[0]->stored->handle(std::move(late)), count);
    all.pass(1 * second);
    EXPECT_EQ(done, 2U);
    ++again;
  }
  EXPECT_EQ(again, 12U);
  for (const auto& grant : grants()) EXPECT_EQ(grant.item, rolled(grant));
}

}  // namespace
}  // namespace hunt::service
