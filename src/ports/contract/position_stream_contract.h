// The contract of PositionStream as tests: every stream passes all of them.
//
// Not a test by itself: a test file includes it and says
//   INSTANTIATE_TEST_SUITE_P(Mine, PositionStreamContract, testing::Values(factory));
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ports/position_stream.h"

namespace hunt::ports::contract {

// A game server and two orchestrators on one stream of two shards, 0 and 1. Real or virtual time.
class StreamUnderTest {
 public:
  virtual ~StreamUnderTest() = default;
  [[nodiscard]] virtual PositionStream& publisher() = 0;
  [[nodiscard]] virtual PositionStream& consumer(std::size_t index) = 0;  // 0 or 1
  // Ends a consumer's process: nothing of it reaches the stream any more.
  virtual void die(std::size_t index) = 0;
  // Runs `task` where that stream lives.
  virtual void spawn(PositionStream& where, boost::asio::awaitable<void> task) = 0;
  // Waits there. Units: nanoseconds.
  [[nodiscard]] virtual boost::asio::awaitable<void> sleep(PositionStream& where,
                                                           std::int64_t time_ns) = 0;
  // Lets time go on until `done()`; false when that takes far too long.
  [[nodiscard]] virtual bool run_until(const std::function<bool()>& done) = 0;
  // Lets so much time go on.
  virtual void run_for(std::int64_t time_ns) = 0;
  // Where the publisher hears of outcomes, and for how many positions it did.
  [[nodiscard]] virtual std::string reply_to() = 0;
  [[nodiscard]] virtual std::size_t replied() = 0;
};
using StreamFactory = std::function<std::unique_ptr<StreamUnderTest>()>;

class ScriptedDeliveries final : public DeliveryHandler {
 public:
  ScriptedDeliveries(StreamUnderTest& under_test, PositionStream& where)
      : under_test_(under_test), where_(where) {}
  boost::asio::awaitable<Settled> handle(Delivery delivery) override {
    seen.push_back(delivery);
    ++now;
    most = std::max(most, now);
    while (held) co_await under_test_.sleep(where_, 1'000'000);
    --now;
    if (answers) {
      model::BatchReply outcomes;
      outcomes.outcomes.resize(delivery.batch.positions.size());
      where_.reply(delivery.reply_to, delivery.batch, outcomes);
    }
    co_return settle(delivery);
  }
  [[nodiscard]] std::size_t count(std::int32_t x) const {
    return static_cast<std::size_t>(
        std::count_if(seen.begin(), seen.end(),
                      [x](const Delivery& one) { return one.batch.positions.at(0).tile.x == x; }));
  }

  std::function<Settled(const Delivery&)> settle = [](const Delivery&) { return Settled::ack; };
  bool held = false;
  bool answers = false;
  std::vector<Delivery> seen;
  std::size_t now = 0;
  std::size_t most = 0;

 private:
  StreamUnderTest& under_test_;
  PositionStream& where_;
};

class PositionStreamContract : public ::testing::TestWithParam<StreamFactory> {
 protected:
  static constexpr std::int64_t second_ns = 1'000'000'000;

  void SetUp() override {
    under_test_ = GetParam()();
    for (std::size_t i = 0; i < 2; ++i) {
      handlers_.push_back(
          std::make_unique<ScriptedDeliveries>(*under_test_, under_test_->consumer(i)));
    }
  }
  void TearDown() override {
    for (std::size_t i = 0; i < 2; ++i) {
      handler(i).held = false;
      if (!dead_[i]) under_test_->consumer(i).stop();
    }
    EXPECT_TRUE(until(
        [this] { return (dead_[0] || handler(0).now == 0) && (dead_[1] || handler(1).now == 0); }));
    under_test_.reset();
  }

  [[nodiscard]] ScriptedDeliveries& handler(std::size_t index) { return *handlers_[index]; }
  [[nodiscard]] bool until(const std::function<bool()>& done) {
    return under_test_->run_until(done);
  }
  void serve(std::size_t index, std::vector<model::ShardId> shards, std::size_t inflight_max = 8) {
    under_test_->consumer(index).serve(std::move(shards), handler(index), inflight_max);
  }
  void die(std::size_t index) {
    dead_[index] = true;
    under_test_->die(index);
  }
  Result<void> published(std::int32_t x, std::string id, model::ShardId shard = 0,
                         std::optional<std::int64_t> as_of_us = {}, std::string reply_to = {}) {
    model::Batch batch;
    batch.world = 7;
    batch.as_of_us = as_of_us;
    batch.positions.resize(3);
    for (auto& position : batch.positions) position.tile = {x, 2};
    auto result = std::make_shared<std::optional<Result<void>>>();
    under_test_->spawn(under_test_->publisher(), run_publish(shard, std::move(batch), std::move(id),
                                                             std::move(reply_to), result));
    if (!until([&result] { return result->has_value(); })) return fail(Errc::internal, "no answer");
    return **result;
  }

  std::unique_ptr<StreamUnderTest> under_test_;

 private:
  boost::asio::awaitable<void> run_publish(model::ShardId shard, model::Batch batch, std::string id,
                                           std::string reply_to,
                                           std::shared_ptr<std::optional<Result<void>>> result) {
    auto stored = co_await under_test_->publisher().publish(shard, std::move(batch), std::move(id),
                                                            std::move(reply_to));
    *result = std::move(stored);
  }

  std::vector<std::unique_ptr<ScriptedDeliveries>> handlers_;
  bool dead_[2] = {false, false};
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PositionStreamContract);

TEST_P(PositionStreamContract, what_was_accepted_is_delivered_whole_also_to_who_comes_later) {
  ASSERT_TRUE(published(11, "a").has_value());
  serve(0, {0});
  ASSERT_TRUE(until([this] { return handler(0).seen.size() == 1; }));
  const Delivery& got = handler(0).seen[0];
  EXPECT_EQ(got.shard, 0U);
  EXPECT_GT(got.sequence, 0U);
  EXPECT_EQ(got.attempt, 1U);
  EXPECT_EQ(got.batch.world, 7U);
  ASSERT_EQ(got.batch.positions.size(), 3U);
  EXPECT_EQ(got.batch.positions[2].tile, (model::Tile{11, 2}));
  EXPECT_TRUE(got.reply_to.empty());
  ASSERT_TRUE(got.batch.as_of_us.has_value());
  EXPECT_GT(*got.batch.as_of_us, 0);
}

TEST_P(PositionStreamContract, an_acknowledged_one_does_not_come_again) {
  serve(0, {0});
  ASSERT_TRUE(published(11, "a").has_value());
  ASSERT_TRUE(until([this] { return handler(0).seen.size() == 1; }));
  under_test_->run_for(4 * second_ns);
  EXPECT_EQ(handler(0).seen.size(), 1U);
}

TEST_P(PositionStreamContract, the_time_at_which_it_was_accepted_first_is_kept) {
  serve(0, {0});
  ASSERT_TRUE(published(11, "a", 0, 1'234'567).has_value());
  ASSERT_TRUE(until([this] { return handler(0).seen.size() == 1; }));
  EXPECT_EQ(handler(0).seen[0].batch.as_of_us, 1'234'567);
}

TEST_P(PositionStreamContract, a_repeated_message_id_is_accepted_and_stored_once) {
  ASSERT_TRUE(published(11, "same").has_value());
  ASSERT_TRUE(published(11, "same").has_value());
  ASSERT_TRUE(published(12, "other").has_value());
  serve(0, {0});
  ASSERT_TRUE(until([this] { return handler(0).count(12) == 1; }));
  under_test_->run_for(second_ns);
  EXPECT_EQ(handler(0).count(11), 1U);
}

TEST_P(PositionStreamContract, a_shard_goes_only_to_those_who_serve_it) {
  serve(0, {0});
  serve(1, {1});
  for (std::int32_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(published(i, std::to_string(i), static_cast<model::ShardId>(i % 2)).has_value());
  }
  ASSERT_TRUE(until([this] { return handler(0).seen.size() + handler(1).seen.size() == 20; }));
  for (std::size_t i = 0; i < 2; ++i) {
    for (const auto& delivery : handler(i).seen) EXPECT_EQ(delivery.shard, i);
  }
}

TEST_P(PositionStreamContract, one_given_back_comes_again_as_it_was_until_it_is_acknowledged) {
  handler(0).settle = [](const Delivery& delivery) {
    return delivery.attempt < 3 ? Settled::nak : Settled::ack;
  };
  serve(0, {0});
  ASSERT_TRUE(published(11, "a").has_value());
  ASSERT_TRUE(until([this] { return handler(0).seen.size() == 3; }));
  under_test_->run_for(2 * second_ns);
  ASSERT_EQ(handler(0).seen.size(), 3U);
  for (std::uint32_t i = 0; i < 3; ++i) {
    const Delivery& delivery = handler(0).seen[i];
    EXPECT_EQ(delivery.attempt, i + 1);
    EXPECT_EQ(delivery.sequence, handler(0).seen[0].sequence);
    EXPECT_EQ(delivery.batch.as_of_us, handler(0).seen[0].batch.as_of_us);
    EXPECT_EQ(delivery.batch.positions.size(), 3U);
  }
}

TEST_P(PositionStreamContract, a_dead_one_does_not_come_again_and_the_stream_goes_on) {
  handler(0).settle = [](const Delivery& delivery) {
    return delivery.batch.positions[0].tile.x == 1 ? Settled::dead : Settled::ack;
  };
  serve(0, {0});
  for (std::int32_t x = 0; x < 3; ++x) ASSERT_TRUE(published(x, std::to_string(x)).has_value());
  ASSERT_TRUE(until([this] { return handler(0).count(2) == 1 && handler(0).count(1) == 1; }));
  under_test_->run_for(4 * second_ns);
  EXPECT_EQ(handler(0).seen.size(), 3U);
}

TEST_P(PositionStreamContract, never_more_than_the_bound_are_at_work_and_none_is_lost) {
  for (std::int32_t x = 0; x < 30; ++x) ASSERT_TRUE(published(x, std::to_string(x)).has_value());
  handler(0).held = true;
  serve(0, {0}, 4);
  ASSERT_TRUE(until([this] { return handler(0).now == 4; }));
  under_test_->run_for(second_ns / 2);
  EXPECT_EQ(handler(0).now, 4U);
  handler(0).held = false;
  ASSERT_TRUE(until([this] { return handler(0).seen.size() >= 30 && handler(0).now == 0; }));
  EXPECT_EQ(handler(0).most, 4U);
  for (std::int32_t x = 0; x < 30; ++x) EXPECT_EQ(handler(0).count(x), 1U) << x;
}

TEST_P(PositionStreamContract, a_long_work_is_not_given_to_somebody_else) {
  handler(0).held = true;
  serve(0, {0});
  ASSERT_TRUE(published(11, "a").has_value());
  ASSERT_TRUE(until([this] { return handler(0).now == 1; }));
  serve(1, {0});
  under_test_->run_for(4 * second_ns);
  EXPECT_TRUE(handler(1).seen.empty());
  EXPECT_EQ(handler(0).seen.size(), 1U);
}

TEST_P(PositionStreamContract, what_a_dead_consumer_had_goes_to_somebody_else) {
  handler(0).held = true;
  serve(0, {0});
  for (std::int32_t x = 0; x < 3; ++x) ASSERT_TRUE(published(x, std::to_string(x)).has_value());
  ASSERT_TRUE(until([this] { return handler(0).now == 3; }));
  die(0);
  serve(1, {0});
  ASSERT_TRUE(until([this] { return handler(1).seen.size() == 3; }));
  for (const auto& delivery : handler(1).seen) EXPECT_EQ(delivery.attempt, 2U);
}

TEST_P(PositionStreamContract, who_stops_settles_what_it_has_and_gets_no_more) {
  handler(0).held = true;
  serve(0, {0});
  ASSERT_TRUE(published(1, "1").has_value());
  ASSERT_TRUE(until([this] { return handler(0).now == 1; }));
  under_test_->consumer(0).stop();
  handler(0).held = false;
  ASSERT_TRUE(until([this] { return handler(0).now == 0; }));
  serve(1, {0});
  ASSERT_TRUE(published(2, "2").has_value());
  ASSERT_TRUE(until([this] { return handler(1).count(2) == 1; }));
  EXPECT_EQ(handler(0).count(2), 0U);
  under_test_->run_for(4 * second_ns);
  EXPECT_EQ(handler(1).count(1), 0U) << "it was acknowledged after stop()";
}

TEST_P(PositionStreamContract, outcomes_reach_who_asked_for_them) {
  handler(0).answers = true;
  serve(0, {0});
  ASSERT_TRUE(published(1, "1", 0, {}, under_test_->reply_to()).has_value());
  ASSERT_TRUE(published(2, "2").has_value());
  ASSERT_TRUE(until([this] { return under_test_->replied() == 3; }));
  EXPECT_TRUE(until([this] { return handler(0).count(2) == 1; }));
  EXPECT_EQ(under_test_->replied(), 3U);
}

}  // namespace hunt::ports::contract
