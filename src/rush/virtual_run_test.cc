// One lane on virtual time with the reference crowd: the same seed gives the same grants.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/prng.h"
#include "load/crowd.h"
#include "load/demo_world.h"
#include "model/limits.h"
#include "rules/load.h"
#include "service/service_test_support.h"

namespace hunt::rush {
namespace {

using Finds = std::vector<std::pair<model::ClaimId, std::string>>;

// Plays `batches` server ticks at the reference rate and returns the granted (claim, item), sorted.
Finds play(std::uint64_t seed, int batches) {
  service::VirtualLane lane(std::make_shared<model::RuleSet>(rules::builtin_rules()));
  const load::DemoWorld world = load::make_demo_world({.seed = seed, .loot_tiles = 5'000});
  for (std::size_t at = 0; at < world.burials.size(); at += limits::tiles_per_request_max) {
    const auto first = world.burials.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = std::min(world.burials.size() - at, limits::tiles_per_request_max);
    std::vector<model::Burial> part(first, first + static_cast<std::ptrdiff_t>(count));
    EXPECT_TRUE(lane.run(lane.store.bury(1, std::move(part))).has_value());
  }
  load::CrowdOptions options;
  options.seed = seed;
  options.players = 2'000;
  options.attractions = world.centres;
  load::Crowd crowd(std::move(options));
  for (int i = 0; i < batches; ++i) {
    model::Batch batch;
    crowd.next_batch(batch);
    const auto reply = lane.run(lane.bus.ask(std::move(batch), ports::Wait::terminal));
    EXPECT_TRUE(reply.has_value());
    lane.pass(833'333);
  }
  lane.pass(1'000'000'000);
  Finds finds;
  for (const auto& event : lane.told) {
    if (event.outcome == model::Outcome::granted && event.cursor != 0) {
      finds.emplace_back(event.claim, event.reward);
    }
  }
  std::sort(finds.begin(), finds.end());
  return finds;
}

TEST(VirtualRun, the_same_seed_gives_the_same_claims_and_items) {
  const Finds once = play(11, 2'000);
  EXPECT_GT(once.size(), 500U);
  EXPECT_EQ(once, play(11, 2'000));
  EXPECT_NE(once, play(12, 2'000));
}

}  // namespace
}  // namespace hunt::rush
