// The remote bus against the real server, and against servers that are down, slow, or no hunt at
// all: every ask is answered or told why not.
#include "adapters/http/remote_bus.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <optional>

#include "adapters/http/http_test_support.h"

namespace hunt::http {
namespace {

using asio::awaitable;

model::Batch batch_at(std::initializer_list<int> xs) {
  model::Batch batch;
  for (const int x : xs) batch.positions.push_back({{1, 2}, {x, 0}, model::Kind::dig, 0, 0});
  return batch;
}

// The client's lane, on a thread of its own.
class RemoteBusTest : public HttpTest, public ::testing::WithParamInterface<const char*> {
 protected:
  RemoteBusTest() : client_thread([this] { client.run(); }) {}
  ~RemoteBusTest() override {
    if (bus_) wait(bus_->close());
    asio::post(client, [this] { bus_.reset(); });
    work.reset();
    client_thread.join();
  }
  template <class T>
  T wait(awaitable<T> task) {
    return asio::co_spawn(client, std::move(task), asio::use_future).get();
  }
  RemoteBus& make(RemoteOptions remote) {
    auto made = RemoteBus::make(client.get_executor(), std::move(remote));
    EXPECT_TRUE(made.has_value()) << made.error().message;
    bus_ = std::move(*made);
    return *bus_;
  }
  RemoteOptions to_server() const {
    RemoteOptions remote;
    remote.url = fmt::format("{}://127.0.0.1:{}", GetParam(), port);
    return remote;
  }

  asio::io_context client{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{client.get_executor()};
  std::unique_ptr<RemoteBus> bus_;
  std::thread client_thread;
};

TEST_P(RemoteBusTest, brings_the_answers_that_the_server_gives) {
  run();
  auto& remote = make(to_server());
  ASSERT_TRUE(wait(remote.connect()).has_value());
  const auto reply = wait(remote.ask(batch_at({0, 1, 2}), ports::Wait::no));
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->outcomes[0].outcome, model::Outcome::nothing);
  EXPECT_EQ(reply->outcomes[1].distance, 4);
  ASSERT_EQ(reply->outcomes[2].claim_index, 0);
  EXPECT_EQ(reply->claims[0].claim, (model::ClaimId{0xabc, 0xdef}));
  for (const char* reward : {"star_map", "star_shard*12,bell"}) {
    bus.reward = reward;
    const auto terminal = wait(remote.ask(batch_at({2}), ports::Wait::terminal));
    ASSERT_TRUE(terminal.has_value());
    EXPECT_EQ(terminal->outcomes[0].outcome, model::Outcome::granted);
    EXPECT_EQ(terminal->claims[0].reward, reward);
  }
}

TEST_P(RemoteBusTest, answers_many_asks_at_once_each_with_its_own) {
  bus.delay = milliseconds(2);
  run();
  auto& remote = make(to_server());
  ASSERT_TRUE(wait(remote.connect()).has_value());
  std::vector<std::future<Result<model::BatchReply>>> asks;
  for (int i = 0; i < 300; ++i) {
    model::Batch batch = batch_at({0});
    for (int more = 0; more < i % 5; ++more) batch.positions.push_back(batch.positions.front());
    asks.push_back(
        asio::co_spawn(client, remote.ask(std::move(batch), ports::Wait::no), asio::use_future));
  }
  for (int i = 0; i < 300; ++i) {
    const auto reply = asks[static_cast<std::size_t>(i)].get();
    ASSERT_TRUE(reply.has_value()) << reply.error().message;
    EXPECT_EQ(reply->outcomes.size(), 1U + static_cast<std::size_t>(i % 5));
  }
}

TEST_P(RemoteBusTest, passes_on_what_the_server_refuses) {
  bus.error = Error{Errc::overloaded, "the lane is full", {}};
  run();
  auto& remote = make(to_server());
  ASSERT_TRUE(wait(remote.connect()).has_value());
  const auto reply = wait(remote.ask(batch_at({0}), ports::Wait::no));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::overloaded);
  EXPECT_NE(reply.error().message.find("the lane is full"), std::string::npos);
}

TEST_P(RemoteBusTest, says_when_nobody_listens_there) {
  RemoteOptions remote;
  remote.url = fmt::format("{}://127.0.0.1:1", GetParam());
  const auto connected = wait(make(remote).connect());
  ASSERT_FALSE(connected.has_value());
  EXPECT_EQ(connected.error().code, Errc::unavailable);
  EXPECT_NE(connected.error().message.find("127.0.0.1:1"), std::string::npos);
}

TEST_P(RemoteBusTest, says_when_the_token_is_wrong) {
  options.host = "0.0.0.0";
  options.server_token = "game-secret";
  run();
  auto remote = to_server();
  remote.token = "guess";
  const auto connected = wait(make(remote).connect());
  ASSERT_FALSE(connected.has_value());
  EXPECT_EQ(connected.error().code, Errc::unauthorized) << connected.error().message;
}

TEST_P(RemoteBusTest, gives_up_on_a_slow_server_at_the_deadline) {
  bus.delay = milliseconds(2'000);
  run();
  auto remote = to_server();
  remote.timeout_ns = 100'000'000;
  auto& slow = make(remote);
  ASSERT_TRUE(wait(slow.connect()).has_value());
  const auto begun = std::chrono::steady_clock::now();
  const auto reply = wait(slow.ask(batch_at({0}), ports::Wait::no));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::deadline_exceeded) << reply.error().message;
  EXPECT_LT(std::chrono::steady_clock::now() - begun, milliseconds(1'500));
}

TEST_P(RemoteBusTest, refuses_what_no_hunt_server_says) {
  // Answers every connection with the same bytes.
  asio::io_context other;
  tcp::acceptor acceptor(other, {asio::ip::make_address("127.0.0.1"), 0});
  port = acceptor.local_endpoint().port();
  std::thread garbage([&] {
    for (int i = 0; i < 2; ++i) {
      boost::system::error_code error;
      tcp::socket socket(other);
      acceptor.accept(socket, error);
      if (error) return;
      std::array<char, 4'096> unread;
      socket.read_some(asio::buffer(unread), error);
      write(socket, "220 smtp.example ESMTP\r\n\r\n");
    }
  });
  const auto connected = wait(make(to_server()).connect());
  EXPECT_FALSE(connected.has_value());
  if (!connected) {
    EXPECT_NE(connected.error().message.find(fmt::format("127.0.0.1:{}", port)), std::string::npos)
        << connected.error().message;
  }
  boost::system::error_code ignored;
  tcp::socket last(other);
  last.connect(acceptor.local_endpoint(), ignored);
  last.close(ignored);
  garbage.join();
}

TEST_P(RemoteBusTest, comes_back_after_the_server_was_away) {
  run();
  auto& remote = make(to_server());
  ASSERT_TRUE(wait(remote.connect()).has_value());
  server->stop();
  thread.join();
  EXPECT_FALSE(wait(remote.ask(batch_at({0}), ports::Wait::no)).has_value());
  options.port = port;
  lane.restart();
  run();
  for (int i = 0; i < 400; ++i) {
    if (wait(remote.ask(batch_at({0}), ports::Wait::no)).has_value()) return;
    std::this_thread::sleep_for(milliseconds(10));
  }
  FAIL() << "the connection did not come back";
}

INSTANTIATE_TEST_SUITE_P(Schemes, RemoteBusTest, ::testing::Values("http", "ws"),
                         [](const auto& scheme) { return std::string(scheme.param); });

TEST(RemoteBus, hears_grants_and_refusals_over_a_stream) {
  class Fixture : public HttpTest {
   public:
    void TestBody() override {}
    using HttpTest::lane;
    using HttpTest::port;
    using HttpTest::run;
    using HttpTest::server;
  } fixture;
  fixture.run();
  asio::io_context client{1};
  RemoteOptions options;
  options.url = fmt::format("ws://127.0.0.1:{}/v1/stream", fixture.port);
  auto made = RemoteBus::make(client.get_executor(), options);
  ASSERT_TRUE(made.has_value());
  RemoteBus& remote = **made;
  std::vector<model::ClaimEvent> heard;
  remote.on_claims([&heard](const std::vector<model::ClaimEvent>& events) {
    heard.insert(heard.end(), events.begin(), events.end());
  });
  const auto play = [&]() -> awaitable<void> {
    const auto connected = co_await remote.connect();
    EXPECT_TRUE(connected.has_value());
    auto batch = batch_at({2});
    const auto found = co_await remote.ask(std::move(batch), ports::Wait::no);
    EXPECT_TRUE(found.has_value());
    asio::post(fixture.lane, [&] {
      model::ClaimEvent granted;
      granted.claim = {1, 1};
      granted.cursor = 1;
      model::ClaimEvent refused;
      refused.claim = {0xabc, 0xdef};
      refused.outcome = model::Outcome::sold_out;
      fixture.server->on_claims({granted, refused});
    });
    asio::steady_timer timer(client);
    for (int i = 0; i < 500 && heard.size() < 2; ++i) {
      timer.expires_after(milliseconds(10));
      co_await timer.async_wait(asio::use_awaitable);
    }
    co_await remote.close();
  };
  asio::co_spawn(client, play(), asio::use_future);
  client.run();
  ASSERT_EQ(heard.size(), 2U);
  const auto refusal = heard[0].outcome == model::Outcome::sold_out ? heard[0] : heard[1];
  EXPECT_EQ(refusal.claim, (model::ClaimId{0xabc, 0xdef}));
}

TEST(RemoteBus, explains_bad_urls) {
  asio::io_context client;
  for (const char* url : {"", "ftp://a", "http://", "ws://a:0", "http://a/b", "ws://a/v1/grants"}) {
    RemoteOptions options;
    options.url = url;
    const auto made = RemoteBus::make(client.get_executor(), options);
    ASSERT_FALSE(made.has_value()) << url;
    EXPECT_EQ(made.error().code, Errc::invalid_argument);
    EXPECT_EQ(made.error().field, "url");
  }
}

}  // namespace
}  // namespace hunt::http
