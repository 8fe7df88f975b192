// The contract of Bus as tests: every bus passes all of them.
//
// Not a test by itself: a test file includes it and says
//   INSTANTIATE_TEST_SUITE_P(Mine, BusContract, testing::Values(factory));
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

#include "ports/bus.h"

namespace hunt::ports::contract {

// Three processes on one bus: two that may serve, and a game server. Real or virtual time.
class BusUnderTest {
 public:
  virtual ~BusUnderTest() = default;
  [[nodiscard]] virtual Bus& orchestrator(std::size_t index) = 0;  // 0 or 1
  [[nodiscard]] virtual Bus& asker() = 0;
  // Runs `task` where that bus lives.
  virtual void spawn(Bus& where, boost::asio::awaitable<void> task) = 0;
  // Waits there. Units: nanoseconds.
  [[nodiscard]] virtual boost::asio::awaitable<void> sleep(Bus& where, std::int64_t time_ns) = 0;
  // Lets time go on until `done()`; false when that takes far too long.
  [[nodiscard]] virtual bool run_until(const std::function<bool()>& done) = 0;
  // Whether who serves as the second gets asks, too.
  [[nodiscard]] virtual bool spreads_asks() const { return true; }
  // Whether messages of one sender may overtake each other (only injected faults do that).
  [[nodiscard]] virtual bool keeps_order() const { return true; }
};
using BusFactory = std::function<std::unique_ptr<BusUnderTest>()>;

// Answers each position with a hint whose distance is its x, or as the test wants it.
class EchoHandler final : public BatchHandler {
 public:
  EchoHandler(BusUnderTest& under_test, Bus& where) : under_test_(under_test), where_(where) {}
  boost::asio::awaitable<Result<model::BatchReply>> handle(model::Batch batch, Wait wait) override {
    ++handled;
    last = batch;
    last_wait = wait;
    while (held) co_await under_test_.sleep(where_, 1'000'000);
    if (error) co_return tl::unexpected<Error>(*error);
    if (reply) co_return *reply;
    model::BatchReply out;
    for (const auto& position : batch.positions) {
      const auto distance = static_cast<std::uint16_t>(position.tile.x);
      out.outcomes.push_back({model::Outcome::hint, distance, -1});
    }
    co_return out;
  }

  std::size_t handled = 0;
  bool held = false;
  model::Batch last;
  Wait last_wait = Wait::no;
  std::optional<Error> error;
  std::optional<model::BatchReply> reply;

 private:
  BusUnderTest& under_test_;
  Bus& where_;
};

class BusContract : public ::testing::TestWithParam<BusFactory> {
 protected:
  void SetUp() override {
    under_test_ = GetParam()();
    handlers_[0].emplace(*under_test_, bus(0));
    handlers_[1].emplace(*under_test_, bus(1));
  }
  void TearDown() override {
    for (std::size_t i = 0; i < 2; ++i) {
      bus(i).stop_serving();
      handlers_[i]->held = false;
    }
    // What the test heard into is gone.
    for (std::size_t i = 0; i < 2; ++i) bus(i).on_invalidation([](const auto&) {});
    under_test_->asker().on_claims([](const auto&) {});
    EXPECT_TRUE(until([this] { return pending_ == 0; })) << "an ask or a tell never returned";
    under_test_.reset();
  }

  [[nodiscard]] Bus& bus(std::size_t index) { return under_test_->orchestrator(index); }
  [[nodiscard]] EchoHandler& handler(std::size_t index) { return *handlers_[index]; }
  [[nodiscard]] bool until(const std::function<bool()>& done) {
    return under_test_->run_until(done);
  }

  using Reply = std::shared_ptr<std::optional<Result<model::BatchReply>>>;
  Reply ask(std::vector<std::int32_t> xs, Wait wait = Wait::no) {
    model::Batch batch;
    batch.world = 7;
    for (const auto x : xs) {
      model::Position position;
      position.player = {1, static_cast<std::uint64_t>(x)};
      position.tile = {x, -x};
      position.kind = model::Kind::dig;
      position.seq = 40 + static_cast<std::uint64_t>(x);
      batch.positions.push_back(position);
    }
    auto reply = std::make_shared<std::optional<Result<model::BatchReply>>>();
    ++pending_;
    under_test_->spawn(under_test_->asker(), run_ask(std::move(batch), wait, reply));
    return reply;
  }
  Result<model::BatchReply> asked(std::vector<std::int32_t> xs, Wait wait = Wait::no) {
    const Reply reply = ask(std::move(xs), wait);
    if (!until([&reply] { return reply->has_value(); })) return fail(Errc::internal, "no answer");
    return **reply;
  }
  // Serving begins a moment after serve() where a server lies between.
  void serve(std::size_t index) {
    bus(index).serve(handler(index));
    const bool expected = index == 0 || under_test_->spreads_asks();
    EXPECT_TRUE(until([this, index, expected] {
      return asked({1}).has_value() && (!expected || handler(index).handled > 0);
    }));
    handler(0).handled = handler(1).handled = 0;
  }
  Result<void> told(std::vector<model::ClaimEvent> events) {
    auto result = std::make_shared<std::optional<Result<void>>>();
    ++pending_;
    under_test_->spawn(bus(0), run_tell(std::move(events), result));
    if (!until([&result] { return result->has_value(); })) return fail(Errc::internal, "no answer");
    return **result;
  }

  std::unique_ptr<BusUnderTest> under_test_;

 private:
  boost::asio::awaitable<void> run_ask(model::Batch batch, Wait wait, Reply reply) {
    auto result = co_await under_test_->asker().ask(std::move(batch), wait);
    *reply = std::move(result);
    --pending_;
  }
  boost::asio::awaitable<void> run_tell(std::vector<model::ClaimEvent> events,
                                        std::shared_ptr<std::optional<Result<void>>> result) {
    auto told = co_await bus(0).tell(std::move(events));
    *result = std::move(told);
    --pending_;
  }

  std::optional<EchoHandler> handlers_[2];
  std::size_t pending_ = 0;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BusContract);

inline model::ClaimEvent an_event(std::uint64_t number, model::Outcome outcome) {
  model::ClaimEvent event;
  event.claim = {0xfeed, number};
  event.outcome = outcome;
  event.world = 7;
  event.tile = {-5, 9};
  event.player = {3, number};
  if (outcome == model::Outcome::granted) {
    event.reward = "lantern \"of\" the deep*2,bell";
    event.cursor = (std::uint64_t{1} << 60) + number;
  }
  event.rules = "00000000000000aa";
  event.at_us = 1'764'000'000'123'456;
  return event;
}

inline model::Invalidation an_invalidation(std::uint64_t seq, std::size_t rows) {
  model::Invalidation invalidation;
  invalidation.shard = 3;
  invalidation.relay = 11;
  invalidation.epoch = 2;
  invalidation.seq = seq;
  for (std::size_t i = 0; i < rows; ++i) {
    model::TileChange change;
    change.world = 7;
    change.epoch = 2;
    change.row.tile = model::tile_id_of({static_cast<std::int32_t>(i), -4});
    change.row.version = seq;
    change.row.spawn = (std::uint64_t{3} << 48) + i;
    change.row.table = "starlight";
    change.row.budget = 5;
    change.row.buried_at_us = 17;
    change.row.sold_out = i % 2 == 1;
    invalidation.tiles.push_back(std::move(change));
  }
  return invalidation;
}

TEST_P(BusContract, an_ask_that_nobody_serves_is_unavailable) {
  const auto reply = asked({1});
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::unavailable);
  EXPECT_FALSE(reply.error().message.empty());
}

TEST_P(BusContract, an_ask_brings_the_batch_there_and_the_outcomes_home) {
  serve(0);
  model::BatchReply want;
  want.outcomes = {{model::Outcome::nothing, 0, -1},
                   {model::Outcome::granted, 0, 1},
                   {model::Outcome::found, 0, 0}};
  want.claims = {{{1, 2}, "", false}, {{3, 4}, "lantern*12,bell", true}};
  handler(0).reply = want;
  const auto reply = asked({5, 6, 7}, Wait::terminal);
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  const model::Batch& got = handler(0).last;
  EXPECT_EQ(handler(0).last_wait, Wait::terminal);
  EXPECT_EQ(got.world, 7U);
  ASSERT_EQ(got.positions.size(), 3U);
  EXPECT_EQ(got.positions[1].player, (model::PlayerId{1, 6}));
  EXPECT_EQ(got.positions[1].tile, (model::Tile{6, -6}));
  EXPECT_EQ(got.positions[1].kind, model::Kind::dig);
  EXPECT_EQ(got.positions[1].seq, 46U);
  EXPECT_FALSE(got.as_of_us.has_value()) << "the deciding shard's clock counts";
  ASSERT_EQ(reply->outcomes.size(), 3U);
  EXPECT_EQ(reply->outcomes[1].outcome, model::Outcome::granted);
  EXPECT_EQ(reply->outcomes[1].claim_index, 1);
  ASSERT_EQ(reply->claims.size(), 2U);
  EXPECT_EQ(reply->claims[1].claim, (model::ClaimId{3, 4}));
  EXPECT_EQ(reply->claims[1].reward, "lantern*12,bell");
  EXPECT_TRUE(reply->claims[1].repeat);
}

TEST_P(BusContract, errors_come_home_with_their_code_and_field) {
  serve(0);
  for (const Errc code : {Errc::invalid_argument, Errc::not_found, Errc::overloaded,
                          Errc::disk_full, Errc::deadline_exceeded, Errc::moved}) {
    handler(0).error = Error{code, "it is so", "world"};
    const auto reply = asked({1});
    ASSERT_FALSE(reply.has_value());
    EXPECT_EQ(reply.error().code, code);
    EXPECT_EQ(reply.error().message, "it is so");
    EXPECT_EQ(reply.error().field, "world");
  }
}

TEST_P(BusContract, each_of_many_asks_gets_its_own_answer_from_one_of_those_who_serve) {
  serve(0);
  serve(1);
  std::vector<Reply> replies;
  for (std::int32_t i = 0; i < 500; ++i) replies.push_back(ask({i, i + 1}));
  EXPECT_TRUE(until([&replies] {
    return std::all_of(replies.begin(), replies.end(),
                       [](const Reply& reply) { return reply->has_value(); });
  }));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    ASSERT_TRUE((*replies[i])->has_value()) << (*replies[i])->error().message;
    ASSERT_EQ((**replies[i])->outcomes.size(), 2U);
    EXPECT_EQ((**replies[i])->outcomes[0].distance, i);
    EXPECT_EQ((**replies[i])->outcomes[1].distance, i + 1);
  }
  EXPECT_EQ(handler(0).handled + handler(1).handled, 500U) << "each is handled once";
}

TEST_P(BusContract, who_stops_serving_answers_what_was_taken_and_takes_no_more) {
  serve(0);
  handler(0).held = true;
  const Reply reply = ask({9});
  ASSERT_TRUE(until([this] { return handler(0).handled == 1; }));
  bus(0).stop_serving();
  // What a server between sends before it has heard of that is lost, and asked again in the end.
  int looks = 0;
  ASSERT_TRUE(until([&looks] { return ++looks > 300; }));
  const auto refused = asked({1});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_FALSE(reply->has_value());
  handler(0).held = false;
  ASSERT_TRUE(until([&reply] { return reply->has_value(); }));
  ASSERT_TRUE((*reply)->has_value()) << (*reply)->error().message;
  EXPECT_EQ((**reply)->outcomes[0].distance, 9);
}

TEST_P(BusContract, invalidations_reach_every_listener_whole_and_in_order) {
  std::vector<model::Invalidation> heard[2];
  for (std::size_t i = 0; i < 2; ++i) {
    bus(i).on_invalidation([&heard, i](const auto& what) { heard[i].push_back(what); });
  }
  // Heartbeats until both listen: where a server lies between, listening takes a moment.
  std::uint64_t beats = 0;
  ASSERT_TRUE(until([&] {
    under_test_->asker().publish(an_invalidation(++beats, 0));
    return !heard[0].empty() && !heard[1].empty();
  }));
  constexpr std::uint64_t first = 1'000'000;
  for (std::uint64_t seq = first; seq < first + 100; ++seq) {
    under_test_->asker().publish(an_invalidation(seq, seq % 7));
  }
  for (auto& mine : heard) {
    ASSERT_TRUE(until([&] {
      return std::count_if(mine.begin(), mine.end(),
                           [](const auto& one) { return one.seq >= first; }) == 100;
    }));
    std::erase_if(mine, [](const auto& one) { return one.seq < first; });
    const auto earlier = [](const auto& a, const auto& b) { return a.seq < b.seq; };
    if (!under_test_->keeps_order()) std::sort(mine.begin(), mine.end(), earlier);
    for (std::uint64_t i = 0; i < 100; ++i) {
      const auto want = an_invalidation(first + i, (first + i) % 7);
      EXPECT_EQ(mine[i].seq, want.seq);
      EXPECT_EQ(mine[i].shard, want.shard);
      EXPECT_EQ(mine[i].relay, want.relay);
      EXPECT_EQ(mine[i].epoch, want.epoch);
      ASSERT_EQ(mine[i].tiles.size(), want.tiles.size());
      for (std::size_t row = 0; row < want.tiles.size(); ++row) {
        EXPECT_EQ(mine[i].tiles[row].world, want.tiles[row].world);
        EXPECT_EQ(mine[i].tiles[row].epoch, want.tiles[row].epoch);
        EXPECT_EQ(mine[i].tiles[row].row, want.tiles[row].row);
      }
    }
  }
}

TEST_P(BusContract, told_claims_reach_who_listens_and_telling_again_is_harmless) {
  std::vector<model::ClaimEvent> heard;
  under_test_->asker().on_claims([&heard](const std::vector<model::ClaimEvent>& events) {
    heard.insert(heard.end(), events.begin(), events.end());
  });
  const std::vector<model::ClaimEvent> events{an_event(1, model::Outcome::granted),
                                              an_event(2, model::Outcome::sold_out)};
  // Others until listening has begun.
  std::uint64_t number = 1'000;
  ASSERT_TRUE(until([&] {
    EXPECT_TRUE(told({an_event(++number, model::Outcome::closed)}).has_value());
    return !heard.empty();
  }));
  EXPECT_TRUE(told({}).has_value());
  EXPECT_TRUE(told(events).has_value());
  EXPECT_TRUE(told(events).has_value());
  const auto find = [&heard](std::uint64_t claim) {
    return std::find_if(heard.begin(), heard.end(),
                        [claim](const auto& one) { return one.claim.low == claim; });
  };
  ASSERT_TRUE(until([&] { return find(1) != heard.end() && find(2) != heard.end(); }));
  for (const auto& want : events) {
    const auto got = *find(want.claim.low);
    EXPECT_EQ(got.claim, want.claim);
    EXPECT_EQ(got.outcome, want.outcome);
    EXPECT_EQ(got.world, want.world);
    EXPECT_EQ(got.tile, want.tile);
    EXPECT_EQ(got.player, want.player);
    EXPECT_EQ(got.reward, want.reward);
    EXPECT_EQ(got.rules, want.rules);
    EXPECT_EQ(got.cursor, want.cursor);
    EXPECT_EQ(got.at_us, want.at_us);
  }
}

TEST_P(BusContract, more_claims_than_one_call_waits_for_are_all_kept) {
  std::size_t heard = 0;
  under_test_->asker().on_claims(
      [&heard](const std::vector<model::ClaimEvent>& events) { heard += events.size(); });
  ASSERT_TRUE(until([&] {
    EXPECT_TRUE(told({an_event(heard + 5'000'000, model::Outcome::closed)}).has_value());
    return heard > 0;
  }));
  heard = 0;
  std::vector<model::ClaimEvent> events;
  for (std::uint64_t i = 0; i < 600; ++i) events.push_back(an_event(i, model::Outcome::sold_out));
  EXPECT_TRUE(told(std::move(events)).has_value());
  EXPECT_TRUE(until([&heard] { return heard >= 600; }));
}

}  // namespace hunt::ports::contract
