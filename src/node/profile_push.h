// ProfilePush: sends what the CPU does to a Pyroscope server, all the time, every 15 seconds.
//
// On a thread of its own, which takes a profile, sends it and forgets it: at most one is held, and
// what is not taken within seconds is lost, and told in the log. Whoever asks for a profile
// meanwhile has it first. Lifetime: the profiler's outlives it.
#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "adapters/profile/profiler.h"
#include "base/result.h"
#include "model/profile.h"

namespace hunt::node {

inline constexpr std::chrono::seconds profile_push_every{15};

class ProfilePush {
 public:
  // `url`: http://HOST:PORT; `instance`: which process it is, "pod-7:8080".
  ProfilePush(std::string url, std::string instance, profile::Profiler& profiler);
  ~ProfilePush() { stop(); }
  ProfilePush(const ProfilePush&) = delete;
  ProfilePush& operator=(const ProfilePush&) = delete;
  // Within two seconds, also where the target hangs. The profiler is closed before.
  void stop();

 private:
  std::jthread thread_;
};

// What is asked of POST: "/ingest?name=…".
[[nodiscard]] std::string ingest_target(const model::Profile& profile, const std::string& instance);
// Of --profile-push. Error: invalid_argument.
[[nodiscard]] Result<void> check_push_url(const std::string& url);

}  // namespace hunt::node
