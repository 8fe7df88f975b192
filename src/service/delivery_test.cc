// Several shards and stored messages: who owns a position, when it is acknowledged, what is told.
#include "service/delivery.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "model/limits.h"
#include "service/cluster_test_support.h"

namespace hunt::service {
namespace {

using model::Outcome;
using ports::Settled;
constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t second = 1'000 * ms;
constexpr model::Tile here{100, 100};     // shard 0's
constexpr model::Tile there{1'124, 100};  // shard 1's

ClusterShape two_shards(std::vector<model::ShardId> served = {}) {
  ClusterShape shape;
  shape.shards = 2;
  shape.served = std::move(served);
  return shape;
}

TEST(TwoShards, one_batch_is_answered_and_granted_by_both) {
  VirtualCluster all(two_shards(), test_rules());
  all.bury(here, 1, 0);
  all.bury(there, 1, 1);
  const auto reply = all.run(all.lanes[0]->orchestrator->handle(
      VirtualCluster::batch({here, there}, 1), ports::Wait::terminal));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->outcomes[0].outcome, Outcome::granted);
  EXPECT_EQ(reply->outcomes[1].outcome, Outcome::granted);
  for (const auto& store : all.stores) EXPECT_EQ(all.run(store->world_stats(1))->grants, 1U);
}

TEST(TwoShards, a_shard_that_is_down_does_not_hold_up_the_other) {
  VirtualCluster all(two_shards(), test_rules());
  all.bury(here, 5, 0);
  all.bury(there, 5, 1);
  all.stores[1]->set_gate_open(sim::Call::grant_claims, false);
  EXPECT_EQ(all.outcome(there, 1), Outcome::found);
  EXPECT_EQ(all.outcome(here, 1, ports::Wait::terminal), Outcome::granted);
  all.stores[1]->set_gate_open(sim::Call::grant_claims, true);
}

TEST(TwoShards, a_foreign_position_of_an_ask_is_moved) {
  VirtualCluster all(two_shards({0}), test_rules());
  EXPECT_EQ(all.outcome(here, 1), Outcome::nothing);
  const auto reply = all.ask(there, 1);
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::moved);
  EXPECT_NE(reply.error().message.find("version 1"), std::string::npos);
}

TEST(TwoShards, a_range_that_moved_is_found_by_the_next_map) {
  VirtualCluster all(two_shards(), test_rules());
  all.bury(there, 1, 1);
  // The range of `there` goes over to shard 0.
  const auto first = model::tile_id_of({1'024, 0});
  all.stores[1]->set_range_owned(1, first, false);
  const auto old = all.ask(there, 1, ports::Wait::terminal);
  ASSERT_FALSE(old.has_value());
  EXPECT_EQ(old.error().code, Errc::moved);
  all.bury(there, 1, 0);
  auto map = std::make_shared<model::ShardMap>();
  map->version = 2;
  ASSERT_TRUE(all.lanes[0]->orchestrator->set_map(map).has_value());
  EXPECT_EQ(all.outcome(there, 1, ports::Wait::terminal), Outcome::granted);
  map = std::make_shared<model::ShardMap>();
  map->ranges.push_back({{1, 5}, 7});
  EXPECT_FALSE(all.lanes[0]->orchestrator->set_map(map).has_value());
}

TEST(TwoShards, a_claim_whose_range_moves_goes_to_the_new_owner) {
  VirtualCluster all(two_shards(), test_rules());
  const auto spawn = all.bury(there, 1, 1);
  EXPECT_EQ(all.outcome({1'125, 100}, 9), Outcome::hint);
  all.stores[1]->set_range_owned(1, model::tile_id_of({1'024, 0}), false);
  const auto asked = all.ask(there, 1, ports::Wait::terminal);
  ASSERT_FALSE(asked.has_value());
  EXPECT_EQ(asked.error().code, Errc::moved);
  EXPECT_EQ(spawn >> 48, 1U);
  ASSERT_TRUE(all.lanes[0]->orchestrator->set_map(std::make_shared<model::ShardMap>()).has_value());
  all.pass(2 * second);
  // Shard 0 has no such spawn: `nothing`, but from the owner, and told.
  ASSERT_EQ(all.told.size(), 1U);
  EXPECT_EQ(all.told[0].outcome, Outcome::nothing);
}

TEST(Stored, nothing_is_foreign_to_who_does_not_follow_the_map) {
  VirtualCluster all(two_shards(), test_rules());
  all.bury(here, 5, 0);
  all.bury(there, 5, 1);
  auto message = all.delivery({here, there}, 1, 42);
  message.any = true;
  EXPECT_EQ(all.deliver(message), Settled::ack);
  const auto& stream = all.lanes[0]->stream;
  EXPECT_TRUE(stream.published.empty());
  ASSERT_EQ(stream.replies.size(), 1U) << "one reply for the whole batch";
  ASSERT_EQ(stream.replies[0].outcomes.size(), 2U);
  EXPECT_EQ(stream.replies[0].outcomes[1].outcome, Outcome::granted);
}

TEST(Stored, foreign_positions_are_passed_on_before_the_ack) {
  VirtualCluster all(two_shards(), test_rules());
  all.bury(here, 5, 0);
  const auto message = all.delivery({here, there}, 1, 42);
  EXPECT_EQ(all.deliver(message), Settled::ack);
  const auto& stream = all.lanes[0]->stream;
  ASSERT_EQ(stream.published.size(), 1U);
  EXPECT_EQ(stream.published[0].shard, 1U);
  EXPECT_EQ(stream.published[0].id.size(), 64U);
  EXPECT_EQ(stream.published[0].batch.as_of_us, message.batch.as_of_us);
  ASSERT_EQ(stream.published[0].batch.positions.size(), 1U);
  EXPECT_EQ(stream.published[0].batch.positions[0].tile, there);
  ASSERT_EQ(stream.replies.size(), 1U);
  ASSERT_EQ(stream.replies[0].outcomes.size(), 1U);
  EXPECT_EQ(stream.replies[0].outcomes[0].outcome, Outcome::granted);
  all.lanes[0]->stream.full = true;
  EXPECT_EQ(all.deliver(all.delivery({here, there}, 2, 43)), Settled::nak);
}

TEST(Stored, the_id_of_what_is_passed_on_covers_its_content_and_cannot_be_foretold) {
  VirtualCluster all(two_shards(), test_rules());
  auto& stream = all.lanes[0]->stream;
  const auto message = all.delivery({here, there}, 1, 42);
  EXPECT_EQ(all.deliver(message), Settled::ack);
  EXPECT_EQ(all.deliver(message), Settled::ack);  // the ack was lost
  ASSERT_EQ(stream.published.size(), 2U);
  EXPECT_EQ(stream.published[0].id, stream.published[1].id) << "stored once";
  // Since then the map has changed, and more of the same message is foreign.
  auto map = std::make_shared<model::ShardMap>();
  map->shards = 2;
  map->version = 2;
  map->ranges.push_back({model::chunk_of(1, model::tile_id_of(here)), 1});
  ASSERT_TRUE(all.lanes[0]->orchestrator->set_map(map).has_value());
  EXPECT_EQ(all.deliver(message), Settled::ack);
  ASSERT_EQ(stream.published.size(), 3U);
  EXPECT_EQ(stream.published[2].batch.positions.size(), 2U);
  EXPECT_NE(stream.published[2].id, stream.published[0].id) << "the rest would vanish";
  // A stream that was lost counts its messages anew.
  auto later = message;
  later.batch.as_of_us = *message.batch.as_of_us + 1;
  EXPECT_EQ(all.deliver(later), Settled::ack);
  EXPECT_NE(stream.published[3].id, stream.published[2].id);
  const std::array<std::uint8_t, 32> key{7};
  StoredPositions other(*all.lanes[0]->orchestrator, stream, all.time, all.time, key);
  EXPECT_EQ(all.run(other.handle(message)), Settled::ack);
  EXPECT_NE(stream.published[4].id, stream.published[2].id) << "without the key";
}

TEST(Stored, a_redelivery_after_a_crash_has_the_same_outcomes) {
  VirtualCluster all({}, test_rules());
  all.bury(here, 1);
  all.bury({here.x + 1, here.y}, 1);
  EXPECT_EQ(all.outcome({here.x + 1, here.y}, 7, ports::Wait::terminal), Outcome::granted);
  const auto message = all.delivery({here, {here.x + 1, here.y}}, 1);
  EXPECT_EQ(all.deliver(message), Settled::ack);  // and the ack is lost
  all.pass(10 * second);
  all.add_lane();
  EXPECT_EQ(all.deliver(message, 1), Settled::ack);
  const auto& first = all.lanes[0]->stream.replies.at(0);
  const auto& again = all.lanes[1]->stream.replies.at(0);
  const Outcome expected[] = {Outcome::granted, Outcome::sold_out};  // hints follow the loot
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(first.outcomes[i].outcome, expected[i]) << i;
    EXPECT_EQ(again.outcomes[i].outcome, expected[i]) << i;
  }
  EXPECT_EQ(first.claims[0].reward, again.claims[0].reward);
  EXPECT_EQ(first.claims[0].claim, again.claims[0].claim);
}

TEST(Stored, a_reburial_between_two_deliveries_leaves_nothing) {
  VirtualCluster all({}, test_rules());
  all.bury(here, 1);
  const auto message = all.delivery({here}, 1);
  EXPECT_EQ(all.deliver(message), Settled::ack);
  all.pass(1 * second);
  all.bury(here, 1);
  all.pass(1 * second);
  all.add_lane();
  EXPECT_EQ(all.deliver(message, 1), Settled::ack);
  EXPECT_EQ(all.lanes[1]->stream.replies.at(0).outcomes[0].outcome, Outcome::nothing);
  EXPECT_EQ(all.run(all.stores[0]->world_stats(1))->grants, 1U);
}

TEST(Stored, a_refusal_is_told_before_the_ack) {
  VirtualCluster all({}, test_rules());
  all.bury(here, 1);
  EXPECT_EQ(all.outcome(here, 1, ports::Wait::terminal), Outcome::granted);
  all.hub.keeps_claims = false;
  EXPECT_EQ(all.deliver(all.delivery({here}, 2)), Settled::nak);
  EXPECT_EQ(all.outcome(here, 3, ports::Wait::terminal), Outcome::sold_out)
      << "who asks is answered all the same";
  all.hub.keeps_claims = true;
  all.pass(2 * second);
  const auto told = [&](std::uint64_t player) {
    return std::count_if(all.told.begin(), all.told.end(), [&](const auto& event) {
      return event.player.low == player && event.outcome == Outcome::sold_out;
    });
  };
  EXPECT_EQ(told(2), 1);
  EXPECT_EQ(told(3), 1);
  EXPECT_EQ(all.deliver(all.delivery({here}, 2)), Settled::ack);
}

TEST(Stored, a_store_that_is_down_delays_and_poison_is_given_up) {
  VirtualCluster all({}, test_rules());
  all.bury(here, 5);
  const auto message = all.delivery({here}, 1);
  all.stores[0]->inject({sim::Call::load_chunks, Errc::unavailable});
  EXPECT_EQ(all.deliver(message), Settled::nak);
  all.stores[0]->inject({sim::Call::grant_claims, Errc::unknown_outcome, true});
  EXPECT_EQ(all.deliver(message), Settled::nak);
  EXPECT_EQ(all.deliver(message), Settled::ack);
  EXPECT_EQ(all.run(all.stores[0]->world_stats(1))->grants, 1U);

  auto unknown = all.delivery({here}, 1);
  unknown.batch.world = 9;
  EXPECT_EQ(all.deliver(unknown), Settled::dead);
  ASSERT_TRUE(all.run(all.stores[0]->create_world(9, "nine")).has_value());
  EXPECT_EQ(all.deliver(unknown), Settled::ack) << "a world made a moment ago is known";
  const auto large =
      all.delivery(std::vector<model::Tile>(limits::batch_positions_max + 1, here), 1);
  EXPECT_EQ(all.deliver(large), Settled::dead);
}

TEST(Overload, old_steps_are_busy_digs_and_stored_ones_are_not) {
  VirtualCluster all({}, test_rules());
  all.bury(here, 9);
  all.pass(10 * second);
  auto batch = VirtualCluster::batch({here, here, {here.x + 1, here.y}}, 1);
  batch.positions[1].kind = model::Kind::dig;
  batch.received_ns = all.time.now_ns() - limits::step_age_ns_max;
  const auto reply = all.run(all.lanes[0]->orchestrator->handle(batch, ports::Wait::terminal));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->outcomes[0].outcome, Outcome::busy);
  EXPECT_EQ(reply->outcomes[1].outcome, Outcome::granted);
  EXPECT_EQ(reply->outcomes[2].outcome, Outcome::busy);
  batch.received_ns = all.time.now_ns() - limits::answer_deadline_ns;
  EXPECT_EQ(all.run(all.lanes[0]->orchestrator->handle(batch, ports::Wait::no)).error().code,
            Errc::deadline_exceeded);
  auto stored = all.delivery({here}, 2);
  stored.batch.received_ns = batch.received_ns;
  EXPECT_EQ(all.deliver(stored), Settled::ack);
}

TEST(Overload, repetitions_have_a_budget) {
  RetryBudget budget;
  std::int64_t now_ns = 1;
  int taken = 0;
  while (budget.take(now_ns)) ++taken;
  EXPECT_EQ(taken, 20) << "a burst";
  for (int i = 0; i < 100; ++i) budget.first_try();
  for (; budget.take(now_ns); ++taken) {
  }
  EXPECT_EQ(taken, 40) << "a fifth of a hundred first tries";
  for (int i = 0; i < 1'000; ++i) {
    now_ns += 10 * ms;
    if (budget.take(now_ns)) ++taken;
  }
  EXPECT_NEAR(taken, 140, 2) << "and ten a second";
}

TEST(Overload, three_times_the_capacity_is_survived_without_help) {
  VirtualCluster all({}, test_rules());
  constexpr std::uint32_t budget = 1'000'000;
  all.bury(here, budget);
  EXPECT_EQ(all.outcome(here, 1, ports::Wait::terminal), Outcome::granted);
  std::size_t found = 0;
  std::size_t busy = 0;
  std::uint64_t player = 100;
  const auto offer = [&](int batches) {
    for (int i = 0; i < batches; ++i) {
      model::Batch batch;
      for (int k = 0; k < 64; ++k) {
        batch.positions.push_back({{5, ++player}, here, model::Kind::step, 0, 0});
      }
      const auto reply = all.run(all.lanes[0]->orchestrator->handle(batch, ports::Wait::no));
      ASSERT_TRUE(reply.has_value());
      for (const auto& one : reply->outcomes) ++(one.outcome == Outcome::found ? found : busy);
    }
  };
  // The store opens for one call's worth of time in three.
  for (int i = 0; i < 300; ++i) {
    all.stores[0]->set_gate_open(sim::Call::grant_claims, i % 3 == 0);
    offer(3);
    all.pass(10 * ms);
  }
  all.stores[0]->set_gate_open(sim::Call::grant_claims, true);
  all.pass(5 * second);
  EXPECT_EQ(all.run(all.stores[0]->world_stats(1))->grants, found + 1) << "each one once";
  EXPECT_EQ(all.told.size(), found + 1);
  const std::size_t busy_before = busy;
  offer(20);
  EXPECT_EQ(busy, busy_before) << "afterwards nothing is refused";
}

// Acknowledged first, its outcomes would be told to nobody.
TEST(Stored, outcomes_that_the_bus_does_not_take_now_are_told_with_the_next_delivery) {
  VirtualCluster all(two_shards(), test_rules());
  all.bury(here, 1, 0);
  auto message = all.delivery({here}, 1);
  message.reply_to = "game.outcomes";
  all.lanes[0]->stream.mute = true;
  EXPECT_EQ(all.deliver(message), Settled::nak);
  all.lanes[0]->stream.mute = false;
  EXPECT_EQ(all.deliver(message), Settled::ack);
  ASSERT_EQ(all.lanes[0]->stream.replies.size(), 1U);
  EXPECT_EQ(all.lanes[0]->stream.replies[0].outcomes[0].outcome, Outcome::granted);
}

}  // namespace
}  // namespace hunt::service
