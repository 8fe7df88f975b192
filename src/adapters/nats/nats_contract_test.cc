// NATS keeps the contracts of Bus and PositionStream, over a real nats-server.
#include "adapters/nats/nats_test_support.h"
#include "ports/contract/bus_contract.h"
#include "ports/contract/position_stream_contract.h"

namespace hunt::nats {
namespace {

using ports::contract::BusContract;
using ports::contract::BusUnderTest;
using ports::contract::PositionStreamContract;
using ports::contract::StreamUnderTest;

void spawn_on(asio::io_context& lane, asio::awaitable<void> task) {
  asio::co_spawn(lane, std::move(task), [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
}
asio::awaitable<void> sleep_on(asio::io_context& lane, std::int64_t time_ns) {
  asio::steady_timer timer(lane, std::chrono::nanoseconds(time_ns));
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

class OverNats final : public BusUnderTest {
 public:
  OverNats() {
    for (std::size_t i = 0; i < 3; ++i) {
      connections_[i] = connected(lanes_, i, options_for(server_));
    }
    const auto prepared = lanes_.run(0, connections_[0]->prepare(small_streams(), {}));
    EXPECT_TRUE(prepared.has_value()) << (prepared ? "" : prepared.error().message);
    for (std::size_t i = 0; i < 3; ++i) buses_[i].emplace(*connections_[i], BusOptions());
  }
  ports::Bus& orchestrator(std::size_t index) override { return *buses_[index]; }
  ports::Bus& asker() override { return *buses_[2]; }
  void spawn(ports::Bus& where, asio::awaitable<void> task) override {
    spawn_on(lane_of(where), std::move(task));
  }
  asio::awaitable<void> sleep(ports::Bus& where, std::int64_t time_ns) override {
    return sleep_on(lane_of(where), time_ns);
  }
  bool run_until(const std::function<bool()>& done) override { return lanes_.run_until(done); }

 private:
  asio::io_context& lane_of(const ports::Bus& bus) {
    return lanes_[&bus == &*buses_[0] ? 0 : &bus == &*buses_[1] ? 1 : 2];
  }
  NatsServer server_;
  Lanes lanes_{3};
  std::unique_ptr<Connection> connections_[3];
  std::optional<NatsBus> buses_[3];
};

class StreamOverNats final : public StreamUnderTest {
 public:
  StreamOverNats() : raw_(server_.port()) {
    StreamOptions options;
    options.any = false;
    options.ack_wait_ns = ack_wait_ns;
    for (std::size_t i = 0; i < 3; ++i) {
      connections_[i] = connected(lanes_, i, options_for(server_));
    }
    const auto prepared = lanes_.run(0, connections_[0]->prepare(small_streams(), {"0", "1"}));
    EXPECT_TRUE(prepared.has_value()) << (prepared ? "" : prepared.error().message);
    for (std::size_t i = 0; i < 3; ++i) streams_[i].emplace(*connections_[i], options);
  }
  ports::PositionStream& publisher() override { return *streams_[2]; }
  ports::PositionStream& consumer(std::size_t index) override { return *streams_[index]; }
  void die(std::size_t index) override { connections_[index]->shut(); }
  void spawn(ports::PositionStream& where, asio::awaitable<void> task) override {
    spawn_on(lane_of(where), std::move(task));
  }
  asio::awaitable<void> sleep(ports::PositionStream& where, std::int64_t time_ns) override {
    return sleep_on(lane_of(where), time_ns);
  }
  bool run_until(const std::function<bool()>& done) override { return lanes_.run_until(done); }
  // A quarter: its ack wait is less than that of others, too.
  void run_for(std::int64_t time_ns) override {
    lanes_.run_for(std::chrono::nanoseconds(time_ns / 4));
  }
  std::string reply_to() override { return "_INBOX.raw.outcomes"; }
  std::size_t replied() override {
    while (const auto message = raw_.poll()) {
      constexpr std::string_view name = R"("outcome":)";
      for (std::size_t at = message->body.find(name); at != std::string::npos;
           at = message->body.find(name, at + 1)) {
        ++replied_;
      }
    }
    return replied_;
  }

 private:
  asio::io_context& lane_of(const ports::PositionStream& stream) {
    return lanes_[&stream == &*streams_[0] ? 0 : &stream == &*streams_[1] ? 1 : 2];
  }
  NatsServer server_;
  Lanes lanes_{3};
  RawClient raw_;
  std::unique_ptr<Connection> connections_[3];
  std::optional<NatsStream> streams_[3];
  std::size_t replied_ = 0;
};

std::unique_ptr<BusUnderTest> make_bus() {
  return std::make_unique<OverNats>();
}
std::unique_ptr<StreamUnderTest> make_stream() {
  return std::make_unique<StreamOverNats>();
}

INSTANTIATE_TEST_SUITE_P(Nats, BusContract, ::testing::Values(&make_bus));
INSTANTIATE_TEST_SUITE_P(Nats, PositionStreamContract, ::testing::Values(&make_stream));

}  // namespace
}  // namespace hunt::nats
