#include "node/cache_watch.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace hunt::node {

namespace {

constexpr std::int64_t look_every_ns = 2'000'000'000;
constexpr std::int64_t grain_ns = 50'000'000;  // of join()
constexpr int failed_to_tell = 2;              // one alone is a deadline on a busy machine

}  // namespace

CacheWatch::CacheWatch(redis::RedisCache& cache, Lane& lane, const ports::Clock& clock,
                       service::Observer& observer, std::string meanwhile)
    : cache_(cache),
      lane_(lane),
      clock_(clock),
      observer_(observer),
      meanwhile_(std::move(meanwhile)),
      tasks_(lane.executor(), 1) {}

void CacheWatch::start() {
  boost::asio::post(lane_.executor(), [this] {
    const bool spawned = tasks_.try_spawn(follow());
    HUNT_ASSERT(spawned);
  });
}

boost::asio::awaitable<void> CacheWatch::join() {
  stopping_ = true;
  co_await tasks_.join(clock_, lane_.timer());
}

boost::asio::awaitable<void> CacheWatch::follow() {
  std::int64_t looked_ns = INT64_MIN;
  while (!stopping_) {
    if (looked_ns == INT64_MIN || clock_.now_ns() - looked_ns >= look_every_ns) {
      co_await look();
      looked_ns = clock_.now_ns();
    }
    co_await lane_.timer().sleep_until(clock_.now_ns() + grain_ns);
  }
}

// That the keys are another hunt's is told by whoever uses them.
boost::asio::awaitable<void> CacheWatch::look() {
  const auto fine = co_await cache_.check();
  if (stopping_) co_return;
  const bool lost = !fine && fine.error().code != Errc::already_exists;
  failed_ = lost ? failed_ + 1 : 0;
  if (failed_ == 0) observer_.set_trouble("cache", {});
  if (failed_ >= failed_to_tell) {
    observer_.set_trouble("cache", fine.error().message + "; " + meanwhile_);
  }
}

}  // namespace hunt::node
