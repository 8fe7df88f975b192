// What the stages took of the requests that ended within the time that was watched.
#include "adapters/profile/wall_profile.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace hunt::profile {
namespace {

model::StageSeconds stage(model::TimelineOf timeline, model::Stage which, std::string resource,
                          bool worked, std::uint64_t sum_ns) {
  model::StageSeconds one;
  one.timeline = timeline;
  one.stage = which;
  one.resource = std::move(resource);
  one.worked = worked;
  one.sum_ns = sum_ns;
  return one;
}

TEST(WallProfile, is_what_each_stage_took_since_it_began) {
  using model::Stage;
  using model::TimelineOf;
  model::Stats before;
  before.stages = {stage(TimelineOf::answer, Stage::l1, "lanes", true, 1'000'000),
                   stage(TimelineOf::claim, Stage::store_grant, "shard 0", false, 7'000'000),
                   stage(TimelineOf::claim, Stage::store_grant, "shard 0", true, 2'000'000)};
  model::Stats now = before;
  now.stages[0].sum_ns += 500'000;
  now.stages[1].sum_ns += 9'000'000;
  now.stages.push_back(stage(TimelineOf::claim, Stage::store_grant, "shard 1", false, 3'000'000));
  int looks = 0;
  const auto profile = take_wall_profile([&] { return looks++ == 0 ? before : now; },
                                         std::chrono::milliseconds(10), {});
  ASSERT_TRUE(profile.has_value());
  EXPECT_EQ(profile->kind, model::ProfileKind::wall);
  std::string text;
  for (const auto& stack : profile->stacks) {
    for (const auto frame : stack.frames) text += profile->frames[frame].name + ";";
    text += " " + std::to_string(stack.samples) + "\n";
  }
  EXPECT_EQ(text,
            "answer;l1;work of lanes; 500\n"
            "claim;store_grant;wait for shard 0; 9000\n"
            "claim;store_grant;wait for shard 1; 3000\n");
}

}  // namespace
}  // namespace hunt::profile
