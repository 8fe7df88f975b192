// What comes from outside and is not true: numbers, clocks and epochs that nobody of the hunt made
// cost no more than freshness within promise B1.
#include <gtest/gtest.h>

#include "model/limits.h"
#include "model/outside.h"
#include "service/cache_clock.h"
#include "service/cluster_test_support.h"

namespace hunt::service {
namespace {

using model::Outcome;
constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t second = 1'000 * ms;
constexpr std::int64_t start_ms = 1'800'000'000'000;

ClusterShape two_lanes() {
  ClusterShape shape;
  shape.lanes = 2;
  shape.cache = true;
  return shape;
}

std::uint64_t distrusted_copies(VirtualCluster& all, std::size_t lane) {
  all.pass(200 * ms);  // figures are handed over ten times a second
  return all.lanes[lane]->observer.stats().distrusted_copies;
}

TEST(CacheClock, doubts_what_may_be_of_before_a_step_back) {
  CacheClock clock;
  clock.saw(start_ms, 0, 2 * ms);
  EXPECT_FALSE(clock.doubts(start_ms + 30'000));
  clock.saw(start_ms + 10'000, 10 * second, 10 * second + 2 * ms);
  EXPECT_FALSE(clock.doubts(start_ms + 40'000));
  // Ten seconds back.
  clock.saw(start_ms + 1'000, 11 * second, 11 * second + 2 * ms);
  EXPECT_TRUE(clock.doubts(start_ms + 1'500)) << "it was over";
  EXPECT_TRUE(clock.doubts(start_ms + 41'000)) << "the last that was filled before";
  EXPECT_FALSE(clock.doubts(start_ms + 43'000)) << "filled after";
}

TEST(CacheClock, new_copies_count_at_once_after_a_large_step_back) {
  CacheClock clock;
  clock.saw(start_ms, 0, 2 * ms);
  const std::int64_t now_ms = start_ms - 3'600'000;
  clock.saw(now_ms, 1 * second, 1 * second + 2 * ms);
  EXPECT_FALSE(clock.doubts(now_ms + 30'000));
  EXPECT_TRUE(clock.doubts(start_ms - 30'000));
  EXPECT_TRUE(clock.doubts(start_ms + 30'000));
}

TEST(CacheClock, takes_drift_slow_calls_and_steps_forward_for_what_they_are) {
  CacheClock clock;
  std::int64_t ns = 0;
  for (std::int64_t i = 0; i < 1'000; ++i) {
    ns += 300 * ms;
    const std::int64_t slow_ns = i % 7 == 0 ? 50 * ms : ms;
    const std::int64_t cache_ms = start_ms + ns / ms - ns / ms / 2'000;  // 500 ppm slow
    clock.saw(cache_ms, ns - slow_ns, ns + slow_ns);
    ASSERT_FALSE(clock.doubts(cache_ms + 30'000)) << i;
  }
  const std::int64_t ahead_ms = start_ms + ns / ms + 60'000;
  clock.saw(ahead_ms, ns, ns + ms);
  EXPECT_FALSE(clock.doubts(ahead_ms + 30'000));
  clock.saw(ahead_ms - 60'000, ns + ms, ns + 2 * ms);  // and right again
  EXPECT_TRUE(clock.doubts(ahead_ms - 60'000 + 30'000));
}

// The other lane sees the change late: nobody tells it, and the cache's clock has gone back.
TEST(Distrust, a_cache_whose_clock_steps_costs_freshness_within_the_promise) {
  for (const std::int64_t step_ms : {-5'000, -20'000, -29'000, -3'600'000, 20'000, 3'600'000}) {
    VirtualCluster all(two_lanes(), test_rules());
    EXPECT_EQ(all.outcome({2, 2}, 1), Outcome::nothing);
    EXPECT_EQ(all.outcome({2, 2}, 1, ports::Wait::no, 1), Outcome::nothing);
    all.run(all.relays[0]->drain());  // no relay tells what comes
    all.bury({2, 2}, 5);
    const std::int64_t buried_ns = all.time.now_ns();
    all.pass(18 * second);
    all.cache.clock_error_ms = step_ms;
    std::int64_t late_ns = 0;
    while (all.outcome({2, 2}, 2, ports::Wait::no, 1) != Outcome::found && late_ns < 90 * second) {
      all.pass(100 * ms);
      late_ns = all.time.now_ns() - buried_ns;
    }
    EXPECT_LE(late_ns, limits::chunk_life_ns + 100 * ms) << step_ms << " ms";
  }
}

TEST(Distrust, a_copy_that_ends_in_an_hour_is_not_served) {
  VirtualCluster all(two_lanes(), test_rules());
  all.bury({2, 2}, 5);
  all.cache.forge = [](ports::CachedChunk& chunk) {
    chunk.complete = true;
    chunk.rows.rows.clear();
    chunk.life_ns = 3'600 * second;
  };
  EXPECT_EQ(all.outcome({2, 2}, 1), Outcome::found);
  EXPECT_GT(distrusted_copies(all, 0), 0U);
  all.cache.forge = [](ports::CachedChunk& chunk) {
    chunk.complete = true;
    chunk.rows.rows.clear();
    chunk.life_ns = INT64_MAX;
    chunk.cache_ms = INT64_MAX;
  };
  all.bury({3'202, 2}, 5);
  EXPECT_EQ(all.outcome({3'202, 2}, 1), Outcome::found);
}

TEST(Distrust, a_copy_of_an_epoch_that_no_store_has_makes_nobody_busy) {
  VirtualCluster all(two_lanes(), test_rules());
  all.bury({2, 2}, 5);
  all.cache.forge = [](ports::CachedChunk& chunk) {
    chunk.complete = true;
    chunk.rows.epoch = limits::epoch_max;
    chunk.rows.rows.clear();
    chunk.life_ns = 20 * second;
  };
  EXPECT_EQ(all.outcome({2, 2}, 1), Outcome::found);
  EXPECT_GT(distrusted_copies(all, 0), 0U);
  all.cache.forge = nullptr;
  all.pass(40 * second);
  EXPECT_EQ(all.outcome({2, 2}, 2), Outcome::found);
}

TEST(Distrust, an_epoch_that_jumps_is_not_followed_before_the_store_says_so) {
  VirtualCluster all(two_lanes(), test_rules());
  all.bury({2, 2}, 5);
  EXPECT_EQ(all.outcome({2, 2}, 1), Outcome::found);
  const auto loads = all.stores[0]->calls(sim::Call::load_chunks);
  const auto asked = all.stores[0]->calls(sim::Call::other);
  model::Invalidation forged;
  forged.relay = 666;
  forged.epoch = limits::epoch_max;
  forged.seq = 1;
  model::TileChange gone;
  gone.world = 1;
  gone.row.tile = model::tile_id_of({2, 2});
  gone.row.version = 77;
  gone.epoch = limits::epoch_max;
  forged.tiles.push_back(gone);
  for (int i = 0; i < 100; ++i) {
    ++forged.seq;
    all.relay_buses[0]->publish(forged);
    all.pass(20 * ms);
    const auto outcome = all.outcome({2, 2}, 2);
    ASSERT_TRUE(outcome == Outcome::found || outcome == Outcome::granted) << i;
  }
  EXPECT_EQ(all.stores[0]->calls(sim::Call::load_chunks), loads) << "nothing was void";
  EXPECT_GE(all.lanes[0]->observer.stats().distrusted_messages, 99U);
  EXPECT_LE(all.stores[0]->calls(sim::Call::other) - asked, 40U)
      << "two lanes ask at a limited rate";
  all.pass(60 * second);
  EXPECT_EQ(all.outcome({2, 2}, 3), Outcome::found);
}

}  // namespace
}  // namespace hunt::service
