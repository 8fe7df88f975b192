// Profiler: which functions of this process use the CPU, asked for now.
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
  // Requires: 0 < length <= profile_length_max. Suspends for so long, or until the process ends.
  // Errors: overloaded (one is being taken), unsupported (not on this machine).
  [[nodiscard]] virtual boost::asio::awaitable<Result<model::Profile>> cpu(
      std::chrono::seconds length) = 0;
};

}  // namespace hunt::ports
