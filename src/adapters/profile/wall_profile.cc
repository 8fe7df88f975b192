#include "adapters/profile/wall_profile.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <thread>

#include "base/build_id.h"
#include "model/why.h"

namespace hunt::profile {

namespace {

constexpr std::chrono::milliseconds look_every{50};  // whether to stop

// What each stage took of the requests that ended between two looks.
model::Profile stages_between(const model::Stats& before, const model::Stats& now) {
  model::Profile profile;
  profile.kind = model::ProfileKind::wall;
  std::map<std::string, std::uint32_t, std::less<>> names;
  const auto frame = [&](std::string name) {
    const auto [at, is_new] =
        names.emplace(name, static_cast<std::uint32_t>(profile.frames.size()));
    if (is_new) profile.frames.push_back({std::move(name), "", 0});
    return at->second;
  };
  for (const auto& one : now.stages) {
    std::uint64_t sum_ns = one.sum_ns;
    for (const auto& old : before.stages) {
      if (old.timeline == one.timeline && old.stage == one.stage && old.resource == one.resource &&
          old.worked == one.worked)
        sum_ns -= std::min(sum_ns, old.sum_ns);
    }
    const auto sum_us = static_cast<std::int64_t>(sum_ns / 1'000);
    if (sum_us == 0) continue;
    const std::uint32_t root = frame(std::string(name_of(one.timeline)));
    const std::uint32_t stage = frame(std::string(name_of(one.stage)));
    const std::uint32_t who = frame((one.worked ? "work of " : "wait for ") + one.resource);
    profile.stacks.push_back({{root, stage, who}, sum_us});
  }
  return profile;
}

}  // namespace

Result<model::Profile> take_wall_profile(const std::function<model::Stats()>& stats,
                                         std::chrono::nanoseconds length,
                                         const std::stop_token& stop) {
  using std::chrono::steady_clock;
  const model::Stats before = stats();
  if (before.stages.empty())
    return fail(Errc::unsupported, "this process answers no positions: it has no stages");
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const auto begun = steady_clock::now();
  while (!stop.stop_requested() && steady_clock::now() - begun < length)
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(
        look_every, std::max(length - (steady_clock::now() - begun), std::chrono::nanoseconds(1))));
  model::Profile profile = stages_between(before, stats());
  profile.began_us = std::chrono::duration_cast<std::chrono::microseconds>(wall).count();
  profile.duration_ns = std::chrono::nanoseconds(steady_clock::now() - begun).count();
  profile.build_id = build_id();
  return profile;
}

}  // namespace hunt::profile
