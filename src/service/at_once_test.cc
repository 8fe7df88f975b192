// Answers from a lane's memory without a coroutine: the same as with one, or none at all.
#include <gtest/gtest.h>

#include "base/testing/count_allocations.h"
#include "model/limits.h"
#include "service/service_test_support.h"

namespace hunt::service {
namespace {

using model::Outcome;

class AtOnce : public ::testing::Test {
 protected:
  AtOnce() {
    model::Burial burial;
    burial.tile = {3, 3};
    burial.table = "loot";
    burial.budget = 1;
    HUNT_ASSERT(lane.run(lane.store.bury(1, {burial})).has_value());
    lane.pass(1'000'000'000);  // the relay is heard: what is read from now on is trusted for long
  }
  static model::Batch batch(std::vector<model::Tile> tiles) {
    model::Batch out;
    for (const auto& tile : tiles) {
      out.positions.push_back({{5, 1}, tile, model::Kind::step, 0, 0});
    }
    return out;
  }
  Result<model::BatchReply> ask(model::Batch what) {
    return lane.run(lane.bus.ask(std::move(what), ports::Wait::no));
  }
  bool at_once(model::Batch what, ports::Wait wait = ports::Wait::no) {
    return lane.orchestrator->answer_at_once(what, wait, reply);
  }
  model::Stats stats() {
    lane.pass(2'000'000'000);
    return lane.observer.stats();
  }

  VirtualLane lane{one_item_rules()};
  model::BatchReply reply;
};

TEST_F(AtOnce, answers_what_memory_has_as_the_bus_does) {
  const auto tiles = batch({{4, 4}, {20, 20}, {3, 4}, {-9, 3}});
  const auto expected = ask(tiles);
  ASSERT_TRUE(expected.has_value());
  const auto before = stats();
  for (const auto wait : {ports::Wait::no, ports::Wait::terminal}) {
    ASSERT_TRUE(at_once(tiles, wait));
    ASSERT_EQ(reply.outcomes.size(), 4U);
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(reply.outcomes[i].outcome, expected->outcomes[i].outcome) << i;
      EXPECT_EQ(reply.outcomes[i].distance, expected->outcomes[i].distance) << i;
    }
    EXPECT_TRUE(reply.claims.empty());
  }
  EXPECT_EQ(reply.outcomes[0].outcome, Outcome::hint);
  EXPECT_EQ(reply.outcomes[1].outcome, Outcome::nothing);
  const auto after = stats();
  EXPECT_EQ(after.batches - before.batches, 2U);
  EXPECT_EQ(after.l1_hits - before.l1_hits, 8U);
}

TEST_F(AtOnce, does_nothing_where_there_is_more_to_do) {
  ASSERT_TRUE(ask(batch({{4, 4}})).has_value());
  const auto before = stats();
  EXPECT_FALSE(at_once(batch({{4, 4}, {3, 3}}), ports::Wait::terminal)) << "a verdict";
  EXPECT_FALSE(at_once(batch({{9'000, 9'000}}))) << "not in memory";
  auto other = batch({{4, 4}});
  other.world = 77;
  EXPECT_FALSE(at_once(other)) << "no such world";
  auto stored = batch({{4, 4}});
  stored.as_of_us = 1;
  EXPECT_FALSE(at_once(stored));
  lane.pass(limits::step_age_ns_max);
  auto old = batch({{4, 4}});
  old.received_ns = lane.time.now_ns() - limits::step_age_ns_max;
  EXPECT_FALSE(at_once(old)) << "its steps are shed";
  EXPECT_FALSE(at_once(batch(std::vector<model::Tile>(limits::batch_positions_max + 1, {4, 4}))));
  const auto after = stats();
  EXPECT_EQ(after.batches, before.batches);
  EXPECT_EQ(after.l1_hits, before.l1_hits);
  EXPECT_EQ(after.loot_lookups, before.loot_lookups);
}

TEST_F(AtOnce, a_find_is_claimed_and_told) {
  ASSERT_TRUE(ask(batch({{4, 4}})).has_value());
  ASSERT_TRUE(at_once(batch({{4, 4}, {3, 3}})));
  ASSERT_EQ(reply.outcomes[1].outcome, Outcome::found);
  ASSERT_EQ(reply.claims.size(), 1U);
  const auto claim = reply.claims[0].claim;
  lane.pass(200'000'000);
  ASSERT_EQ(lane.told.size(), 1U);
  EXPECT_EQ(lane.told[0].claim, claim);
  EXPECT_EQ(lane.told[0].outcome, Outcome::granted);
  ASSERT_TRUE(at_once(batch({{3, 3}}))) << "remembered";
  EXPECT_EQ(reply.outcomes[0].outcome, Outcome::granted);
  EXPECT_EQ(reply.claims.at(0).claim, claim);
}

TEST_F(AtOnce, costs_no_allocation) {
  auto tiles = batch({{4, 4}, {20, 20}});
  ASSERT_TRUE(ask(tiles).has_value());
  for (int i = 0; i < 2'000; ++i) {
    ASSERT_TRUE(lane.orchestrator->answer_at_once(tiles, ports::Wait::no, reply));
  }
  const std::uint64_t before = allocation_count();
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_TRUE(lane.orchestrator->answer_at_once(tiles, ports::Wait::no, reply));
  }
  EXPECT_EQ(allocation_count() - before, 0U);
}

}  // namespace
}  // namespace hunt::service
