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

TEST(Relay, tells_and_writes_every_batch_where_no_call_waits_regression_told_once) {
  VirtualLane lane(std::make_shared<model::RuleSet>());
  PromptFeed feed(lane.time, lane.time);
  PromptCache cache;
  Relay relay({1}, feed, lane.bus, &cache, lane.time, lane.time, lane.loop.get_executor());
  ASSERT_TRUE(lane.run(relay.start()).has_value());
  lane.pass(5'500'000'000);
  EXPECT_EQ(lane.told.size(), 5U);
  EXPECT_EQ(cache.rows, 5U);
  EXPECT_GE(feed.confirmed.grant, 4U);
  lane.run(relay.drain());
}

// A failover that loses the tail: what waited for the barrier is gone, and the promoted server
// would give a barrier to whoever asks. Found by the simulator.
TEST(Relay, forgets_with_the_feed_what_was_not_secured_regression_told_is_granted) {
  VirtualLane lane(std::make_shared<model::RuleSet>());
  PromptFeed feed(lane.time, lane.time);
  feed.secures = false;
  Relay relay({1}, feed, lane.bus, nullptr, lane.time, lane.time, lane.loop.get_executor());
  ASSERT_TRUE(lane.run(relay.start()).has_value());
  lane.pass(3'500'000'000);
  EXPECT_TRUE(lane.told.empty());
  feed.lost = true;
  lane.pass(500'000'000);
  feed.secures = true;
  lane.pass(3'000'000'000);
  EXPECT_TRUE(lane.told.empty());
  feed.lost = false;
  lane.pass(3'000'000'000);
  EXPECT_FALSE(lane.told.empty());
  lane.run(relay.drain());
}

TEST(Relay, what_waits_behind_a_slow_barrier_shares_the_next) {
  VirtualLane lane(std::make_shared<model::RuleSet>());
  PromptFeed feed(lane.time, lane.time);
  feed.secures = false;
  Relay relay({1}, feed, lane.bus, nullptr, lane.time, lane.time, lane.loop.get_executor());
  ASSERT_TRUE(lane.run(relay.start()).has_value());
  lane.pass(8'500'000'000);
  EXPECT_TRUE(lane.told.empty());
  feed.secures = true;
  feed.barriers = 0;
  while (lane.told.empty()) lane.pass(1'000'000);
  lane.pass(1'000'000);
  EXPECT_GE(lane.told.size(), 8U);
  EXPECT_EQ(feed.barriers, 2) << "of the first, and of all that came since";
  lane.run(relay.drain());
  std::uint64_t cursor = 0;
  for (const auto& event : lane.told) EXPECT_EQ(event.claim.low, ++cursor) << "in their order";
}

TEST(Relay, stands_by_while_another_holds_the_feed_and_says_what_else_is_in_the_way) {
  VirtualLane lane(std::make_shared<model::RuleSet>());
  PromptFeed feed(lane.time, lane.time);
  std::vector<std::string> troubles;
  RelayOptions options{1};
  options.on_trouble = [&troubles](std::string now) { troubles.push_back(std::move(now)); };
  feed.held = true;
  Relay relay(options, feed, lane.bus, nullptr, lane.time, lane.time, lane.loop.get_executor());
  EXPECT_FALSE(lane.run(relay.start()).has_value());
  lane.pass(3'000'000'000);
  EXPECT_EQ(relay.feed_trouble(), "");
  EXPECT_TRUE(troubles.empty());
  feed.held = false;
  feed.lost = true;
  lane.pass(3'000'000'000);
  EXPECT_FALSE(relay.holds_feed());
  EXPECT_EQ(relay.feed_trouble(), "the server is being promoted");
  EXPECT_EQ(troubles, std::vector<std::string>{"the server is being promoted"});
  feed.held = true;
  lane.pass(3'000'000'000);
  EXPECT_EQ(relay.feed_trouble(), "");
  feed.held = feed.lost = false;
  lane.pass(3'000'000'000);
  EXPECT_TRUE(relay.holds_feed());
  EXPECT_EQ(troubles.size(), 2U);
  EXPECT_EQ(troubles.back(), "");
  lane.run(relay.drain());
}

// The answer to a repair is lost, and the feed knows of no gap any more. Found by the simulator.
TEST(Relay, announces_the_epoch_of_a_repair_that_was_not_answered_regression_epoch_told) {
  VirtualLane lane(std::make_shared<model::RuleSet>());
  PromptFeed feed(lane.time, lane.time);
  sim::SimBus listener(lane.hub, lane.loop.get_executor());
  std::uint64_t announced = 0;
  listener.on_invalidation([&announced](const model::Invalidation& one) {
    if (one.shard == 1) announced = one.epoch;
  });
  Relay relay({1}, feed, lane.bus, nullptr, lane.time, lane.time, lane.loop.get_executor());
  ASSERT_TRUE(lane.run(relay.start()).has_value());
  lane.pass(500'000'000);
  EXPECT_EQ(announced, 1U);
  feed.repairs_unanswered = 2;
  feed.gap = true;
  lane.pass(5'000'000'000);
  EXPECT_EQ(announced, feed.epoch);
  EXPECT_GT(feed.epoch, 3U);
  lane.run(relay.drain());
}

TEST(Relay, tells_grants_while_a_dead_cache_takes_no_rows) {
  VirtualLane lane(std::make_shared<model::RuleSet>());
  PromptFeed feed(lane.time, lane.time, 4'096);
  PromptCache cache;
  cache.dead = true;
  Relay relay({1}, feed, lane.bus, &cache, lane.time, lane.time, lane.loop.get_executor());
  ASSERT_TRUE(lane.run(relay.start()).has_value());
  lane.pass(25'500'000'000);  // more rows than the relay keeps, before any is given up for its age
  EXPECT_EQ(lane.told.size(), 25U);
  cache.dead = false;
  lane.pass(2'000'000'000);
  EXPECT_GT(cache.rows, limits::relay_rows_waiting_max / 2);
  EXPECT_LE(cache.rows, limits::relay_rows_waiting_max + 3 * 4'096);
  EXPECT_EQ(feed.confirmed.change, lane.told.size());
  lane.run(relay.drain());
}

}  // namespace
}  // namespace hunt::service
