// Who has no grant of what is sold out hears so from memory; who won hears `granted` for ever.
#include "service/sold_out.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "base/testing/count_allocations.h"
#include "service/cluster_test_support.h"

namespace hunt::service {
namespace {

using model::Outcome;
using ports::Wait;
constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t second = 1'000 * ms;
constexpr model::Tile here{100, 100};

class SoldOutTile : public ::testing::Test {
 protected:
  std::uint64_t grants_asked() { return all.stores[0]->calls(sim::Call::grant_claims); }
  std::uint64_t looked_up() { return all.stores[0]->calls(sim::Call::look_up_claims); }
  std::uint64_t calls() { return grants_asked() + looked_up(); }
  Outcome insist(std::uint64_t player, std::size_t lane = 0) {
    return all.outcome(here, player, Wait::terminal, lane);
  }
  // Player 1 wins it, and player 2 is the one to whom the store says that nothing is left.
  void sell_out() {
    all.bury(here, 1);
    all.pass(200 * ms);
    ASSERT_EQ(insist(1), Outcome::granted);
    ASSERT_EQ(insist(2), Outcome::sold_out);
    all.pass(200 * ms);
  }
  std::shared_ptr<std::optional<Result<model::BatchReply>>> begin(std::uint64_t player) {
    auto answer = std::make_shared<std::optional<Result<model::BatchReply>>>();
    const auto done = [answer](const std::exception_ptr&, Result<model::BatchReply> reply) {
      *answer = std::move(reply);
    };
    boost::asio::co_spawn(
        all.loop,
        all.lanes[0]->orchestrator->handle(VirtualCluster::batch({here}, player), Wait::terminal),
        done);
    all.pass(20 * ms);
    return answer;
  }
  std::uint64_t known() {
    all.pass(2 * second);
    return all.lanes[0]->observer.stats().no_grant_known;
  }

  VirtualCluster all{{}, test_rules()};
};

TEST_F(SoldOutTile, costs_a_read_the_first_time_and_nothing_again) {
  sell_out();
  const std::uint64_t granted = grants_asked();
  EXPECT_EQ(insist(3), Outcome::sold_out);
  EXPECT_EQ(grants_asked(), granted) << "nothing can be granted";
  EXPECT_EQ(looked_up(), 1U);
  const std::uint64_t before = calls();
  all.pass(60 * second);
  for (const std::uint64_t player : {1, 2, 3}) {
    EXPECT_EQ(insist(player), player == 1 ? Outcome::granted : Outcome::sold_out);
  }
  EXPECT_EQ(calls(), before);
  EXPECT_EQ(known(), 2U);
}

TEST_F(SoldOutTile, the_answer_names_the_claim_as_the_store_would) {
  sell_out();
  const auto first = all.ask(here, 3, Wait::terminal);
  const auto again = all.ask(here, 3, Wait::terminal);
  ASSERT_TRUE(first.has_value() && again.has_value());
  const auto& outcome = first->outcomes[0];
  ASSERT_EQ(outcome.claim_index, 0);
  engine::ClaimIds ids;
  const auto spawn = all.stores[0]->disk().tiles_.begin()->second.spawn;
  EXPECT_EQ(first->claims.at(0).claim, ids.of(1, model::tile_id_of(here), spawn, {5, 3}));
  EXPECT_EQ(again->claims.at(0).claim, first->claims[0].claim);
  EXPECT_EQ(again->outcomes[0].claim_index, 0);
  EXPECT_FALSE(again->claims[0].repeat);
  EXPECT_EQ(all.times_told(3, Outcome::sold_out), 0) << "who asked heard it";
}

TEST_F(SoldOutTile, a_crowd_costs_no_calls_once_everybody_asked) {
  constexpr std::int32_t tiles = 60;
  constexpr std::uint64_t players = 300;
  std::vector<model::Tile> row;
  for (std::int32_t i = 0; i < tiles; ++i) row.push_back({i, 100});
  for (const auto& tile : row) all.bury(tile, 2);
  all.pass(200 * ms);
  std::vector<std::uint64_t> winners;
  const auto round = [&] {
    for (std::uint64_t player = 1; player <= players; ++player) {
      const auto reply = all.run(
          all.lanes[0]->orchestrator->handle(VirtualCluster::batch(row, player), Wait::terminal));
      ASSERT_TRUE(reply.has_value());
      for (const auto& one : reply->outcomes) {
        ASSERT_EQ(one.outcome, player <= 2 ? Outcome::granted : Outcome::sold_out) << player;
      }
    }
  };
  round();
  round();  // the memory of grants is small: some of them are asked for once more
  const std::uint64_t before = calls();
  round();
  EXPECT_EQ(calls(), before);
  EXPECT_GE(known(), players * tiles - 2 * tiles);
}

TEST_F(SoldOutTile, a_winner_of_another_lane_hears_granted_with_the_same_claim) {
  sell_out();
  const auto won = all.ask(here, 1, Wait::terminal);
  all.add_lane();
  all.pass(1 * second);
  ASSERT_EQ(insist(3, 1), Outcome::sold_out);
  ASSERT_EQ(insist(4, 1), Outcome::sold_out);
  const std::uint64_t before = looked_up();
  for (int i = 0; i < 3; ++i) {
    const auto again = all.ask(here, 1, Wait::terminal, 1);
    ASSERT_TRUE(won.has_value() && again.has_value());
    EXPECT_EQ(again->outcomes[0].outcome, Outcome::granted);
    EXPECT_TRUE(again->claims.at(0).repeat);
    EXPECT_EQ(again->claims[0].claim, won->claims.at(0).claim);
    EXPECT_EQ(again->claims[0].reward, won->claims[0].reward);
    EXPECT_EQ(looked_up(), before + 1) << "then it is remembered";
  }
}

// Another lane sells the last one while this one has heard of nothing.
TEST_F(SoldOutTile, nothing_is_known_before_the_store_says_so) {
  all.add_lane();
  all.bury(here, 2);
  all.pass(200 * ms);
  EXPECT_EQ(insist(1), Outcome::granted);
  EXPECT_EQ(insist(2, 1), Outcome::granted);
  EXPECT_EQ(insist(2), Outcome::granted) << "known to the other lane only";
  EXPECT_EQ(insist(3), Outcome::sold_out);
  EXPECT_EQ(looked_up(), 0U);
}

TEST_F(SoldOutTile, a_copy_that_says_so_is_not_enough) {
  all.bury(here, 1);
  all.add_lane();
  all.pass(200 * ms);
  EXPECT_EQ(insist(1), Outcome::granted);
  all.pass(1 * second);
  EXPECT_EQ(all.outcome(here, 2, Wait::no, 1), Outcome::sold_out) << "the copy";
  const std::uint64_t before = grants_asked();
  EXPECT_EQ(insist(2, 1), Outcome::sold_out);
  EXPECT_EQ(grants_asked(), before + 1);
}

TEST_F(SoldOutTile, a_refusal_that_a_failover_undid_is_forgotten) {
  all.bury(here, 1);
  all.pass(1 * second);
  const sim::SimDisk before = all.stores[0]->disk();
  EXPECT_EQ(insist(1), Outcome::granted);
  EXPECT_EQ(insist(2), Outcome::sold_out);
  EXPECT_EQ(insist(3), Outcome::sold_out);
  ASSERT_EQ(looked_up(), 1U);
  all.fail_over(before);
  all.pass(1 * second);
  EXPECT_EQ(insist(3), Outcome::granted);
  EXPECT_EQ(insist(1), Outcome::sold_out);
}

TEST_F(SoldOutTile, no_refusal_is_told_that_was_read_across_a_failover) {
  all.bury(here, 1);
  all.pass(1 * second);
  const sim::SimDisk before = all.stores[0]->disk();
  EXPECT_EQ(insist(1), Outcome::granted);
  EXPECT_EQ(insist(2), Outcome::sold_out);
  all.stores[0]->set_gate_open(sim::Call::look_up_claims, false);
  const auto answer = begin(3);
  EXPECT_FALSE(answer->has_value());
  all.fail_over(before);
  all.pass(1 * second);
  all.stores[0]->set_gate_open(sim::Call::look_up_claims, true);
  all.pass(100 * ms);
  ASSERT_TRUE(answer->has_value());
  ASSERT_FALSE((*answer)->has_value());
  EXPECT_EQ((*answer)->error().code, Errc::unavailable);
  EXPECT_EQ(insist(3), Outcome::granted);
}

TEST_F(SoldOutTile, is_believed_for_a_second_where_no_feed_confirms_it) {
  sell_out();
  EXPECT_EQ(insist(3), Outcome::sold_out);
  all.stores[0]->set_gate_open(sim::Call::feed, false);
  all.pass(4 * second);  // the silence is noticed
  const std::uint64_t before = grants_asked();
  EXPECT_EQ(insist(3), Outcome::sold_out);
  EXPECT_EQ(grants_asked(), before + 1);
  EXPECT_EQ(insist(3), Outcome::sold_out);
  EXPECT_EQ(grants_asked(), before + 1);
  all.stores[0]->set_gate_open(sim::Call::feed, true);
}

TEST_F(SoldOutTile, ends_when_the_store_says_that_its_epoch_is_over) {
  sell_out();
  EXPECT_EQ(insist(3), Outcome::sold_out);
  all.stores[0]->inject({sim::Call::grant_claims, Errc::epoch_stale});
  all.bury({200, 200}, 1);
  all.pass(200 * ms);
  EXPECT_FALSE(all.ask({200, 200}, 1, Wait::terminal).has_value());
  const std::uint64_t before = grants_asked();
  EXPECT_EQ(insist(3), Outcome::sold_out);
  EXPECT_GT(grants_asked(), before);
}

TEST_F(SoldOutTile, after_a_reburial_the_new_spawn_counts) {
  sell_out();
  EXPECT_EQ(insist(3), Outcome::sold_out);
  all.bury(here, 1);
  all.pass(200 * ms);
  EXPECT_EQ(insist(3), Outcome::granted);
}

TEST_F(SoldOutTile, a_stored_position_hears_the_store_and_the_bus_is_told) {
  sell_out();
  EXPECT_EQ(insist(3), Outcome::sold_out);
  EXPECT_EQ(all.deliver(all.delivery({here}, 3)), ports::Settled::ack);
  EXPECT_EQ(all.lanes[0]->stream.replies.back().outcomes[0].outcome, Outcome::sold_out);
  EXPECT_EQ(all.times_told(3, Outcome::sold_out), 1);
}

TEST_F(SoldOutTile, an_error_is_never_told_as_a_refusal) {
  sell_out();
  all.stores[0]->inject({sim::Call::look_up_claims, Errc::unavailable});
  EXPECT_FALSE(all.ask(here, 3, Wait::terminal).has_value());
  EXPECT_EQ(insist(3), Outcome::sold_out);
}

TEST_F(SoldOutTile, what_the_rules_refuse_is_looked_up_once) {
  sell_out();
  auto rules = std::make_shared<model::RuleSet>(*test_rules());
  rules->version = "00000000000000bb";
  rules->events[0].ends_us = all.time.wall_us();
  all.lanes[0]->orchestrator->set_rules(rules);
  EXPECT_EQ(insist(3), Outcome::closed);
  EXPECT_EQ(insist(1), Outcome::granted);
  const std::uint64_t before = calls();
  EXPECT_EQ(insist(3), Outcome::closed);
  EXPECT_EQ(insist(2), Outcome::closed);
  EXPECT_EQ(calls(), before);
}

TEST_F(SoldOutTile, is_answered_at_once_without_allocation) {
  sell_out();
  EXPECT_EQ(insist(3), Outcome::sold_out);
  auto& orchestrator = *all.lanes[0]->orchestrator;
  auto batch = VirtualCluster::batch({here, {500, 500}}, 3);
  ASSERT_TRUE(all.run(orchestrator.handle(batch, Wait::terminal)).has_value());  // loads the other
  model::BatchReply reply;
  for (int i = 0; i < 2'000; ++i) {
    ASSERT_TRUE(orchestrator.answer_at_once(batch, Wait::terminal, reply));
  }
  EXPECT_EQ(reply.outcomes.at(0).outcome, Outcome::sold_out);
  EXPECT_EQ(reply.outcomes.at(1).outcome, Outcome::nothing);
  const std::uint64_t before = allocation_count();
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_TRUE(orchestrator.answer_at_once(batch, Wait::terminal, reply));
  }
  EXPECT_EQ(allocation_count() - before, 0U);
  auto winner = VirtualCluster::batch({here}, 1);
  ASSERT_TRUE(orchestrator.answer_at_once(winner, Wait::terminal, reply));
  EXPECT_EQ(reply.outcomes.at(0).outcome, Outcome::granted);
  auto stranger = VirtualCluster::batch({here}, 4);
  EXPECT_FALSE(orchestrator.answer_at_once(stranger, Wait::terminal, reply)) << "a look-up";
}

}  // namespace
}  // namespace hunt::service
