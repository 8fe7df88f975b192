#include "adapters/profile/profiler.h"

#include <memory>
#include <utility>

#include "adapters/profile/cpu_profile.h"
#include "base/thread_name.h"
#include "ports/reply.h"

namespace hunt::profile {

boost::asio::awaitable<Result<model::Profile>> Profiler::cpu(std::chrono::seconds length) {
  HUNT_ASSERT(length.count() > 0 && length <= ports::profile_length_max);
  auto taken = ports::ask<model::Profile>([this, length](
                                              std::unique_ptr<ports::Reply<model::Profile>> reply) {
    const std::lock_guard lock(mutex_);
    if (closed_) return reply->give(fail(Errc::unavailable, "this process is ending"));
    if (busy_) {
      return reply->give(
          fail(Errc::overloaded, "another profile is being taken; wait until it is over"));
    }
    busy_ = true;
    // Joins the one of before, which has given its profile.
    thread_ = std::jthread([this, length, reply = std::move(reply)](const std::stop_token& stop) {
      name_thread("profile");
      auto profile = take_cpu_profile(length, stop);
      {
        const std::lock_guard done(mutex_);
        busy_ = false;
      }
      reply->give(std::move(profile));
    });
  });
  co_return co_await std::move(taken);
}

void Profiler::close() {
  std::jthread last;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    last = std::move(thread_);
  }
  // Tells it to stop, and waits outside of the lock that it takes at its end.
}

}  // namespace hunt::profile
