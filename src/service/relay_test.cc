// The relay over a feed whose calls have nothing to wait for, as a store in the same process has.
#include "service/relay.h"

#include <gtest/gtest.h>

#include "model/limits.h"
#include "ports/feed_held.h"
#include "service/service_test_support.h"

namespace hunt::service {
namespace {

// Gives a batch with one grant and some rows every second; all its other calls end at once.
class PromptFeed final : public ports::ChangeFeed {
 public:
  PromptFeed(const ports::Clock& clock, ports::Timer& timer, std::size_t rows = 1)
      : clock_(clock), timer_(timer), rows_(rows) {}

  boost::asio::awaitable<Result<model::FeedStart>> resume() override {
    if (held) co_return fail(Errc::unavailable, "another holds it", std::string(ports::feed_held));
    if (lost) co_return fail(Errc::unavailable, "the server is being promoted");
    co_return model::FeedStart{{}, epoch};
  }
  boost::asio::awaitable<Result<model::FeedCursor>> now() override {
    co_return model::FeedCursor{};
  }
  boost::asio::awaitable<Result<model::ChangeBatch>> next(model::FeedCursor after,
                                                          std::int64_t wait_ns) override {
    co_await timer_.sleep_until(clock_.now_ns() + wait_ns);
    if (lost) co_return fail(Errc::epoch_stale, "the feed is not yours");
    model::ChangeBatch batch;
    batch.next = after;
    batch.gap = gap;
    if (gap) co_return batch;
    if (++calls_ % 10 == 0) {
      model::Grant grant;
      grant.cursor = ++batch.next.grant;
      grant.claim = {7, grant.cursor};
      batch.grants.push_back(std::move(grant));
      batch.next.change += 1;
      batch.tiles.resize(rows_);
    }
    co_return batch;
  }
  boost::asio::awaitable<Result<void>> secure(model::FeedCursor) override {
    ++barriers;
    if (!secures) co_return fail(Errc::unavailable, "the standby does not answer");
    co_return Result<void>{};
  }
  boost::asio::awaitable<Result<void>> confirm(model::FeedCursor cursor) override {
    confirmed = cursor;
    co_return Result<void>{};
  }
  boost::asio::awaitable<Result<model::FeedStart>> repair() override {
    gap = false;
    ++epoch;
    if (--repairs_unanswered >= 0) co_return fail(Errc::unknown_outcome, "the connection is lost");
    co_return model::FeedStart{{}, epoch};
  }

  model::FeedCursor confirmed;
  bool gap = false;
  std::uint64_t epoch = 1;
  int repairs_unanswered = 0;  // the next so many happen, and their answers are lost
  bool held = false;           // by another
  bool lost = false;
  bool secures = true;
  int barriers = 0;

 private:
  const ports::Clock& clock_;
  ports::Timer& timer_;
  const std::size_t rows_;
  std::uint64_t calls_ = 0;
};

class PromptCache final : public ports::TileCache {
 public:
  boost::asio::awaitable<Result<std::vector<ports::CachedChunk>>> read(
      std::vector<ports::CacheAsk> asks, std::int64_t) override {
    co_return std::vector<ports::CachedChunk>(asks.size());
  }
  boost::asio::awaitable<Result<void>> fill(std::vector<ports::ChunkFill>) override {
    co_return Result<void>{};
  }
  boost::asio::awaitable<Result<void>> update(std::vector<model::TileChange> changes) override {
    if (dead) co_return fail(Errc::unavailable, "the cache is down");
    rows += changes.size();
    co_return Result<void>{};
  }
  std::size_t rows = 0;
  bool dead = false;
};

// A lane, and a relay that follows such a feed.
struct RelayOverFeed {
  explicit RelayOverFeed(ports::TileCache* cache = nullptr, RelayOptions options = {1},
                         std::size_t rows = 1)
      : feed(lane.time, lane.time, rows),
        relay(std::move(options), feed, lane.bus, cache, lane.time, lane.time,
              lane.loop.get_executor()) {}
  // Whether it has the feed at once.
  [[nodiscard]] bool start() { return lane.run(relay.start()).has_value(); }
  void drain() { lane.run(relay.drain()); }

  VirtualLane lane{std::make_shared<model::RuleSet>()};
  PromptFeed feed;
  Relay relay;
};

TEST(Relay, tells_and_writes_every_batch_where_no_call_waits_regression_told_once) {
  PromptCache cache;
  RelayOverFeed on(&cache);
  ASSERT_TRUE(on.start());
  on.lane.pass(5'500'000'000);
  EXPECT_EQ(on.lane.told.size(), 5U);
  EXPECT_EQ(cache.rows, 5U);
  EXPECT_GE(on.feed.confirmed.grant, 4U);
  on.drain();
}

// A failover that loses the tail: what waited for the barrier is gone, and the promoted server
// would give a barrier to whoever asks. Found by the simulator.
TEST(Relay, forgets_with_the_feed_what_was_not_secured_regression_told_is_granted) {
  RelayOverFeed on;
  on.feed.secures = false;
  ASSERT_TRUE(on.start());
  on.lane.pass(3'500'000'000);
  EXPECT_TRUE(on.lane.told.empty());
  on.feed.lost = true;
  on.lane.pass(500'000'000);
  on.feed.secures = true;
  on.lane.pass(3'000'000'000);
  EXPECT_TRUE(on.lane.told.empty());
  on.feed.lost = false;
  on.lane.pass(3'000'000'000);
  EXPECT_FALSE(on.lane.told.empty());
  on.drain();
}

TEST(Relay, what_waits_behind_a_slow_barrier_shares_the_next) {
  RelayOverFeed on;
  on.feed.secures = false;
  ASSERT_TRUE(on.start());
  on.lane.pass(8'500'000'000);
  EXPECT_TRUE(on.lane.told.empty());
  on.feed.secures = true;
  on.feed.barriers = 0;
  while (on.lane.told.empty()) on.lane.pass(1'000'000);
  on.lane.pass(1'000'000);
  EXPECT_GE(on.lane.told.size(), 8U);
  EXPECT_EQ(on.feed.barriers, 2) << "of the first, and of all that came since";
  on.drain();
  std::uint64_t cursor = 0;
  for (const auto& event : on.lane.told) EXPECT_EQ(event.claim.low, ++cursor) << "in their order";
}

TEST(Relay, stands_by_while_another_holds_the_feed_and_says_what_else_is_in_the_way) {
  std::vector<std::string> troubles;
  RelayOptions options{1};
  options.on_trouble = [&troubles](std::string now) { troubles.push_back(std::move(now)); };
  RelayOverFeed on(nullptr, options);
  on.feed.held = true;
  EXPECT_FALSE(on.start());
  on.lane.pass(3'000'000'000);
  EXPECT_EQ(on.relay.feed_trouble(), "");
  EXPECT_TRUE(troubles.empty());
  on.feed.held = false;
  on.feed.lost = true;
  on.lane.pass(3'000'000'000);
  EXPECT_FALSE(on.relay.holds_feed());
  EXPECT_EQ(on.relay.feed_trouble(), "the server is being promoted");
  EXPECT_EQ(troubles, std::vector<std::string>{"the server is being promoted"});
  on.feed.held = true;
  on.lane.pass(3'000'000'000);
  EXPECT_EQ(on.relay.feed_trouble(), "");
  on.feed.held = on.feed.lost = false;
  on.lane.pass(3'000'000'000);
  EXPECT_TRUE(on.relay.holds_feed());
  EXPECT_EQ(troubles.size(), 2U);
  EXPECT_EQ(troubles.back(), "");
  on.drain();
}

// The answer to a repair is lost, and the feed knows of no gap any more. Found by the simulator.
TEST(Relay, announces_the_epoch_of_a_repair_that_was_not_answered_regression_epoch_told) {
  RelayOverFeed on;
  sim::SimBus listener(on.lane.hub, on.lane.loop.get_executor());
  std::uint64_t announced = 0;
  listener.on_invalidation([&announced](const model::Invalidation& one) {
    if (one.shard == 1) announced = one.epoch;
  });
  ASSERT_TRUE(on.start());
  on.lane.pass(500'000'000);
  EXPECT_EQ(announced, 1U);
  on.feed.repairs_unanswered = 2;
  on.feed.gap = true;
  on.lane.pass(5'000'000'000);
  EXPECT_EQ(announced, on.feed.epoch);
  EXPECT_GT(on.feed.epoch, 3U);
  on.drain();
}

TEST(Relay, tells_grants_while_a_dead_cache_takes_no_rows) {
  PromptCache cache;
  cache.dead = true;
  RelayOverFeed on(&cache, {1}, 4'096);
  ASSERT_TRUE(on.start());
  on.lane.pass(
      25'500'000'000);  // more rows than the relay keeps, before any is given up for its age
  EXPECT_EQ(on.lane.told.size(), 25U);
  cache.dead = false;
  on.lane.pass(2'000'000'000);
  EXPECT_GT(cache.rows, limits::relay_rows_waiting_max / 2);
  EXPECT_LE(cache.rows, limits::relay_rows_waiting_max + 3 * 4'096);
  EXPECT_EQ(on.feed.confirmed.change, on.lane.told.size());
  on.drain();
}

}  // namespace
}  // namespace hunt::service
