#include "adapters/profile/frame_names.h"

#include <fmt/format.h>

#include <fstream>

namespace hunt::profile {

namespace {

std::string name_of_thread(pid_t thread) {
  std::ifstream file(fmt::format("/proc/self/task/{}/comm", thread));
  std::string name;
  std::getline(file, name);
  return name.empty() ? "thread" : name;
}

}  // namespace

std::uint32_t FrameNames::thread(pid_t thread) {
  auto known = threads_.find(thread);
  if (known == threads_.end())
    known = threads_.emplace(thread, add({name_of_thread(thread), "", 0}, {})).first;
  return known->second;
}

std::uint32_t FrameNames::code(std::uint64_t address) {
  auto known = codes_.find(address);
  if (known != codes_.end()) return known->second;
  model::ProfileFrame frame = unwinder_.frame_at(address);
  const bool is_apart = can_ask_ && frame.name == name_of_none(frame.module);
  const std::string key = is_apart ? fmt::format("{:x}", address) : frame.name;
  return codes_.emplace(address, add(std::move(frame), key)).first->second;
}

std::uint32_t FrameNames::add(model::ProfileFrame frame, const std::string& key) {
  const auto [known, is_new] = names_.emplace(std::pair(frame.module, key), frames_.size());
  if (is_new) frames_.push_back(std::move(frame));
  return static_cast<std::uint32_t>(known->second);
}

namespace {

// Frames of one name become one, and so do stacks of the same frames.
void add_up(model::Profile& profile) {
  std::map<std::pair<std::string, std::string>, std::uint32_t> known;
  std::vector<model::ProfileFrame> frames;
  std::vector<std::uint32_t> renamed;
  for (auto& frame : profile.frames) {
    const auto [at, is_new] = known.emplace(std::pair(frame.module, frame.name),
                                            static_cast<std::uint32_t>(frames.size()));
    if (is_new) frames.push_back(std::move(frame));
    renamed.push_back(at->second);
  }
  std::map<std::vector<std::uint32_t>, model::ProfileStack> stacks;
  for (const auto& one : profile.stacks) {
    std::vector<std::uint32_t> path;
    for (const std::uint32_t frame : one.frames) path.push_back(renamed[frame]);
    model::ProfileStack& sum = stacks[path];
    sum.frames = std::move(path);
    sum.samples += one.samples;
    sum.heap.allocated_objects += one.heap.allocated_objects;
    sum.heap.allocated_bytes += one.heap.allocated_bytes;
    sum.heap.used_objects += one.heap.used_objects;
  }
  profile.frames = std::move(frames);
  profile.stacks.clear();
  for (auto& [path, stack] : stacks) profile.stacks.push_back(std::move(stack));
}

}  // namespace

void name_by_servers(model::Profile& profile, DebugServers& servers, const std::stop_token& stop) {
  if (servers.none()) return;
  const auto until = std::chrono::steady_clock::now() + DebugServers::wait_max;
  const auto unwinder = Unwinder::open([&servers, until, &stop](const std::string& build_id) {
    return servers.open(build_id, until, stop);
  });
  if (!unwinder) return;  // the one before could; then it stays as it is
  for (auto& frame : profile.frames) {
    if (!frame.module.empty() && frame.name == name_of_none(frame.module))
      frame.name = (*unwinder)->frame_at(frame.address).name;
  }
  add_up(profile);
}

}  // namespace hunt::profile
