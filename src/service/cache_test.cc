// What lanes, the shared cache and relays do together: one read per chunk, never the past.
#include <gtest/gtest.h>

#include "model/limits.h"
#include "service/cluster_test_support.h"

namespace hunt::service {
namespace {

using model::Outcome;
constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t second = 1'000 * ms;

ClusterShape two_lanes() {
  ClusterShape shape;
  shape.lanes = 2;
  shape.cache = true;
  return shape;
}

// Counts the answers to asks that run at the same time.
struct Tally {
  std::size_t answered = 0;
  std::size_t failed = 0;
  void start(VirtualCluster& all, std::size_t lane, model::Tile tile, std::uint64_t player) {
    boost::asio::co_spawn(
        all.loop,
        all.lanes[lane]->orchestrator->handle(VirtualCluster::batch({tile}, player),
                                              ports::Wait::no),
        [this](const std::exception_ptr&, const Result<model::BatchReply>& reply) {
          const bool good = reply && reply->outcomes[0].outcome != Outcome::busy;
          ++(good ? answered : failed);
        });
  }
};

TEST(Cache, a_thousand_misses_on_two_lanes_cost_one_read_of_the_store) {
  VirtualCluster all(two_lanes(), test_rules());
  all.stores[0]->set_gate_open(sim::Call::load_chunks, false);
  Tally tally;
  for (std::uint64_t i = 0; i < 1'000; ++i) tally.start(all, i % 2, {2, 2}, i);
  all.pass(200 * ms);
  EXPECT_EQ(tally.answered, 0U);
  all.stores[0]->set_gate_open(sim::Call::load_chunks, true);
  all.pass(1 * second);
  EXPECT_EQ(tally.answered, 1'000U);
  EXPECT_EQ(all.stores[0]->calls(sim::Call::load_chunks), 1U);
}

TEST(Cache, a_slow_fill_cannot_bring_back_the_past) {
  VirtualCluster all(two_lanes(), test_rules());
  all.stores[0]->set_load_answer_delay_ns(200 * ms);
  Tally tally;
  tally.start(all, 0, {3, 3}, 1);
  all.pass(50 * ms);  // the store was read, the answer is on its way
  all.bury({3, 3}, 5);
  all.pass(2 * second);
  ASSERT_EQ(tally.answered, 1U);
  EXPECT_EQ(all.outcome({3, 3}, 2), Outcome::found);
  EXPECT_EQ(all.outcome({3, 3}, 3, ports::Wait::no, 1), Outcome::found) << "from the cache";
  EXPECT_EQ(all.stores[0]->calls(sim::Call::load_chunks), 1U);
}

TEST(Cache, a_dead_cache_means_direct_reads_few_at_a_time) {
  VirtualCluster all(two_lanes(), test_rules());
  all.cache.dead = true;
  all.stores[0]->set_gate_open(sim::Call::load_chunks, false);
  Tally tally;
  for (std::int32_t i = 0; i < 40; ++i) {
    tally.start(all, 0, {i * 320, 0}, 1);
    tally.start(all, 0, {i * 320, 0}, 2);
  }
  all.pass(500 * ms);
  EXPECT_EQ(all.stores[0]->calls(sim::Call::load_chunks), limits::store_reads_inflight_max);
  all.stores[0]->set_gate_open(sim::Call::load_chunks, true);
  all.pass(1 * second);
  EXPECT_EQ(tally.answered, 80U);
  EXPECT_EQ(all.stores[0]->calls(sim::Call::load_chunks), 40U) << "single flight holds";
  all.cache.dead = false;
  all.pass(1 * second);
  EXPECT_EQ(all.outcome({64'000, 0}, 1), Outcome::nothing);
  EXPECT_EQ(all.outcome({64'000, 0}, 1, ports::Wait::no, 1), Outcome::nothing);
  EXPECT_EQ(all.stores[0]->calls(sim::Call::load_chunks), 41U) << "and the cache is used again";
}

TEST(Cache, a_flush_costs_one_read_per_chunk_and_the_store_limit_holds) {
  VirtualCluster all(two_lanes(), test_rules());
  constexpr std::int32_t areas = 30;
  const auto everywhere = [&] {
    Tally tally;
    for (std::int32_t i = 0; i < areas; ++i) {
      for (std::size_t lane = 0; lane < 2; ++lane) tally.start(all, lane, {i * 320, 0}, 1);
    }
    all.pass(2 * second);
    EXPECT_EQ(tally.answered, 2U * areas);
    EXPECT_EQ(tally.failed, 0U);
  };
  everywhere();
  EXPECT_EQ(all.stores[0]->calls(sim::Call::load_chunks), std::uint64_t{areas});
  all.cache.node.flush();
  all.pass(35 * second);
  everywhere();
  EXPECT_LE(all.stores[0]->calls(sim::Call::load_chunks), std::uint64_t{2 * areas});
}

TEST(Cache, copies_are_refreshed_ahead_so_that_nobody_waits) {
  VirtualCluster all(two_lanes(), test_rules());
  const auto misses = [&] {
    all.pass(150 * ms);
    return all.lanes[0]->observer.stats().l1_misses + all.lanes[1]->observer.stats().l1_misses;
  };
  EXPECT_EQ(all.outcome({3, 3}, 1), Outcome::nothing);
  EXPECT_EQ(all.outcome({3, 3}, 1, ports::Wait::no, 1), Outcome::nothing);
  const auto warm = misses();
  for (int i = 0; i < 240; ++i) {
    all.pass(500 * ms);
    EXPECT_EQ(all.outcome({3, 3}, 1, ports::Wait::no, static_cast<std::size_t>(i % 2)),
              Outcome::nothing);
  }
  EXPECT_EQ(misses(), warm);
  std::uint64_t loaded = 0;
  for (const auto& lane : all.lanes) loaded += lane->observer.stats().chunks_loaded;
  EXPECT_LE(loaded, 9U * 9U) << "nine chunks in two minutes, for both lanes together";
}

// A lane has seen a chunk of an epoch that nobody announced; the cache has one of before. Found by
// the simulator.
TEST(Cache, a_copy_of_an_earlier_epoch_than_the_one_in_memory_is_read_anew_regression_busy) {
  VirtualCluster all(two_lanes(), test_rules());
  EXPECT_EQ(all.outcome({3, 3}, 1), Outcome::nothing);
  all.pass(100 * ms);  // it is filled behind the answer
  const auto key = model::chunk_of(1, model::tile_id_of({3, 3}));
  const auto old = all.cache.node.read({key, 0}, 0, all.time.wall_us() / 1'000);
  ASSERT_TRUE(old.complete);
  all.cache.node.flush();
  ASSERT_TRUE(all.run(all.stores[0]->repair()).has_value());
  EXPECT_EQ(all.outcome({3, 3}, 1, ports::Wait::no, 1), Outcome::nothing) << "of the new epoch";
  all.pass(20 * second);
  all.cache.node.flush();
  const std::int64_t now_ms = all.time.wall_us() / 1'000;
  all.cache.node.fill({old.rows, now_ms + 29'000}, now_ms);
  all.pass(11 * second);
  EXPECT_EQ(all.outcome({3, 3}, 2, ports::Wait::no, 1), Outcome::nothing);
}

TEST(Cache, nothing_is_served_past_thirty_seconds_when_all_else_fails) {
  VirtualCluster all(two_lanes(), test_rules());
  all.bury({3, 3}, 5);
  EXPECT_EQ(all.outcome({4, 4}, 1), Outcome::hint);
  all.cache.dead = true;
  all.stores[0]->set_gate_open(sim::Call::load_chunks, false);
  all.pass(500 * ms);
  EXPECT_EQ(all.outcome({4, 4}, 1), Outcome::hint) << "from memory";
  all.pass(limits::chunk_life_ns);
  EXPECT_FALSE(all.ask({4, 4}, 1).has_value());
  all.stores[0]->set_gate_open(sim::Call::load_chunks, true);
  all.pass(1 * second);
  EXPECT_EQ(all.outcome({4, 4}, 1), Outcome::hint) << "and all is well again";
}

TEST(Coherence, a_gap_shortens_lives_to_a_second_past_the_last_load) {
  VirtualCluster all({}, test_rules());
  EXPECT_EQ(all.outcome({3, 3}, 1), Outcome::nothing);
  all.pass(5 * second);
  EXPECT_EQ(all.outcome({3, 3}, 1), Outcome::nothing);
  EXPECT_EQ(all.stores[0]->calls(sim::Call::load_chunks), 1U);
  model::Invalidation skipped;
  skipped.relay = 100;
  skipped.epoch = 1;
  skipped.seq = 1'000'000;
  all.listener.publish(skipped);
  all.pass(1'200 * ms);
  EXPECT_EQ(all.outcome({3, 3}, 1), Outcome::nothing);
  EXPECT_EQ(all.stores[0]->calls(sim::Call::load_chunks), 2U);
}

TEST(Coherence, a_lost_slot_raises_the_epoch_and_every_copy_goes) {
  VirtualCluster all(two_lanes(), test_rules());
  EXPECT_EQ(all.outcome({3, 3}, 1), Outcome::nothing);
  const auto reads = all.stores[0]->calls(sim::Call::load_chunks);
  all.stores[0]->lose_slot();
  all.bury({3, 3}, 1);  // nobody will be told of it
  all.pass(1 * second);
  EXPECT_EQ(all.run(all.stores[0]->info())->epoch, 2U);
  EXPECT_EQ(all.outcome({3, 3}, 1), Outcome::found);
  EXPECT_EQ(all.outcome({3, 3}, 2, ports::Wait::no, 1), Outcome::sold_out);
  EXPECT_EQ(all.stores[0]->calls(sim::Call::load_chunks), reads + 1);
}

TEST(RelayDuties, a_grant_is_told_after_the_barrier_and_confirmed_after_it_was_told) {
  VirtualCluster all(two_lanes(), test_rules());
  all.bury({3, 3}, 5);
  all.pass(2 * second);
  const auto before = all.stores[0]->confirmed();
  all.stores[0]->set_gate_open(sim::Call::secure, false);
  EXPECT_EQ(all.outcome({3, 3}, 1, ports::Wait::terminal), Outcome::granted);
  all.pass(2 * second);
  EXPECT_TRUE(all.told.empty()) << "a failover could still lose it";
  all.hub.keeps_claims = false;
  all.stores[0]->set_gate_open(sim::Call::secure, true);
  all.pass(2 * second);
  ASSERT_TRUE(all.stores[0]->confirmed().has_value());
  EXPECT_EQ(all.stores[0]->confirmed()->grant, before ? before->grant : 0U);
  all.hub.keeps_claims = true;
  all.pass(3 * second);
  ASSERT_EQ(all.told.size(), 1U);
  EXPECT_EQ(all.stores[0]->confirmed()->grant, 1U);
}

TEST(RelayDuties, changes_are_confirmed_after_the_cache_has_them) {
  VirtualCluster all(two_lanes(), test_rules());
  all.pass(2 * second);
  all.cache.dead = true;
  all.bury({3, 3}, 5);
  all.pass(3 * second);
  EXPECT_EQ(all.stores[0]->confirmed().value_or(model::FeedCursor{}).change, 0U);
  EXPECT_EQ(all.outcome({3, 3}, 1), Outcome::found) << "lanes are told at once all the same";
  all.cache.dead = false;
  all.pass(3 * second);
  EXPECT_EQ(all.stores[0]->confirmed()->change, 1U);
}

TEST(RelayDuties, a_restart_goes_on_where_the_last_one_had_told) {
  VirtualCluster all({}, test_rules());
  all.bury({3, 3}, 5);
  all.pass(2 * second);
  all.hub.keeps_claims = false;
  EXPECT_EQ(all.outcome({3, 3}, 1, ports::Wait::terminal), Outcome::granted);
  all.run(all.relays[0]->drain());  // cannot tell it
  all.hub.keeps_claims = true;
  all.relays[0] = std::make_unique<Relay>(RelayOptions{0, 777}, *all.stores[0], *all.relay_buses[0],
                                          nullptr, all.time, all.time, all.loop.get_executor());
  ASSERT_TRUE(all.run(all.relays[0]->start()).has_value());
  all.pass(1 * second);
  ASSERT_EQ(all.told.size(), 1U);
  EXPECT_EQ(all.told[0].outcome, Outcome::granted);
}

}  // namespace
}  // namespace hunt::service
