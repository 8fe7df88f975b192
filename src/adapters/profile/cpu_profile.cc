#include "adapters/profile/cpu_profile.h"

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapters/profile/stack_sampler.h"
#include "adapters/profile/unwinder.h"

namespace hunt::profile {

namespace {

constexpr auto read_every = std::chrono::milliseconds(20);
constexpr std::size_t stacks_max = 20'000;  // of different ones; what comes then counts as lost

// "hunt-lane-0": all of a thread's stacks begin with it.
std::string name_of_thread(pid_t thread) {
  std::ifstream file(fmt::format("/proc/self/task/{}/comm", thread));
  std::string name;
  std::getline(file, name);
  return name.empty() ? "thread" : name;
}

// Adds up equal stacks, and names what is in them.
class Sums {
 public:
  explicit Sums(Unwinder& unwinder) : unwinder_(unwinder) {}

  void add(const StackSample& sample) {
    if (!unwinder_.addresses(sample, addresses_)) ++cut_;
    std::vector<std::uint32_t> frames{thread_frame(sample.thread)};
    for (auto at = addresses_.rbegin(); at != addresses_.rend(); ++at)
      frames.push_back(code_frame(*at));
    if (stacks_.size() >= stacks_max && !stacks_.contains(frames)) {
      ++lost_;
      return;
    }
    ++stacks_[std::move(frames)];
  }

  [[nodiscard]] model::Profile profile() {
    model::Profile made;
    made.frames = std::move(frames_);
    for (auto& [frames, samples] : stacks_) made.stacks.push_back({frames, samples});
    made.lost = lost_;
    made.cut = cut_;
    return made;
  }

 private:
  std::uint32_t thread_frame(pid_t thread) {
    auto known = threads_.find(thread);
    if (known == threads_.end())
      known = threads_.emplace(thread, frame({name_of_thread(thread), "", 0})).first;
    return known->second;
  }
  std::uint32_t code_frame(std::uint64_t address) {
    auto known = codes_.find(address);
    if (known == codes_.end())
      known = codes_.emplace(address, frame(unwinder_.frame_at(address))).first;
    return known->second;
  }
  // One for all addresses of a function.
  std::uint32_t frame(model::ProfileFrame made) {
    const auto [known, is_new] = names_.emplace(std::pair(made.module, made.name), frames_.size());
    if (is_new) frames_.push_back(std::move(made));
    return static_cast<std::uint32_t>(known->second);
  }

  Unwinder& unwinder_;
  std::vector<std::uint64_t> addresses_;
  std::vector<model::ProfileFrame> frames_;
  std::map<std::pair<std::string, std::string>, std::size_t> names_;
  std::unordered_map<std::uint64_t, std::uint32_t> codes_;
  std::unordered_map<pid_t, std::uint32_t> threads_;
  std::map<std::vector<std::uint32_t>, std::int64_t> stacks_;
  std::uint64_t lost_ = 0;
  std::uint64_t cut_ = 0;
};

}  // namespace

Result<model::Profile> take_cpu_profile(std::chrono::nanoseconds length,
                                        const std::stop_token& stop) {
  using std::chrono::steady_clock;
  HUNT_TRY(unwinder, Unwinder::open());
  HUNT_TRY(sampler, StackSampler::start());
  Sums sums(*unwinder);
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
  profile.build_id = unwinder->build_id();
  return profile;
}

}  // namespace hunt::profile
