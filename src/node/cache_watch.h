// CacheWatch: asks the shared cache every two seconds, whether or not anybody looks something up,
// and says in /readyz when it does not answer.
//
// Not the lanes' own calls, which go on without a cache by themselves. Thread: its lane's, start()
// from any. Lifecycle: start(), and join() before the lane stops.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>

#include "adapters/redis/redis_cache.h"
#include "node/lane.h"
#include "ports/clock.h"
#include "service/observer.h"
#include "service/task_group.h"

namespace hunt::node {

class CacheWatch {
 public:
  // `meanwhile`: what holds until it answers. Lifetime: all of it outlives the watch.
  CacheWatch(redis::RedisCache& cache, Lane& lane, const ports::Clock& clock,
             service::Observer& observer, std::string meanwhile);

  void start();
  [[nodiscard]] boost::asio::awaitable<void> join();

 private:
  [[nodiscard]] boost::asio::awaitable<void> follow();
  [[nodiscard]] boost::asio::awaitable<void> look();

  redis::RedisCache& cache_;
  Lane& lane_;
  const ports::Clock& clock_;
  service::Observer& observer_;
  const std::string meanwhile_;
  service::TaskGroup tasks_;
  int failed_ = 0;  // looks in a row
  bool stopping_ = false;
};

}  // namespace hunt::node
