// What happens when the server dies, comes back, stands still, or is about to go: everything waits,
// fails in time or goes on, and nothing that was accepted is lost.
#include <algorithm>
#include <map>
#include <set>

#include "adapters/nats/link.h"
#include "adapters/nats/nats_test_support.h"
#include "model/limits.h"

namespace hunt::nats {
namespace {

class Echo final : public ports::BatchHandler {
 public:
  asio::awaitable<Result<model::BatchReply>> handle(model::Batch batch, ports::Wait) override {
    ++handled;
    while (held) {
      asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(1));
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    model::BatchReply reply;
    reply.outcomes.resize(batch.positions.size());
    co_return reply;
  }
  std::size_t handled = 0;
  bool held = false;
};

// Counts how often each x came.
class Counter final : public ports::DeliveryHandler {
 public:
  asio::awaitable<ports::Settled> handle(ports::Delivery delivery) override {
    const auto x = delivery.batch.positions.at(0).tile.x;
    ++at_work;
    while (held) {
      asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(1));
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    --at_work;
    ++seen[x];
    co_return ports::Settled::ack;
  }
  std::map<std::int32_t, int> seen;
  std::size_t at_work = 0;
  bool held = false;
};

model::Batch a_batch(std::int32_t x = 0, std::size_t positions = 1) {
  model::Batch batch;
  batch.positions.resize(positions);
  for (auto& position : batch.positions) position.tile.x = x;
  return batch;
}

class NatsOutage : public ::testing::Test {
 protected:
  // Lane 0 serves, lane 1 asks and publishes.
  void connect(std::int64_t silence_ns_max = NatsOptions().silence_ns_max) {
    NatsOptions options = options_for(server_);
    options.silence_ns_max = silence_ns_max;
    options.connect_ns_max = 500'000'000;
    for (std::size_t i = 0; i < 2; ++i) {
      connections_[i] = connected(lanes_, i, options);
      BusOptions bus;
      bus.ask_ns_max = 1'000'000'000;
      buses_[i].emplace(*connections_[i], bus);
      StreamOptions stream;
      stream.ack_wait_ns = ack_wait_ns;
      stream.publish_ns_max = 1'000'000'000;
      stream.any = false;
      streams_[i].emplace(*connections_[i], stream);
    }
    const auto prepared = lanes_.run(0, connections_[0]->prepare(small_streams(), {"0"}));
    ASSERT_TRUE(prepared.has_value()) << prepared.error().message;
    buses_[0]->serve(echo_);
    ASSERT_TRUE(lanes_.run_until([this] { return asked().has_value(); }));
  }
  void TearDown() override {
    server_.process().signal(SIGCONT);
    echo_.held = counter_.held = false;
    buses_[0]->stop_serving();
    streams_[0]->stop();
    lanes_.run(0, buses_[0]->drain());
    EXPECT_TRUE(lanes_.run_until([this] { return counter_.at_work == 0 && pending_ == 0; }));
  }

  Result<model::BatchReply> asked() {
    return lanes_.run(1, buses_[1]->ask(a_batch(), ports::Wait::no));
  }
  // Publishes until it is stored, always with the same id.
  asio::awaitable<void> publish_until_stored(std::int32_t x) {
    ++pending_;
    bool stored = false;
    while (!stored) {
      auto batch = a_batch(x);
      auto id = std::to_string(x);
      const auto result = co_await streams_[1]->publish(0, std::move(batch), std::move(id));
      stored = result.has_value();
      if (!stored) ++failures_[result.error().code];
      asio::steady_timer timer(lanes_[1], std::chrono::milliseconds(20));
      if (!stored) co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    --pending_;
  }
  void publish(std::int32_t x) {
    asio::co_spawn(lanes_[1], publish_until_stored(x), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
  }

  NatsServer server_;
  Lanes lanes_{2};
  Echo echo_;
  Counter counter_;
  std::size_t pending_ = 0;
  std::map<Errc, int> failures_;
  std::unique_ptr<Connection> connections_[2];
  std::optional<NatsBus> buses_[2];
  std::optional<NatsStream> streams_[2];
};

TEST_F(NatsOutage, a_killed_server_fails_what_is_in_flight_at_once_and_is_found_again) {
  connect();
  echo_.held = true;
  bool failed = false;
  Errc code = Errc::internal;
  asio::co_spawn(lanes_[1], buses_[1]->ask(a_batch(), ports::Wait::no),
                 [&](const std::exception_ptr&, Result<model::BatchReply> reply) {
                   failed = true;
                   if (!reply) code = reply.error().code;
                 });
  const std::size_t handled = echo_.handled;
  ASSERT_TRUE(lanes_.run_until([&] { return echo_.handled > handled; }));
  server_.process().kill();
  ASSERT_TRUE(lanes_.run_until([&] { return failed && !connections_[0]->connected(); }));
  EXPECT_EQ(code, Errc::unavailable);
  echo_.held = false;
  const auto now = asked();
  ASSERT_FALSE(now.has_value());
  EXPECT_EQ(now.error().code, Errc::unavailable);
  server_.start();
  ASSERT_TRUE(lanes_.run_until([this] { return asked().has_value(); }));
}

TEST_F(NatsOutage, the_stream_goes_on_after_a_killed_server_and_nothing_is_lost) {
  connect();
  streams_[0]->serve({0}, counter_, 16);
  constexpr std::int32_t count = 60;
  for (std::int32_t x = 0; x < count / 3; ++x) publish(x);
  ASSERT_TRUE(lanes_.run_until([&] { return counter_.seen.size() >= 5; }));
  counter_.held = true;
  for (std::int32_t x = count / 3; x < 2 * count / 3; ++x) publish(x);
  ASSERT_TRUE(lanes_.run_until([&] { return counter_.at_work > 0; }));
  server_.process().kill();
  for (std::int32_t x = 2 * count / 3; x < count; ++x) publish(x);
  ASSERT_TRUE(
      lanes_.run_until([&] { return !connections_[1]->connected() && !failures_.empty(); }));
  server_.start();
  counter_.held = false;
  ASSERT_TRUE(lanes_.run_until([&] { return pending_ == 0 && counter_.seen.size() == count; }));
  RawClient raw(server_.port());
  ASSERT_TRUE(lanes_.run_until([&] {
    const auto info = raw.request(lanes_, "$JS.API.STREAM.INFO.HUNT_POS", "");
    return info.body.find(R"("messages":0,)") != std::string::npos;
  }));
}

TEST_F(NatsOutage, a_server_that_stands_still_costs_bounded_memory_and_errors_in_time) {
  connect(60'000'000'000);
  server_.process().signal(SIGSTOP);
  std::uint64_t bytes = 0;
  // More than the kernel's socket buffers and our bound take together, down to the last bytes.
  for (const std::size_t size : {64 * 1'024, 1'024, 1}) {
    const std::string load(size, 'x');
    bool overloaded = false;
    for (int i = 0; i < 4'000 && !overloaded; ++i) {
      const auto sent = connections_[1]->link()->publish("game7.load", {}, load);
      overloaded = !sent && sent.error().code == Errc::overloaded;
      if (sent) bytes += size;
      lanes_.run_for(std::chrono::milliseconds(0));
    }
    EXPECT_TRUE(overloaded) << size;
  }
  EXPECT_LT(bytes, limits::bus_out_bytes_max + 64 * 1'024 * 1'024);
  const auto refused = asked();
  ASSERT_FALSE(refused.has_value());
  // The kernel may have taken a few bytes more meanwhile: then the ask is sent, and not answered.
  EXPECT_TRUE(refused.error().code == Errc::overloaded ||
              refused.error().code == Errc::deadline_exceeded)
      << refused.error().message;
  std::vector<model::ClaimEvent> events(1);
  const auto told = lanes_.run(0, buses_[0]->tell(std::move(events)));
  ASSERT_FALSE(told.has_value());
  EXPECT_EQ(told.error().code, Errc::unknown_outcome) << told.error().message;
  server_.process().signal(SIGCONT);
  ASSERT_TRUE(lanes_.run_until([this] { return asked().has_value(); }));
}

TEST_F(NatsOutage, a_silent_server_is_given_up_and_found_again) {
  connect(1'500'000'000);
  server_.process().signal(SIGSTOP);
  ASSERT_TRUE(lanes_.run_until(
      [&] { return !connections_[0]->connected() && !connections_[1]->connected(); }));
  EXPECT_EQ(asked().error().code, Errc::unavailable);
  server_.process().signal(SIGCONT);
  ASSERT_TRUE(lanes_.run_until([this] { return asked().has_value(); }));
}

TEST(NatsLameDuck, a_server_that_is_about_to_go_is_left_for_another) {
  NatsServer servers[2] = {NatsServer("lame_duck_grace_period: \"100ms\"", false),
                           NatsServer("lame_duck_grace_period: \"100ms\"", false)};
  Lanes lanes(1);
  NatsOptions options;
  options.servers = parse_servers(fmt::format("nats://127.0.0.1:{},127.0.0.1:{}", servers[0].port(),
                                              servers[1].port()))
                        .value();
  const auto connection = connected(lanes, 0, options);
  NatsBus bus(*connection, BusOptions());
  Echo echo;
  bus.serve(echo);
  RawClient clients[2] = {RawClient(servers[0].port()), RawClient(servers[1].port())};
  const std::string batch =
      R"({"world":1,"positions":[{"player":"0f8fad5b-d9cb-469f-a165-70867728950e","x":1,"y":1}]})";
  const auto serves = [&](std::size_t index) {
    return clients[index].request(lanes, "hunt.ask.any", batch).headers.empty();
  };
  std::size_t here = 2;
  ASSERT_TRUE(lanes.run_until([&] {
    here = serves(0) ? 0 : serves(1) ? 1 : 2;
    return here < 2;
  }));
  servers[here].process().signal(SIGUSR2);
  EXPECT_TRUE(lanes.run_until([&] { return serves(1 - here); }));
  bus.stop_serving();
}

}  // namespace
}  // namespace hunt::nats
