// Profiler: where the CPU, the memory and the requests' time of this process go, asked for now.
//
// Not the figures (monitor.h), which are there all the time: a profile is taken when somebody wants
// one. Thread: the caller's. Implementation: adapters/profile.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <chrono>

#include "base/result.h"
#include "model/profile.h"

namespace hunt::ports {

inline constexpr std::chrono::seconds profile_length_max{60};

class Profiler {
 public:
  virtual ~Profiler() = default;
  // Requires: 0 < length <= profile_length_max. Suspends for so long, or until the process ends; of
  // the heap for as long as it takes to name things. Errors: overloaded (one is being taken),
  // unsupported (not on this machine, or not by this process).
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::Profile>> take(
      model::ProfileKind kind, std::chrono::seconds length) = 0;
};

}  // namespace hunt::ports
