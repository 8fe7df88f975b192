// FrameNames: the functions of a profile, each once, by the addresses that were seen in it.
//
// Thread: one.
#pragma once
#include <sys/types.h>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapters/profile/unwinder.h"
#include "model/profile.h"

namespace hunt::profile {

class FrameNames {
 public:
  explicit FrameNames(Unwinder& unwinder) : unwinder_(unwinder) {}
  // Indexes of what take() gives. A thread is "lane-0": all of its stacks begin with it.
  [[nodiscard]] std::uint32_t thread(pid_t thread);
  [[nodiscard]] std::uint32_t code(std::uint64_t address);
  [[nodiscard]] std::vector<model::ProfileFrame> take() { return std::move(frames_); }

 private:
  std::uint32_t add(model::ProfileFrame frame);

  Unwinder& unwinder_;
  std::vector<model::ProfileFrame> frames_;
  std::map<std::pair<std::string, std::string>, std::size_t> names_;  // by file and name
  std::unordered_map<std::uint64_t, std::uint32_t> codes_;
  std::unordered_map<pid_t, std::uint32_t> threads_;
};

}  // namespace hunt::profile
