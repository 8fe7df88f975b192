#include "adapters/profile/heap_profile.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include "adapters/profile/frame_names.h"
#include "adapters/profile/heap_sampler.h"
#include "adapters/profile/unwinder.h"
#include "base/build_id.h"

namespace hunt::profile {

Result<model::Profile> take_heap_profile(const std::stop_token& stop) {
  if (!heap_is_sampled()) {
    return fail(Errc::unsupported,
                "allocations are not sampled here: `hunt serve`, `up` and `relay` do it, unless "
                "they run with --no-heap-profile or were built with a sanitizer");
  }
  HUNT_TRY(unwinder, Unwinder::open());
  FrameNames names(*unwinder, debug_servers());
  std::map<std::vector<std::uint32_t>, model::ProfileStack> stacks;
  each_heap_site([&](const HeapSite& site) {
    std::vector<std::uint32_t> frames;
    for (auto at = site.addresses.rbegin(); at != site.addresses.rend(); ++at)
      frames.push_back(names.code(*at));
    model::ProfileStack& stack = stacks[frames];  // several calls of one function are one
    stack.samples += site.used_bytes;
    stack.heap.allocated_objects += site.allocated_objects;
    stack.heap.allocated_bytes += site.allocated_bytes;
    stack.heap.used_objects += site.used_objects;
    stack.frames = std::move(frames);
  });
  model::Profile profile;
  profile.kind = model::ProfileKind::heap;
  for (auto& [frames, stack] : stacks) profile.stacks.push_back(std::move(stack));
  profile.frames = names.take();
  profile.period_ns = 0;
  name_by_servers(profile, debug_servers(), stop);
  profile.lost = heap_samples_lost();
  profile.began_us = std::chrono::duration_cast<std::chrono::microseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
  profile.build_id = build_id();
  profile.program = unwinder->program();
  return profile;
}

}  // namespace hunt::profile
