// FrameNames: the functions of a profile, each once, by the addresses that were seen in it.
//
// Where debug servers could name what has no name here, its addresses stay apart until they were
// asked: never while samples are taken, which would be lost meanwhile.
// Thread: one.
#pragma once
#include <sys/types.h>
#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapters/profile/debug_servers.h"
#include "adapters/profile/unwinder.h"
#include "model/profile.h"

namespace hunt::profile {

class FrameNames {
 public:
  FrameNames(Unwinder& unwinder, const DebugServers& servers)
      : unwinder_(unwinder), can_ask_(!servers.none()) {}
  // Indexes of what take() gives. A thread is "lane-0": all of its stacks begin with it.
  [[nodiscard]] std::uint32_t thread(pid_t thread);
  [[nodiscard]] std::uint32_t code(std::uint64_t address);
  [[nodiscard]] std::vector<model::ProfileFrame> take() { return std::move(frames_); }

 private:
  std::uint32_t add(model::ProfileFrame frame, const std::string& key);

  Unwinder& unwinder_;
  const bool can_ask_;
  std::vector<model::ProfileFrame> frames_;
  std::map<std::pair<std::string, std::string>, std::size_t> names_;  // by file and key
  std::unordered_map<std::uint64_t, std::uint32_t> codes_;
  std::unordered_map<pid_t, std::uint32_t> threads_;
};

// Names what has no name on this machine, and adds up what is equal then. Takes as long as the
// servers may (debug_servers.h), and no time where there are none.
void name_by_servers(model::Profile& profile, DebugServers& servers, const std::stop_token& stop);

}  // namespace hunt::profile
