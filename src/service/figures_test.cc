// What a lane counts and times, as the Observer shows it: what operators build alerts on.
#include <gtest/gtest.h>

#include <algorithm>

#include "model/limits.h"
#include "service/service_test_support.h"

namespace hunt::service {
namespace {

using model::Outcome;

class Figures : public ::testing::Test {
 protected:
  void bury(model::Tile tile) {
    model::Burial burial;
    burial.tile = tile;
    burial.table = "loot";
    burial.budget = 5;
    ASSERT_TRUE(lane.run(lane.store.bury(1, {burial})).has_value());
  }
  static model::Batch batch(model::Tile tile, model::Kind kind = model::Kind::step) {
    model::Batch out;
    out.positions.push_back({{5, 1}, tile, kind, 0, 0});
    return out;
  }
  Result<model::BatchReply> ask(model::Batch what, ports::Wait wait = ports::Wait::no) {
    return lane.run(lane.orchestrator->handle(std::move(what), wait));
  }
  model::Stats stats() {
    lane.pass(1'000'000'000);
    return lane.observer.stats();
  }
  const model::StageUse& bound(const model::Stats& all, model::Stage stage) {
    for (const auto& one : all.bounds) {
      if (one.stage == stage) return one;
    }
    ADD_FAILURE() << "no bound at " << model::name_of(stage);
    return all.bounds.at(0);
  }

  VirtualLane lane{one_item_rules()};
};

// The queue was held for 3.5 s: the client waited as long, whatever became of its positions.
TEST_F(Figures, an_answer_is_timed_from_its_arrival_however_it_waited) {
  ASSERT_TRUE(ask(batch({0, 0})).has_value());
  const auto before = stats().since_start.answer;
  for (const auto kind : {model::Kind::step, model::Kind::dig}) {
    auto old = batch({0, 0}, kind);
    old.received_ns = lane.time.now_ns() - 3'500'000'000;
    old.front_ns = 20'000'000;
    old.bus_way_ns = 1'000'000;
    const auto reply = ask(std::move(old));
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->outcomes[0].outcome == Outcome::busy, kind == model::Kind::step);
  }
  const auto after = stats();
  EXPECT_EQ(after.since_start.answer.count - before.count, 2U) << "what is shed is answered, too";
  EXPECT_EQ(after.since_start.answer.sum_ns - before.sum_ns, 2 * 3'521'000'000);
  EXPECT_EQ(after.lately.answer.max_ns, 3'521'000'000);
  EXPECT_EQ(after.batches, 3U);
  EXPECT_EQ(after.shed, 1U);
  // The same time that `hunt why` has.
  EXPECT_EQ(lane.observer.why().answers_tail_ns, after.since_start.answer.sum_ns / 3);
}

TEST_F(Figures, what_was_stored_is_timed_from_when_nats_took_it) {
  auto stored = batch({0, 0});
  stored.as_of_us = lane.time.wall_us();
  stored.bus_wait_ns = 9'000'000'000;
  ASSERT_TRUE(ask(std::move(stored), ports::Wait::terminal).has_value());
  EXPECT_GE(stats().since_start.answer.sum_ns, 9'000'000'000);
}

// The lane stood still for a second, and what came before that waited so long in NATS.
TEST_F(Figures, what_was_stored_while_the_lane_stood_still_waited_once) {
  lane.pass(20'000'000'000);
  auto stored = batch({0, 0});
  stored.as_of_us = lane.time.wall_us();
  stored.bus_wait_ns = 1'200'000'000;
  stored.bus_way_ns = 1'000'000;
  lane.time.advance_to(lane.time.now_ns() + 1'000'000'000);
  ASSERT_TRUE(ask(std::move(stored), ports::Wait::terminal).has_value());
  const model::Stats all = stats();
  EXPECT_GE(all.lately.answer.max_ns, 1'201'000'000);
  EXPECT_LT(all.lately.answer.max_ns, 1'400'000'000);
  const model::Why why = lane.observer.why();
  const auto queue = std::find_if(why.stages.begin(), why.stages.end(),
                                  [](const auto& one) { return one.stage == model::Stage::queue; });
  EXPECT_NEAR(static_cast<double>(queue->waited_p99_ns), 1e9, 1e8) << why.verdict;
}

TEST_F(Figures, refused_batches_are_counted_by_what_can_be_done) {
  auto large = batch({0, 0});
  large.positions.resize(limits::batch_positions_max + 1);
  EXPECT_FALSE(ask(std::move(large)).has_value());
  auto nowhere = batch({0, 0});
  nowhere.world = 42;
  EXPECT_FALSE(ask(std::move(nowhere)).has_value());
  auto late = batch({0, 0});
  late.received_ns = lane.time.now_ns() - limits::answer_deadline_ns;
  EXPECT_FALSE(ask(std::move(late)).has_value());
  ASSERT_TRUE(ask(batch({0, 0})).has_value());
  lane.store.inject({sim::Call::load_chunks, Errc::unavailable});
  EXPECT_FALSE(ask(batch({500, 500})).has_value());
  const auto all = stats();
  EXPECT_EQ(all.refused_too_large, 1U);
  EXPECT_EQ(all.refused_no_world, 1U);
  EXPECT_EQ(all.refused_late, 1U);
  EXPECT_EQ(all.refused_store, 1U);
  EXPECT_EQ(all.refused_full + all.refused_moved, 0U);
  EXPECT_EQ(all.batches, 1U) << "answered";
}

TEST_F(Figures, a_claim_is_timed_until_it_is_terminal_and_leaves_an_example) {
  bury({3, 3});
  lane.store.set_gate_open(sim::Call::grant_claims, false);
  const auto found = ask(batch({3, 3}));
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ(found->outcomes[0].outcome, Outcome::found);
  lane.pass(2'000'000'000);
  EXPECT_EQ(stats().since_start.claim.count, 0U) << "it is not decided";
  lane.store.set_gate_open(sim::Call::grant_claims, true);
  const auto all = stats();
  EXPECT_EQ(all.since_start.claim.count, 1U);
  EXPECT_GE(all.since_start.claim.sum_ns, 3'000'000'000);
  const auto& newest = all.buckets.claim.examples.newest;
  const auto at = model::LatencyEdges::index_of(all.since_start.claim.sum_ns);
  EXPECT_EQ(newest[at].claim, found->claims[0].claim);
  EXPECT_EQ(newest[at].value_ns, all.since_start.claim.sum_ns);
  EXPECT_GT(newest[at].at_us, 0);
  // The time of claims is apart from that of batches.
  std::uint64_t claims = 0;
  for (const auto& one : all.stages) {
    if (one.stage != model::Stage::store_grant || one.worked) continue;
    if (one.timeline == model::TimelineOf::claim) claims += one.count;
    if (one.timeline == model::TimelineOf::answer) {
      EXPECT_EQ(one.count, 0U) << "nobody waited";
    }
  }
  EXPECT_EQ(claims, 1U);
}

// The relay's barrier hangs for two seconds: that is how long a player waits who was not told.
TEST_F(Figures, the_tail_of_claims_begins_with_the_batch_and_ends_when_they_are_told) {
  bury({3, 3});
  lane.bus.on_claims([this](const auto& events) { lane.observer.on_finds(events); });
  ASSERT_TRUE(ask(batch({3, 3})).has_value());
  lane.pass(20'000'000'000);  // told, and out of the sample by now
  lane.store.set_gate_open(sim::Call::secure, false);
  auto late = batch({3, 3});
  late.positions[0].player = {5, 2};
  late.received_ns = lane.time.now_ns() - 8'000'000;
  ASSERT_TRUE(ask(std::move(late)).has_value());
  lane.pass(2'000'000'000);
  const model::Why waits = lane.observer.why();
  EXPECT_GE(waits.claims_tail_ns, 2'008'000'000);
  EXPECT_NE(waits.verdict.find("after the verdict"), std::string::npos) << waits.verdict;
  lane.store.set_gate_open(sim::Call::secure, true);
  lane.pass(1'100'000'000);
  const std::int64_t told_ns = lane.observer.why().claims_tail_ns;
  EXPECT_GE(told_ns, 2'008'000'000);
  lane.pass(1'000'000'000);
  EXPECT_EQ(lane.observer.why().claims_tail_ns, told_ns) << "it is over";
  // Who waits for the verdict itself is told with it.
  lane.pass(20'000'000'000);
  lane.store.set_gate_open(sim::Call::secure, false);
  auto asked = batch({3, 3});
  asked.positions[0].player = {5, 3};
  ASSERT_TRUE(ask(std::move(asked), ports::Wait::terminal).has_value());
  lane.pass(2'000'000'000);
  EXPECT_LT(lane.observer.why().claims_tail_ns, 100'000'000);
  lane.store.set_gate_open(sim::Call::secure, true);
  // Who stored it hears of it on the bus, as all others do.
  lane.pass(20'000'000'000);
  lane.store.set_gate_open(sim::Call::secure, false);
  auto stored = batch({3, 3});
  stored.positions[0].player = {5, 4};
  stored.as_of_us = lane.time.wall_us();
  ASSERT_TRUE(ask(std::move(stored), ports::Wait::terminal).has_value());
  lane.pass(2'000'000'000);
  EXPECT_GE(lane.observer.why().claims_tail_ns, 1'900'000'000);
  EXPECT_LT(lane.observer.why().answers_tail_ns, 100'000'000);
  lane.store.set_gate_open(sim::Call::secure, true);
}

TEST_F(Figures, who_was_refused_after_a_wait_has_waited) {
  lane.store.set_gate_open(sim::Call::load_chunks, false);
  EXPECT_FALSE(ask(batch({3, 3})).has_value());
  lane.store.set_gate_open(sim::Call::load_chunks, true);
  lane.pass(1'500'000'000);
  const model::Why why = lane.observer.why();
  EXPECT_GE(why.answers_tail_ns, limits::answer_deadline_ns - 100'000'000);
}

TEST_F(Figures, bounds_are_counted_where_they_are_enforced) {
  bury({3, 3});
  ASSERT_TRUE(ask(batch({3, 3})).has_value());
  lane.pass(1'000'000'000);  // its claim is decided
  lane.store.set_gate_open(sim::Call::grant_claims, false);
  auto other = batch({3, 3});
  other.positions[0].player = {5, 2};
  ASSERT_TRUE(ask(std::move(other)).has_value());
  lane.pass(20'000'000'000);
  auto all = stats();
  EXPECT_EQ(bound(all, model::Stage::store_grant).inflight, 1U);
  EXPECT_EQ(bound(all, model::Stage::store_grant).limit, limits::claim_calls_inflight_max);
  EXPECT_NEAR(bound(all, model::Stage::store_grant).used, 1.0 / limits::claim_calls_inflight_max,
              0.001);
  EXPECT_EQ(bound(all, model::Stage::claim_wait).inflight, 1U);
  EXPECT_EQ(bound(all, model::Stage::claim_wait).limit, limits::claims_waiting_max);
  EXPECT_EQ(bound(all, model::Stage::store_load).inflight, 0U);
  EXPECT_EQ(bound(all, model::Stage::queue).inflight, 0U) << "no batch waits for it";
  lane.store.set_gate_open(sim::Call::grant_claims, true);
  lane.pass(20'000'000'000);
  all = stats();
  EXPECT_EQ(bound(all, model::Stage::store_grant).inflight, 0U);
  EXPECT_EQ(bound(all, model::Stage::claim_wait).inflight, 0U);
  EXPECT_EQ(bound(all, model::Stage::store_grant).used, 0);
  EXPECT_GT(bound(all, model::Stage::store_grant).inflight_ns, 20'000'000'000);
}

}  // namespace
}  // namespace hunt::service
