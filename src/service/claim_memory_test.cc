// What a lane remembers of claims ends with the epoch of their shard: a store that failed over may
// have lost what it said.
#include <gtest/gtest.h>

#include "service/cluster_test_support.h"

namespace hunt::service {
namespace {

using model::Outcome;
using ports::Wait;
constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t second = 1'000 * ms;
constexpr model::Tile here{100, 100};

class ClaimMemory : public ::testing::Test {
 protected:
  std::uint64_t grant_calls() { return all.stores[0]->calls(sim::Call::grant_claims); }

  VirtualCluster all{{}, test_rules()};
};

TEST_F(ClaimMemory, spares_the_store_while_the_feed_flows) {
  all.bury(here, 1);
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::granted);
  EXPECT_EQ(all.outcome(here, 2, Wait::terminal), Outcome::sold_out);
  const std::uint64_t before = grant_calls();
  all.pass(60 * second);
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::granted);
  EXPECT_EQ(all.outcome(here, 2, Wait::terminal), Outcome::sold_out);
  EXPECT_EQ(grant_calls(), before);
}

TEST_F(ClaimMemory, a_grant_that_a_failover_lost_is_forgotten) {
  all.bury(here, 1);
  all.pass(1 * second);
  const sim::SimDisk before = all.stores[0]->disk();
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::granted);
  all.pass(1 * second);
  EXPECT_EQ(all.outcome(here, 1, Wait::no), Outcome::granted) << "remembered";
  all.fail_over(before);
  all.pass(1 * second);
  EXPECT_EQ(all.outcome(here, 2, Wait::terminal), Outcome::granted);
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::sold_out);
  EXPECT_EQ(all.outcome(here, 1, Wait::no), Outcome::sold_out);
  EXPECT_EQ(all.run(all.stores[0]->world_stats(1))->grants, 1U);
}

TEST_F(ClaimMemory, a_refusal_that_a_failover_undid_is_forgotten) {
  all.bury(here, 1);
  all.pass(1 * second);
  const sim::SimDisk before = all.stores[0]->disk();
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::granted);
  EXPECT_EQ(all.outcome(here, 2, Wait::terminal), Outcome::sold_out);
  all.fail_over(before);
  all.pass(1 * second);
  EXPECT_EQ(all.outcome(here, 2, Wait::terminal), Outcome::granted);
}

// Nobody tells of the failover: the relay is cut off, too. Then what is remembered is believed no
// longer than a copy of a chunk.
TEST_F(ClaimMemory, is_believed_for_a_second_where_no_feed_confirms_it) {
  all.bury(here, 1);
  all.pass(1 * second);
  const sim::SimDisk before = all.stores[0]->disk();
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::granted);
  all.stores[0]->set_gate_open(sim::Call::feed, false);
  all.pass(4 * second);  // the silence is noticed
  all.fail_over(before);
  EXPECT_EQ(all.outcome(here, 2, Wait::terminal), Outcome::granted);
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::sold_out);
  const std::uint64_t calls = grant_calls();
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::sold_out);
  EXPECT_EQ(grant_calls(), calls) << "a second is believed";
  all.pass(2 * second);
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::sold_out);
  EXPECT_EQ(grant_calls(), calls + 1);
  all.stores[0]->set_gate_open(sim::Call::feed, true);
}

TEST_F(ClaimMemory, ends_when_the_store_says_that_its_epoch_is_over) {
  all.bury(here, 1);
  all.pass(1 * second);
  const sim::SimDisk before = all.stores[0]->disk();
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::granted);
  all.stores[0]->set_gate_open(sim::Call::feed, false);
  all.fail_over(before);
  all.stores[0]->inject({sim::Call::grant_claims, Errc::epoch_stale});
  EXPECT_FALSE(all.ask(here, 2, Wait::terminal).has_value());
  all.pass(1 * second);
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::sold_out);
  all.stores[0]->set_gate_open(sim::Call::feed, true);
}

// A verdict that the bus has not taken yet is the store's word of then: it is asked for again.
TEST_F(ClaimMemory, a_verdict_not_told_yet_ends_with_its_epoch) {
  all.bury(here, 1);
  all.pass(1 * second);
  const sim::SimDisk before = all.stores[0]->disk();
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::granted);
  all.hub.keeps_claims = false;
  EXPECT_EQ(all.deliver(all.delivery({here}, 2)), ports::Settled::nak);
  all.fail_over(before);
  all.pass(1 * second);
  all.hub.keeps_claims = true;
  all.pass(5 * second);
  EXPECT_EQ(all.times_told(2, Outcome::sold_out), 0);
  EXPECT_EQ(all.times_told(2, Outcome::granted), 1);
}

TEST_F(ClaimMemory, a_repeated_grant_not_told_yet_ends_with_its_epoch) {
  all.bury(here, 1);
  all.pass(1 * second);
  const sim::SimDisk before = all.stores[0]->disk();
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::granted);
  all.pass(1 * second);
  all.add_lane();  // it remembers nothing: the ledger answers with the repeat
  all.hub.keeps_claims = false;
  EXPECT_EQ(all.deliver(all.delivery({here}, 1), 1), ports::Settled::nak);
  all.pass(10 * second);  // it is tried once a second by now
  all.fail_over(before);
  EXPECT_EQ(all.outcome(here, 2, Wait::terminal), Outcome::granted);
  all.pass(300 * ms);  // until the epoch is known
  all.hub.keeps_claims = true;
  all.pass(5 * second);
  EXPECT_EQ(all.times_told(1, Outcome::granted), 1) << "the lost one, before; never again";
  EXPECT_EQ(all.times_told(1, Outcome::sold_out), 1);
}

TEST_F(ClaimMemory, a_bus_that_takes_nothing_costs_the_store_little) {
  all.bury(here, 1);
  EXPECT_EQ(all.outcome(here, 1, Wait::terminal), Outcome::granted);
  all.hub.keeps_claims = false;
  EXPECT_EQ(all.deliver(all.delivery({here}, 2)), ports::Settled::nak);
  const std::uint64_t before = grant_calls();
  all.pass(30 * second);
  EXPECT_LE(grant_calls(), before) << "the feed flows: the verdict holds";
  all.stores[0]->set_gate_open(sim::Call::feed, false);
  all.pass(30 * second);
  EXPECT_LE(grant_calls(), before + 35) << "once a second where nothing confirms it";
  all.stores[0]->set_gate_open(sim::Call::feed, true);
  all.hub.keeps_claims = true;
  all.pass(5 * second);
  EXPECT_EQ(all.times_told(2, Outcome::sold_out), 1);
}

}  // namespace
}  // namespace hunt::service
