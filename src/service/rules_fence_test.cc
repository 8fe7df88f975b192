// Claims on both sides of a change of the rules: what lanes roll by, and what stores let pass.
#include <gtest/gtest.h>

#include "engine/rollout.h"
#include "service/cluster_test_support.h"

namespace hunt::service {
namespace {

using model::Outcome;
using ports::Wait;

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr model::Tile here{5, 5};

model::RuleSetPtr with_version(std::string version, std::string item) {
  auto set = std::make_shared<model::RuleSet>(*test_rules());
  set->version = std::move(version);
  set->items = {item, item};
  return set;
}

class RulesFence : public ::testing::Test {
 protected:
  RulesFence() : all({}, test_rules()) {
    timeline_.seq = 1;
    timeline_.turns.push_back({old_->version, 0, 0, "", ""});
    keep();
    know(timeline_.seq);
    all.bury(here, 1'000);
    all.pass(second_ns);
  }
  // What the store keeps.
  void keep() {
    std::vector<model::RulesOf> sets{{old_->version, {{"a", "a"}}}, {new_->version, {{"b", "b"}}}};
    ASSERT_TRUE(all.run(all.stores[0]->set_rules_timeline(timeline_, sets)).has_value());
  }
  // What the lane knows.
  void know(std::uint64_t seq) {
    model::RulesInForce rules;
    rules.seq = seq;
    for (const auto& turn : timeline_.turns) {
      auto set = turn.version == old_->version ? old_ : new_;
      if (timeline_.stop_of("test") != nullptr) {
        auto stopped = std::make_shared<model::RuleSet>(*set);
        stopped->events[0].stopped = true;
        set = stopped;
      }
      rules.turns.push_back({turn.from_us, set});
    }
    all.lanes[0]->orchestrator->set_rules(std::make_shared<const model::RulesInForce>(rules));
  }
  void announce(std::int64_t in_ns) {
    ++timeline_.seq;
    timeline_.turns.push_back({new_->version, 0, all.time.wall_us() + in_ns / 1'000, "", ""});
    keep();
  }
  void stop() {
    ++timeline_.seq;
    timeline_.stopped.push_back({"test", all.time.wall_us(), "", ""});
    keep();
  }
  // Asks, and lets the test do something while the answer is awaited.
  template <class Meanwhile>
  Result<model::BatchReply> ask(std::uint64_t player, Meanwhile meanwhile) {
    Result<model::BatchReply> answer = fail(Errc::internal, "no answer");
    boost::asio::co_spawn(
        all.loop,
        all.lanes[0]->orchestrator->handle(VirtualCluster::batch({here}, player), Wait::terminal),
        [&answer](const std::exception_ptr&, Result<model::BatchReply> reply) {
          answer = std::move(reply);
        });
    all.pass(100'000'000);
    meanwhile();
    all.pass(100'000'000);
    return answer;
  }
  std::vector<model::Grant> grants() {
    return all.run(all.stores[0]->grants_after(0, 1'000)).value().grants;
  }

  model::RuleSetPtr old_ = with_version("00000000000000aa", "old");
  model::RuleSetPtr new_ = with_version("00000000000000bb", "new");
  model::RulesTimeline timeline_;
  VirtualCluster all;
};

TEST_F(RulesFence, a_claim_waits_until_the_lane_knows_what_the_store_knows) {
  announce(0);
  const auto answer = ask(1, [&] {
    EXPECT_TRUE(grants().empty()) << "the lane does not know the rules in force";
    know(timeline_.seq);
  });
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->outcomes[0].outcome, Outcome::granted);
  EXPECT_EQ(answer->claims[0].reward, "new");
  ASSERT_EQ(grants().size(), 1U);
  EXPECT_EQ(grants()[0].rules, new_->version);
}

TEST_F(RulesFence, a_claim_under_way_when_its_event_is_stopped_is_closed) {
  stop();
  const auto answer = ask(1, [&] { know(timeline_.seq); });
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->outcomes[0].outcome, Outcome::closed);
  EXPECT_TRUE(grants().empty());
  EXPECT_EQ(all.outcome(here, 2), Outcome::closed) << "and it is no found any more";
}

TEST_F(RulesFence, each_claim_is_rolled_by_the_rules_of_its_moment_and_the_swap_needs_no_word) {
  announce(second_ns);
  know(timeline_.seq);
  const std::int64_t from_us = timeline_.turns.back().from_us;
  for (std::uint64_t player = 1; player <= 200; ++player) {
    ASSERT_EQ(all.outcome(here, player, Wait::terminal), Outcome::granted);
    all.pass(9'000'000);
  }
  std::size_t of_new = 0;
  for (const auto& grant : grants()) {
    EXPECT_EQ(grant.rules, grant.as_of_us < from_us ? old_->version : new_->version);
    of_new += grant.rules == new_->version ? 1 : 0;
  }
  EXPECT_GT(of_new, 20U);
  EXPECT_LT(of_new, 180U);
}

TEST_F(RulesFence, a_stored_position_is_rolled_by_the_rules_of_when_it_was_accepted) {
  auto kept = all.delivery({here}, 1, 1);
  all.pass(second_ns);
  announce(0);
  know(timeline_.seq);
  all.pass(5 * second_ns);
  ASSERT_EQ(all.deliver(std::move(kept)), ports::Settled::ack);
  ASSERT_EQ(grants().size(), 1U);
  EXPECT_EQ(grants()[0].rules, old_->version);
  EXPECT_EQ(grants()[0].reward, "old");
}

TEST_F(RulesFence, who_asks_again_meanwhile_does_not_get_past_a_stop) {
  auto& store = *all.stores[0];
  std::vector<Result<model::BatchReply>> answers;
  const auto ask_too = [&] {
    boost::asio::co_spawn(
        all.loop,
        all.lanes[0]->orchestrator->handle(VirtualCluster::batch({here}, 1), Wait::terminal),
        [&answers](const std::exception_ptr&, Result<model::BatchReply> reply) {
          answers.push_back(std::move(reply));
        });
    all.pass(50'000'000);
  };
  store.set_gate_open(sim::Call::grant_claims, false);
  ask_too();
  ask_too();  // the store is being asked already: its verdict is no answer to this one
  stop();
  know(timeline_.seq);
  store.set_gate_open(sim::Call::grant_claims, true);
  all.pass(second_ns);
  ASSERT_EQ(answers.size(), 2U);
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    EXPECT_EQ(answer->outcomes[0].outcome, Outcome::closed);
  }
  EXPECT_TRUE(grants().empty());
}

TEST_F(RulesFence, where_the_clocks_differ_the_store_says_which_rules) {
  announce(3'600 * second_ns);
  timeline_.turns.back().from_us = 0;  // the clock of the lane is ahead
  know(timeline_.seq);
  const auto answer = ask(1, [] {});
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->claims[0].reward, "old");
  ASSERT_EQ(grants().size(), 1U);
  EXPECT_EQ(grants()[0].rules, old_->version);
}

TEST_F(RulesFence, a_shard_that_is_behind_refuses_nobody_by_rules_that_are_over) {
  auto before = std::make_shared<model::RuleSet>(*old_);
  before->events[0].ends_us = 1;  // over, until the newer rules go on with it
  old_ = before;
  ++timeline_.seq;
  timeline_.turns.push_back({new_->version, 0, all.time.wall_us(), "", ""});
  know(timeline_.seq);  // the lane; the store has the change before
  const auto answer = ask(1, [&] {
    EXPECT_TRUE(grants().empty());
    keep();
  });
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->outcomes[0].outcome, Outcome::granted);
}

TEST_F(RulesFence, nobody_waits_for_ever_for_rules_that_the_process_cannot_make) {
  announce(0);
  model::RulesInForce without;
  without.seq = timeline_.seq;
  without.turns = {{0, old_}, {timeline_.turns.back().from_us, old_}};
  all.lanes[0]->orchestrator->set_rules(std::make_shared<const model::RulesInForce>(without));
  const auto before = all.stores[0]->calls(sim::Call::grant_claims);
  EXPECT_EQ(all.deliver(all.delivery({here}, 1)), ports::Settled::nak);
  const auto asked = all.stores[0]->calls(sim::Call::grant_claims);
  EXPECT_LT(asked - before, 400U);
  all.pass(10 * second_ns);
  EXPECT_LE(all.stores[0]->calls(sim::Call::grant_claims) - asked, 20U) << "now and then";
  EXPECT_TRUE(grants().empty());
  know(timeline_.seq);
  all.pass(2 * second_ns);
  ASSERT_EQ(grants().size(), 1U) << "the claim was kept";
  EXPECT_EQ(grants()[0].reward, "new");
}

TEST_F(RulesFence, a_process_without_the_rules_in_force_answers_nothing_by_others) {
  announce(0);
  model::RulesInForce without;
  without.seq = timeline_.seq;
  without.turns = {{0, old_}, {timeline_.turns.back().from_us, old_, false}};
  all.lanes[0]->orchestrator->set_rules(std::make_shared<const model::RulesInForce>(without));
  const auto before = all.stores[0]->calls(sim::Call::grant_claims);
  const auto asked = all.ask(here, 1);
  ASSERT_FALSE(asked.has_value());
  EXPECT_EQ(asked.error().code, Errc::unavailable);
  constexpr model::Tile bare{7, 5};  // "nothing" would be as wrong, and for ever
  EXPECT_EQ(all.deliver(all.delivery({bare}, 1)), ports::Settled::nak);
  EXPECT_EQ(all.stores[0]->calls(sim::Call::grant_claims), before);
  auto earlier = all.delivery({here}, 2);
  earlier.batch.as_of_us = timeline_.turns.back().from_us - 1;
  EXPECT_EQ(all.deliver(std::move(earlier)), ports::Settled::ack) << "those of before are known";
  know(timeline_.seq);
  EXPECT_EQ(all.deliver(all.delivery({bare}, 1)), ports::Settled::ack);
}

// Newer rules are for 40 % of the players only; those of before were for all.
class RolloutFence : public RulesFence {
 protected:
  RolloutFence() {
    auto some = std::make_shared<model::RuleSet>(*new_);
    some->events[0].rollout_percent = 40;
    some->events[0].hint_radius_tiles = 0;
    new_ = some;
  }
  bool is_in(std::uint64_t player) { return rollout_.has(new_->events[0], {5, player}); }
  engine::Rollout rollout_;
};

TEST_F(RolloutFence, who_is_out_of_newer_rules_is_told_nothing_of_a_claim_under_way) {
  std::uint64_t out = 1;
  while (is_in(out)) ++out;
  std::uint64_t in = out;
  while (!is_in(in)) ++in;
  announce(0);
  const auto answer = ask(out, [&] {
    EXPECT_TRUE(grants().empty()) << "the lane does not know them yet, and nobody is let in";
    know(timeline_.seq);
  });
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->outcomes[0].outcome, Outcome::nothing);
  EXPECT_TRUE(grants().empty());
  EXPECT_EQ(all.outcome(here, out), Outcome::nothing) << "and he finds nothing from now on";
  EXPECT_EQ(all.outcome(here, in, Wait::terminal), Outcome::granted);
  ASSERT_EQ(grants().size(), 1U);
  EXPECT_EQ(grants()[0].rules, new_->version);
}

TEST_F(RolloutFence, a_win_is_for_ever_also_for_who_is_out_now) {
  std::uint64_t out = 1;
  while (is_in(out)) ++out;
  ASSERT_EQ(all.outcome(here, out, Wait::terminal), Outcome::granted);
  announce(0);
  know(timeline_.seq);
  all.pass(second_ns);
  EXPECT_EQ(all.outcome(here, out, Wait::terminal), Outcome::granted);
  EXPECT_EQ(grants().size(), 1U);
}

TEST_F(RolloutFence, a_stored_position_counts_by_the_rules_in_force_when_it_is_decided) {
  for (std::uint64_t player = 1; player <= 50; ++player) {
    auto kept = all.delivery({here}, player, player);
    if (player == 1) {
      announce(0);
      know(timeline_.seq);
      all.pass(second_ns);
    }
    ASSERT_EQ(all.deliver(std::move(kept)), ports::Settled::ack);
  }
  EXPECT_EQ(all.lanes[0]->stream.replies.size(), 50U);
  for (const auto& grant : grants()) {
    EXPECT_TRUE(is_in(grant.player.low)) << grant.player.low;
  }
  EXPECT_GT(grants().size(), 5U);
  EXPECT_LT(grants().size(), 45U);
}

// Loot that is stepped on, and by newer rules has to be dug up.
class TriggerFence : public RulesFence {
 protected:
  static model::RuleSetPtr dug_up(const model::RuleSetPtr& rules) {
    auto out = std::make_shared<model::RuleSet>(*rules);
    out->events[0].trigger = model::Trigger::dig;
    return out;
  }
};

TEST_F(TriggerFence, a_step_under_way_takes_nothing_that_has_to_be_dug_up_now) {
  new_ = dug_up(new_);
  announce(0);
  const auto answer = ask(1, [&] { know(timeline_.seq); });
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->outcomes[0].outcome, Outcome::nothing);
  EXPECT_TRUE(grants().empty());
}

TEST_F(TriggerFence, a_stored_step_takes_nothing_that_had_to_be_dug_up_when_it_was_accepted) {
  old_ = dug_up(old_);
  know(timeline_.seq);
  auto step = all.delivery({here}, 1, 1);
  auto dig = all.delivery({here}, 2, 2);
  for (auto& position : dig.batch.positions) position.kind = model::Kind::dig;
  all.pass(second_ns);
  announce(0);
  know(timeline_.seq);
  all.pass(5 * second_ns);
  ASSERT_EQ(all.deliver(std::move(step)), ports::Settled::ack);
  EXPECT_TRUE(grants().empty());
  ASSERT_EQ(all.deliver(std::move(dig)), ports::Settled::ack);
  ASSERT_EQ(grants().size(), 1U);
  EXPECT_EQ(grants()[0].rules, old_->version);
}

TEST_F(RulesFence, an_event_that_leaves_a_world_is_as_if_it_were_not_there) {
  auto elsewhere = std::make_shared<model::RuleSet>(*new_);
  elsewhere->events[0].worlds = {std::string("another")};
  new_ = elsewhere;
  announce(0);
  const auto answer = ask(1, [&] { know(timeline_.seq); });
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->outcomes[0].outcome, Outcome::nothing);
  EXPECT_EQ(all.outcome({6, 5}, 1), Outcome::nothing) << "and no hint leads there";
  auto back = std::make_shared<model::RuleSet>(*new_);
  const auto worlds = all.run(all.stores[0]->worlds()).value();
  back->events[0].worlds = {worlds.at(0).name};
  all.lanes[0]->orchestrator->set_rules(model::RuleSetPtr(back));
  EXPECT_EQ(all.outcome(here, 1), Outcome::found) << "by its name, as the store has it";
  EXPECT_EQ(all.outcome({6, 5}, 1), Outcome::hint);
}

}  // namespace
}  // namespace hunt::service
