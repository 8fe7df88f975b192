#include "service/store_watch.h"

#include <utility>

#include "model/limits.h"

namespace hunt::service {

namespace {

constexpr std::int64_t verify_every_ns = 2'000'000'000;
constexpr std::int64_t count_every_ns = 60'000'000'000;
constexpr std::int64_t look_ns = 50'000'000;  // the grain of stop() and count_soon()

}  // namespace

StoreWatch::StoreWatch(std::vector<ports::StoreCare*> stores, Observer& observer,
                       const ports::Clock& clock, ports::Timer& timer,
                       boost::asio::any_io_executor lane)
    : stores_(std::move(stores)),
      observer_(observer),
      clock_(clock),
      timer_(timer),
      tasks_(std::move(lane), stores_.size()) {}

void StoreWatch::start() {
  for (model::ShardId shard = 0; shard < stores_.size(); ++shard) {
    const bool spawned = tasks_.try_spawn(follow(shard));
    HUNT_ASSERT(spawned);
  }
}

boost::asio::awaitable<void> StoreWatch::follow(model::ShardId shard) {
  std::int64_t verified_ns = INT64_MIN;
  std::int64_t counted_ns = INT64_MIN;
  while (!stopping_) {
    const std::int64_t now_ns = clock_.now_ns();
    if (verified_ns == INT64_MIN || now_ns - verified_ns >= verify_every_ns) {
      co_await verify(shard);
      verified_ns = clock_.now_ns();
    }
    if (counted_ns <= count_at_ns_ || now_ns - counted_ns >= count_every_ns) {
      counted_ns = clock_.now_ns();
      co_await count(shard);
    }
    co_await timer_.sleep_until(clock_.now_ns() + look_ns);
  }
}

// A queue of the store that is full for a moment is no trouble of the store.
boost::asio::awaitable<void> StoreWatch::verify(model::ShardId shard) {
  const auto fine = co_await stores_[shard]->verify();
  if (stopping_) co_return;
  const bool trouble = !fine && fine.error().code != Errc::overloaded;
  observer_.set_store_trouble(shard, trouble ? fine.error().message : std::string());
}

boost::asio::awaitable<void> StoreWatch::count(model::ShardId shard) {
  auto counts = co_await stores_[shard]->open_tables();
  // What it was stays as it was: a store that fails has a warning of its own.
  if (counts && !stopping_) observer_.set_open_tables(shard, std::move(*counts));
}

}  // namespace hunt::service
