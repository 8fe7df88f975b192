#include "adapters/profile/profiler.h"

#include <exception>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "adapters/profile/cpu_profile.h"
#include "adapters/profile/heap_profile.h"
#include "adapters/profile/wall_profile.h"
#include "base/thread_name.h"
#include "ports/reply.h"

namespace hunt::profile {

namespace {

constexpr std::chrono::milliseconds look_every{10};
constexpr int looks_max = 200;

// A process that has hardly any left is the one to look at; it must not end of that.
template <class Take>
Result<model::Profile> if_there_is_memory(const Take& take) {
  try {
    return take();
  } catch (const std::bad_alloc&) {
    return fail(Errc::overloaded, "there is no memory left here for a profile");
  } catch (const std::exception& error) {
    return fail(Errc::unavailable, std::string("no profile could be taken: ") + error.what());
  }
}

}  // namespace

Result<model::Profile> Profiler::take_here(model::ProfileKind kind, std::chrono::seconds length,
                                           const std::stop_token& stop) const {
  switch (kind) {
    case model::ProfileKind::heap:
      return take_heap_profile(stop);
    case model::ProfileKind::wall:
      return take_wall_profile(stats_, length, stop);
    case model::ProfileKind::cpu:
      break;
  }
  // One in the background takes a moment to end.
  for (int i = 0; i < looks_max && !stop.stop_requested(); ++i) {
    auto profile = take_cpu_profile(length, stop);
    if (profile || profile.error().code != Errc::overloaded) return profile;
    std::this_thread::sleep_for(look_every);
  }
  return take_cpu_profile(length, stop);
}

Result<model::Profile> Profiler::cpu_in_background(std::chrono::seconds length) {
  std::stop_token stop;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return fail(Errc::unavailable, "this process is ending");
    if (busy_) return fail(Errc::overloaded, "another profile is being taken");
    background_ = {};
    stop = background_.get_token();
  }
  return if_there_is_memory([&] { return take_cpu_profile(length, stop); });
}

boost::asio::awaitable<Result<model::Profile>> Profiler::take(model::ProfileKind kind,
                                                              std::chrono::seconds length) {
  HUNT_ASSERT(length.count() > 0 && length <= ports::profile_length_max);
  auto taken = ports::ask<model::Profile>([this, kind, length](
                                              std::unique_ptr<ports::Reply<model::Profile>> reply) {
    const std::lock_guard lock(mutex_);
    if (closed_) return reply->give(fail(Errc::unavailable, "this process is ending"));
    if (busy_) {
      return reply->give(
          fail(Errc::overloaded, "another profile is being taken; wait until it is over"));
    }
    busy_ = true;
    if (kind == model::ProfileKind::cpu) background_.request_stop();
    const auto shared = std::make_shared<std::unique_ptr<ports::Reply<model::Profile>>>();
    *shared = std::move(reply);
    try {
      // Joins the one of before, which has given its profile.
      thread_ = std::jthread([this, kind, length, shared](const std::stop_token& stop) {
        name_thread("profile");
        auto profile = if_there_is_memory([&] { return take_here(kind, length, stop); });
        {
          const std::lock_guard done(mutex_);
          busy_ = false;
        }
        (*shared)->give(std::move(profile));
      });
    } catch (const std::system_error&) {
      busy_ = false;
      (*shared)->give(fail(Errc::overloaded, "no thread can be made: too many run here already"));
    }
  });
  co_return co_await std::move(taken);
}

void Profiler::close() {
  std::jthread last;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    background_.request_stop();
    last = std::move(thread_);
  }
  // Tells it to stop, and waits outside of the lock that it takes at its end.
}

}  // namespace hunt::profile
