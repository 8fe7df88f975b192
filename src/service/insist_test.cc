// Whoever insists on a terminal answer hears the ledger: a win is for ever, whatever the rules say
// by now, and nothing is granted that they refuse.
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <vector>

#include "model/limits.h"
#include "service/cluster_test_support.h"

namespace hunt::service {
namespace {

using model::Outcome;
using ports::Settled;
using ports::Wait;
constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t second = 1'000 * ms;
constexpr model::Tile here{100, 100};     // shard 0's
constexpr model::Tile there{1'124, 100};  // shard 1's

using Change = std::function<void(model::RuleSet&)>;

std::shared_ptr<const model::RuleSet> rules_after(const Change& change) {
  auto rules = std::make_shared<model::RuleSet>(*test_rules());
  rules->version = "00000000000000bb";
  change(*rules);
  return rules;
}

class Insist : public ::testing::Test {
 protected:
  explicit Insist(ClusterShape shape = {}) : all(std::move(shape), test_rules()) {}

  void set_rules(const Change& change, std::size_t lane = 0) {
    all.lanes[lane]->orchestrator->set_rules(rules_after(change));
  }
  void end_event() {
    set_rules([this](auto& rules) { rules.events[0].ends_us = all.time.wall_us(); });
  }
  // A lane that remembers nothing, with rules of its own.
  std::size_t fresh_lane(const Change& change) {
    all.add_lane();
    all.pass(200 * ms);
    set_rules(change, all.lanes.size() - 1);
    return all.lanes.size() - 1;
  }
  // Asks without waiting for the answer.
  std::shared_ptr<std::optional<Result<model::BatchReply>>> begin(model::Batch batch, Wait wait,
                                                                  std::size_t lane = 0) {
    auto answer = std::make_shared<std::optional<Result<model::BatchReply>>>();
    const auto done = [answer](const std::exception_ptr&, Result<model::BatchReply> reply) {
      *answer = std::move(reply);
    };
    boost::asio::co_spawn(all.loop, all.lanes[lane]->orchestrator->handle(std::move(batch), wait),
                          done);
    all.pass(20 * ms);
    return answer;
  }
  std::uint64_t looked_up(model::ShardId shard = 0) {
    return all.stores[shard]->calls(sim::Call::look_up_claims);
  }
  std::uint64_t grants() { return all.run(all.stores[0]->world_stats(1))->grants; }

  VirtualCluster all;
};

TEST_F(Insist, a_win_is_told_whatever_the_rules_have_become) {
  const Change changes[] = {
      [this](auto& rules) { rules.events[0].ends_us = all.time.wall_us(); },
      [this](auto& rules) { rules.events[0].starts_us = all.time.wall_us() + 3'600'000'000; },
      [](auto& rules) { rules.events[0].trigger = model::Trigger::dig; },
      [](auto& rules) {
        rules.events[0].trigger = model::Trigger::dig;
        rules.events[0].hint_radius_tiles = 0;
      },
      [](auto& rules) { rules.tables[0].name = "another"; },
      [](auto& rules) { rules.tables.clear(), rules.entries.clear(), rules.events.clear(); },
  };
  const Outcome refusals[] = {Outcome::closed,  Outcome::nothing, Outcome::hint,
                              Outcome::nothing, Outcome::nothing, Outcome::nothing};
  all.bury(here, 9);
  const auto won = all.ask(here, 1, Wait::terminal);
  ASSERT_TRUE(won.has_value());
  ASSERT_EQ(won->outcomes[0].outcome, Outcome::granted);
  for (std::size_t i = 0; i < std::size(changes); ++i) {
    SCOPED_TRACE(i);
    const std::size_t lane = fresh_lane(changes[i]);
    const auto again = all.ask(here, 1, Wait::terminal, lane);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->outcomes[0].outcome, Outcome::granted);
    EXPECT_EQ(again->outcomes[0].distance, 0);
    EXPECT_TRUE(again->claims.at(0).repeat);
    EXPECT_EQ(again->claims[0].claim, won->claims[0].claim);
    EXPECT_EQ(again->claims[0].reward, won->claims[0].reward);
    const auto stored = all.delivery({here}, 1, 100 + i);
    EXPECT_EQ(all.deliver(stored, lane), Settled::ack);
    EXPECT_EQ(all.lanes[lane]->stream.replies.back().outcomes[0].outcome, Outcome::granted);
    EXPECT_EQ(all.outcome(here, 2, Wait::terminal, lane), refusals[i]) << "who has not won";
    EXPECT_EQ(all.outcome(here, 1, Wait::no, lane), refusals[i]) << "who does not insist";
  }
  EXPECT_EQ(grants(), 1U) << "what the rules refuse is never granted";
  EXPECT_EQ(all.told.size(), 1U);
}

TEST_F(Insist, a_find_whose_answer_was_lost_is_told_after_the_event) {
  all.bury(here, 1);
  EXPECT_EQ(all.outcome(here, 1, Wait::no), Outcome::found);
  all.pass(1 * second);
  end_event();
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::granted);
  EXPECT_EQ(all.outcome(here, 2, Wait::terminal), Outcome::closed);
}

// The verdicts of some may all be there while the chunks of others are still loaded.
TEST_F(Insist, every_position_of_a_batch_hears_the_ledger_whenever_its_chunk_comes) {
  constexpr model::Tile far{700, 700};
  all.bury(here, 1);
  all.bury(far, 1);
  ASSERT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::granted);
  ASSERT_EQ(all.outcome(far, 1, Wait::terminal), Outcome::granted);
  const std::size_t lane =
      fresh_lane([this](auto& rules) { rules.events[0].ends_us = all.time.wall_us(); });
  ASSERT_EQ(all.outcome(here, 2, Wait::terminal, lane), Outcome::closed) << "its chunk is here";
  const auto ask_both = [&](model::Tile other) {
    all.stores[0]->set_gate_open(sim::Call::load_chunks, false);
    const auto answer = begin(VirtualCluster::batch({here, other}, 1), Wait::terminal, lane);
    EXPECT_FALSE(answer->has_value());
    all.stores[0]->set_gate_open(sim::Call::load_chunks, true);
    all.pass(100 * ms);
    return (*answer)->value().outcomes;
  };
  const auto empty = ask_both({1'500, 1'500});
  EXPECT_EQ(empty[0].outcome, Outcome::granted) << "told before the load";
  EXPECT_EQ(empty[1].outcome, Outcome::nothing);
  const auto won = ask_both(far);
  EXPECT_EQ(won[0].outcome, Outcome::granted);
  EXPECT_EQ(won[1].outcome, Outcome::granted) << "looked up after the load";
}

TEST_F(Insist, a_claim_on_its_way_is_waited_for) {
  all.bury(here, 1);
  all.stores[0]->set_gate_open(sim::Call::grant_claims, false);
  EXPECT_EQ(all.outcome(here, 1, Wait::no), Outcome::found);
  end_event();
  const auto answer = begin(VirtualCluster::batch({here}, 1), Wait::terminal);
  EXPECT_FALSE(answer->has_value()) << "the ledger may have it in a moment";
  all.stores[0]->set_gate_open(sim::Call::grant_claims, true);
  all.pass(100 * ms);
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((*answer)->value().outcomes[0].outcome, Outcome::granted);
  EXPECT_EQ(looked_up(), 0U);
}

TEST_F(Insist, a_claim_that_was_refused_while_joined_is_looked_up_after_it) {
  auto burial = model::Burial{};
  burial.tile = here;
  burial.table = "loot";
  burial.budget = 1;
  burial.closes_us = all.time.wall_us() + 1'000'000;
  ASSERT_TRUE(all.run(all.stores[0]->bury(1, {burial})).has_value());
  all.pass(200 * ms);
  all.stores[0]->set_gate_open(sim::Call::grant_claims, false);
  EXPECT_EQ(all.outcome(here, 1, Wait::no), Outcome::found);
  all.pass(1 * second);  // the spawn closes
  set_rules([](auto& rules) { rules.tables[0].name = "another"; });
  const auto answer = begin(VirtualCluster::batch({here}, 1), Wait::terminal);
  all.stores[0]->set_gate_open(sim::Call::grant_claims, true);
  all.pass(100 * ms);
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((*answer)->value().outcomes[0].outcome, Outcome::nothing) << "as the rules say";
  EXPECT_EQ(looked_up(), 1U);
}

TEST_F(Insist, a_message_is_judged_as_of_its_own_moment_though_another_ask_is_on_its_way) {
  all.bury(here, 2);
  all.pass(200 * ms);
  const auto stored = all.delivery({here}, 1);
  all.pass(1 * ms);
  ASSERT_TRUE(all.run(all.stores[0]->close_tiles(1, {here})).has_value());
  all.stores[0]->set_gate_open(sim::Call::grant_claims, false);
  const auto late = begin(VirtualCluster::batch({here}, 1), Wait::terminal);  // closed by now
  std::optional<Settled> settled;
  const auto done = [&settled](const std::exception_ptr&, Settled how) { settled = how; };
  boost::asio::co_spawn(all.loop, all.lanes[0]->stored->handle(stored), done);
  all.pass(20 * ms);
  all.stores[0]->set_gate_open(sim::Call::grant_claims, true);
  all.pass(200 * ms);
  ASSERT_TRUE(late->has_value());
  EXPECT_EQ((*late)->value().outcomes[0].outcome, Outcome::closed);
  EXPECT_EQ(settled, Settled::ack);
  EXPECT_EQ(all.lanes[0]->stream.replies.at(0).outcomes[0].outcome, Outcome::granted);
}

TEST_F(Insist, a_message_from_before_the_end_is_granted_after_it) {
  all.bury(here, 9);
  const auto before = all.delivery({here}, 1);
  const auto twice = all.delivery({here}, 2);
  EXPECT_EQ(all.deliver(twice), Settled::ack);
  all.pass(10 * second);
  end_event();
  EXPECT_EQ(all.deliver(before), Settled::ack);
  EXPECT_EQ(all.deliver(twice), Settled::ack);
  EXPECT_EQ(all.deliver(all.delivery({here}, 3)), Settled::ack);
  const auto& replies = all.lanes[0]->stream.replies;
  ASSERT_EQ(replies.size(), 4U);
  EXPECT_EQ(replies[1].outcomes[0].outcome, Outcome::granted);
  EXPECT_EQ(replies[2].outcomes[0].outcome, Outcome::granted);
  EXPECT_EQ(replies[3].outcomes[0].outcome, Outcome::closed);
}

TEST_F(Insist, after_a_reburial_the_new_spawn_counts) {
  all.bury(here, 1);
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::granted);
  all.bury(here, 1);
  all.pass(200 * ms);
  end_event();
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::closed);
}

TEST_F(Insist, an_aborted_claim_is_told_as_expired) {
  const auto spawn = all.bury(here, 1);
  engine::ClaimIds ids;
  model::Claim claim;
  claim.world = 1;
  claim.tile = model::tile_id_of(here);
  claim.spawn = spawn;
  claim.player = {5, 1};
  claim.id = ids.of(claim.world, claim.tile, claim.spawn, claim.player);
  all.stores[0]->write_aborted(claim);
  end_event();
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::expired);
}

TEST_F(Insist, a_crowd_of_steps_costs_few_calls_and_each_is_counted) {
  constexpr std::int32_t tiles = 200;
  std::vector<model::Tile> row;
  for (std::int32_t i = 0; i < tiles; ++i) row.push_back({i, 100});
  for (const auto& tile : row) all.bury(tile, 1);
  set_rules([](auto& rules) { rules.events[0].trigger = model::Trigger::dig; });
  const auto reply =
      all.run(all.lanes[0]->orchestrator->handle(VirtualCluster::batch(row, 1), Wait::terminal));
  ASSERT_TRUE(reply.has_value());
  for (const auto& one : reply->outcomes) EXPECT_EQ(one.outcome, Outcome::hint);
  EXPECT_LE(looked_up(), 5U);
  all.pass(200 * ms);
  EXPECT_EQ(all.lanes[0]->observer.stats().claim_lookups, 200U);
  // Together with whoever asks meanwhile.
  all.stores[0]->set_gate_open(sim::Call::look_up_claims, false);
  const std::uint64_t before = looked_up();
  for (std::uint64_t player = 2; player < 34; ++player) {
    static_cast<void>(begin(VirtualCluster::batch({here}, player), Wait::terminal));
  }
  EXPECT_EQ(looked_up() - before, 1U) << "the others wait for the call under way";
  all.stores[0]->set_gate_open(sim::Call::look_up_claims, true);
  all.pass(100 * ms);
  EXPECT_EQ(looked_up() - before, 2U);
}

TEST_F(Insist, no_refusal_is_told_while_the_ledger_cannot_be_asked) {
  all.bury(here, 1);
  end_event();
  EXPECT_EQ(all.outcome(here, 2, Wait::terminal), Outcome::closed);
  all.stores[0]->inject({sim::Call::look_up_claims, Errc::unavailable});
  const auto refused = all.ask(here, 1, Wait::terminal);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  all.stores[0]->inject({sim::Call::look_up_claims, Errc::unavailable});
  EXPECT_EQ(all.deliver(all.delivery({here}, 1)), Settled::nak);
  all.stores[0]->set_gate_open(sim::Call::look_up_claims, false);
  const auto late = all.ask(here, 1, Wait::terminal);
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, Errc::deadline_exceeded);
  all.stores[0]->set_gate_open(sim::Call::look_up_claims, true);
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::closed);
}

TEST_F(Insist, more_than_fits_is_busy) {
  all.bury(here, 1);
  end_event();
  EXPECT_EQ(all.outcome(here, 2, Wait::terminal), Outcome::closed);
  all.stores[0]->set_gate_open(sim::Call::look_up_claims, false);
  for (std::uint64_t first = 10; first < 10 + limits::claims_waiting_max; first += 4'096) {
    model::Batch crowd;
    for (std::uint64_t i = 0; i < 4'096; ++i) {
      crowd.positions.push_back({{5, first + i}, here, model::Kind::step, 0, 0});
    }
    static_cast<void>(begin(std::move(crowd), Wait::terminal));
  }
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::busy);
  EXPECT_EQ(all.deliver(all.delivery({here}, 1)), Settled::nak);
  all.stores[0]->set_gate_open(sim::Call::look_up_claims, true);
  all.pass(1 * second);
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::closed);
}

TEST_F(Insist, what_the_lane_remembers_needs_no_second_question) {
  all.bury(here, 1);
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::granted);
  EXPECT_EQ(all.outcome(here, 2, Wait::terminal), Outcome::sold_out);
  end_event();
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::granted);
  EXPECT_EQ(all.outcome(here, 2, Wait::terminal), Outcome::closed);
  EXPECT_EQ(looked_up(), 0U);
}

class InsistOnTwoShards : public Insist {
 protected:
  static ClusterShape two() {
    ClusterShape shape;
    shape.shards = 2;
    return shape;
  }
  InsistOnTwoShards() : Insist(two()) {}
};

TEST_F(InsistOnTwoShards, each_ledger_is_asked_for_its_own) {
  all.bury(here, 1, 0);
  all.bury(there, 1, 1);
  EXPECT_EQ(all.outcome(there, 1, Wait::terminal), Outcome::granted);
  all.pass(200 * ms);
  const std::size_t lane = fresh_lane([](auto& rules) { rules.tables[0].name = "another"; });
  const auto reply = all.run(all.lanes[lane]->orchestrator->handle(
      VirtualCluster::batch({here, there}, 1), Wait::terminal));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->outcomes[0].outcome, Outcome::nothing);
  EXPECT_EQ(reply->outcomes[1].outcome, Outcome::granted);
  EXPECT_EQ(looked_up(0), 1U);
  EXPECT_EQ(looked_up(1), 1U);
}

TEST_F(InsistOnTwoShards, who_waits_for_a_look_up_waits_at_its_shard) {
  all.bury(there, 1, 1);
  all.pass(200 * ms);
  set_rules([](auto& rules) { rules.tables[0].name = "another"; });
  all.stores[1]->set_gate_open(sim::Call::look_up_claims, false);
  const auto answer = begin(VirtualCluster::batch({there}, 1), Wait::terminal);
  all.pass(2 * second);
  ASSERT_FALSE(*answer);
  const model::Why open = all.lanes[0]->observer.why();
  EXPECT_EQ(open.stage, model::Stage::store_grant) << open.verdict;
  EXPECT_EQ(open.resource, "shard 1") << open.verdict;
  all.stores[1]->set_gate_open(sim::Call::look_up_claims, true);
  all.pass(1'500 * ms);
  ASSERT_TRUE(*answer);
  EXPECT_EQ((**answer)->outcomes[0].outcome, Outcome::nothing);
  const model::Why over = all.lanes[0]->observer.why();
  EXPECT_GE(over.answers_tail_ns, 2 * second);
  EXPECT_EQ(over.stage, model::Stage::store_grant) << over.verdict;
  EXPECT_EQ(over.resource, "shard 1") << over.verdict;
}

TEST_F(InsistOnTwoShards, a_range_that_moved_is_an_error_and_no_refusal) {
  all.bury(there, 1, 1);
  EXPECT_EQ(all.outcome(there, 1, Wait::no), Outcome::found);
  all.pass(200 * ms);
  set_rules([](auto& rules) { rules.tables[0].name = "another"; });
  all.stores[1]->set_range_owned(1, model::tile_id_of({1'024, 0}), false);
  EXPECT_EQ(all.outcome(there, 1, Wait::terminal), Outcome::granted) << "remembered";
  const auto other = all.ask(there, 2, Wait::terminal);
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, Errc::moved);
}

}  // namespace
}  // namespace hunt::service
