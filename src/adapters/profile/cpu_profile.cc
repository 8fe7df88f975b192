#include "adapters/profile/cpu_profile.h"

#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/profile/frame_names.h"
#include "adapters/profile/stack_sampler.h"
#include "adapters/profile/unwinder.h"
#include "base/build_id.h"

namespace hunt::profile {

namespace {

constexpr auto read_every = std::chrono::milliseconds(20);
constexpr std::size_t stacks_max = 20'000;  // of different ones; what comes then counts as lost

// Adds up equal stacks, and names what is in them.
class Sums {
 public:
  Sums(Unwinder& unwinder, const DebugServers& servers)
      : unwinder_(unwinder), names_(unwinder, servers) {}

  void add(const StackSample& sample) {
    if (!unwinder_.addresses(sample, addresses_)) ++cut_;
    std::vector<std::uint32_t> frames{names_.thread(sample.thread)};
    for (auto at = addresses_.rbegin(); at != addresses_.rend(); ++at)
      frames.push_back(names_.code(*at));
    if (stacks_.size() >= stacks_max && !stacks_.contains(frames)) {
      ++lost_;
      return;
    }
    ++stacks_[std::move(frames)];
  }

  [[nodiscard]] model::Profile profile() {
    model::Profile made;
    made.frames = names_.take();
    for (auto& [frames, samples] : stacks_) made.stacks.push_back({frames, samples});
    made.lost = lost_;
    made.cut = cut_;
    return made;
  }

 private:
  Unwinder& unwinder_;
  std::vector<std::uint64_t> addresses_;
  FrameNames names_;
  std::map<std::vector<std::uint32_t>, std::int64_t> stacks_;
  std::uint64_t lost_ = 0;
  std::uint64_t cut_ = 0;
};

}  // namespace

Result<model::Profile> take_cpu_profile(std::chrono::nanoseconds length,
                                        const std::stop_token& stop, DebugServers& servers) {
  using std::chrono::steady_clock;
  HUNT_TRY(unwinder, Unwinder::open());
  HUNT_TRY(sampler, StackSampler::start());
  Sums sums(*unwinder, servers);
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const auto begun = steady_clock::now();
  const auto read = [&] { sampler->read([&sums](const StackSample& one) { sums.add(one); }); };
  while (!stop.stop_requested() && steady_clock::now() - begun < length) {
    std::this_thread::sleep_for(read_every);
    read();
  }
  read();
  model::Profile profile = sums.profile();
  profile.began_us = std::chrono::duration_cast<std::chrono::microseconds>(wall).count();
  profile.duration_ns = std::chrono::nanoseconds(steady_clock::now() - begun).count();
  profile.period_ns = model::profile_period_ns;
  profile.lost += sampler->lost();
  sampler.reset();
  name_by_servers(profile, servers, stop);
  profile.build_id = build_id();
  profile.program = unwinder->program();
  return profile;
}

}  // namespace hunt::profile
