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
    known = threads_.emplace(thread, add({name_of_thread(thread), "", 0})).first;
  return known->second;
}

std::uint32_t FrameNames::code(std::uint64_t address) {
  auto known = codes_.find(address);
  if (known == codes_.end())
    known = codes_.emplace(address, add(unwinder_.frame_at(address))).first;
  return known->second;
}

std::uint32_t FrameNames::add(model::ProfileFrame frame) {
  const auto [known, is_new] = names_.emplace(std::pair(frame.module, frame.name), frames_.size());
  if (is_new) frames_.push_back(std::move(frame));
  return static_cast<std::uint32_t>(known->second);
}

}  // namespace hunt::profile
