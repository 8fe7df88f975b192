// Unwinder: the functions of a sampled stack, by name.
//
// Our own code keeps frame pointers and is followed by them, which costs next to nothing. Libraries
// do not: from the innermost function on, the way is read from .eh_frame by elfutils' libdw, until
// a caller of ours is reached. Names come from the symbols of each file, or from its separate debug
// file, found beside it or by build id below /usr/lib/debug. Not for a signal handler. The
// program's own file is read as it was when it was started, also where another one lies in its
// place by now. Thread: one.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "adapters/profile/stack_sampler.h"
#include "base/result.h"
#include "model/profile.h"

namespace hunt::profile {

// A debug file by its build id, open for reading; -1: there is none.
using FindDebugFile = std::function<int(const std::string& build_id)>;

// What stands for a function without a name: "[libpq.so.5]".
[[nodiscard]] std::string name_of_none(const std::string& module);

class Unwinder {
 public:
  static constexpr std::size_t frames_max = 128;

  // Reads which files this process has mapped. `elsewhere` is asked for a debug file that this
  // machine does not have. Error: unsupported.
  [[nodiscard]] static Result<std::unique_ptr<Unwinder>> open(FindDebugFile elsewhere = {});
  ~Unwinder();
  Unwinder(const Unwinder&) = delete;
  Unwinder& operator=(const Unwinder&) = delete;

  // Addresses of code, leaf first, at least one. False: the end of the stack is missing.
  [[nodiscard]] bool addresses(const StackSample& sample, std::vector<std::uint64_t>& out);
  [[nodiscard]] model::ProfileFrame frame_at(std::uint64_t address);
  // The program's file, as in ProfileFrame::module.
  [[nodiscard]] std::string program();

 private:
  struct Parts;
  explicit Unwinder(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace hunt::profile
