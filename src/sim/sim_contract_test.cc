// The simulated buses and the simulated stream keep the contracts of their ports when nothing
// fails.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>

#include "ports/contract/bus_contract.h"
#include "ports/contract/position_stream_contract.h"
#include "sim/net_bus.h"
#include "sim/sim_bus.h"
#include "sim/sim_stream.h"
#include "sim/virtual_time.h"

namespace hunt::sim {
namespace {

namespace asio = boost::asio;
using ports::contract::BusContract;
using ports::contract::BusUnderTest;
using ports::contract::PositionStreamContract;
using ports::contract::StreamUnderTest;

constexpr std::int64_t step_ns = 1'000'000;
constexpr std::int64_t patience_ns = 60'000'000'000;
constexpr std::int64_t wall_start_us = 1'764'000'000'000'000;

// All endpoints on one loop.
class OneLoop final : public BusUnderTest {
 public:
  ports::Bus& orchestrator(std::size_t index) override { return index == 0 ? first_ : second_; }
  ports::Bus& asker() override { return asker_; }
  bool spreads_asks() const override { return false; }
  void spawn(ports::Bus&, asio::awaitable<void> task) override {
    asio::co_spawn(loop_, std::move(task), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
  }
  asio::awaitable<void> sleep(ports::Bus&, std::int64_t time_ns) override {
    co_await time_.sleep_until(time_.now_ns() + time_ns);
  }
  bool run_until(const std::function<bool()>& done) override {
    for (const std::int64_t end_ns = time_.now_ns() + patience_ns; time_.now_ns() < end_ns;) {
      loop_.restart();
      loop_.poll();
      if (done()) return true;
      time_.advance_to(time_.now_ns() + step_ns);
    }
    return false;
  }

 private:
  asio::io_context loop_;
  VirtualTime time_{loop_.get_executor(), wall_start_us};
  SimHub hub_;
  SimBus first_{hub_, loop_.get_executor()};
  SimBus second_{hub_, loop_.get_executor()};
  SimBus asker_{hub_, loop_.get_executor()};
};

// A machine for the server and one for each process, without faults.
struct Machines {
  Machines() {
    for (const char* name : {"server", "first", "second", "asker"}) {
      nodes.push_back(world.add_node(name));
      world.boot(nodes.back());
    }
  }
  ~Machines() {
    for (const auto node : nodes) {
      if (world.host(node) != nullptr) static_cast<void>(world.kill(node));
    }
  }
  [[nodiscard]] Host& host(std::size_t index) { return *world.host(nodes[index]); }
  [[nodiscard]] bool run_until(const std::function<bool()>& done) {
    for (const std::int64_t end_ns = world.now_ns() + patience_ns; world.now_ns() < end_ns;) {
      world.run_until(world.now_ns() + step_ns);
      if (done()) return true;
    }
    return false;
  }

  World world{7, wall_start_us};
  Faults faults{7};
  Network network{world, faults, 7};
  std::vector<NodeId> nodes;
};

class Networked final : public BusUnderTest {
 public:
  ports::Bus& orchestrator(std::size_t index) override { return index == 0 ? first_ : second_; }
  ports::Bus& asker() override { return asker_; }
  void spawn(ports::Bus& where, asio::awaitable<void> task) override {
    host_of(where).spawn(std::move(task));
  }
  asio::awaitable<void> sleep(ports::Bus& where, std::int64_t time_ns) override {
    Host& host = host_of(where);
    co_await host.sleep_until(host.now_ns() + time_ns);
  }
  bool run_until(const std::function<bool()>& done) override { return machines_.run_until(done); }
  bool keeps_order() const override { return false; }

 private:
  Host& host_of(const ports::Bus& bus) {
    return machines_.host(&bus == &first_ ? 1 : &bus == &second_ ? 2 : 3);
  }
  Machines machines_;
  BusServer server_{machines_.world, machines_.faults, machines_.nodes[0], 7};
  NetBus first_{machines_.network, server_, machines_.host(1)};
  NetBus second_{machines_.network, server_, machines_.host(2)};
  NetBus asker_{machines_.network, server_, machines_.host(3)};
};

class Stream final : public StreamUnderTest {
 public:
  Stream() {
    asio::awaitable<void> server = server_.run(machines_.host(0));
    machines_.host(0).spawn(std::move(server));
    for (std::size_t i = 1; i <= 3; ++i) {
      ends_[i - 1].emplace(machines_.network, server_, machines_.host(i));
    }
    ends_[2]->on_reply([this](const std::string&, const model::Batch& batch,
                              const model::BatchReply&) { replied_ += batch.positions.size(); });
  }
  ~Stream() override {
    // Frames that are still parked go before what they refer to.
    for (std::size_t i = 0; i < 3; ++i) {
      if (ends_[i]) die(i);
    }
  }
  ports::PositionStream& publisher() override { return *ends_[2]; }
  ports::PositionStream& consumer(std::size_t index) override { return *ends_[index]; }
  void die(std::size_t index) override {
    const auto host = machines_.world.kill(machines_.nodes[index + 1]);
    ends_[index].reset();
  }
  void spawn(ports::PositionStream& where, asio::awaitable<void> task) override {
    host_of(where).spawn(std::move(task));
  }
  asio::awaitable<void> sleep(ports::PositionStream& where, std::int64_t time_ns) override {
    Host& host = host_of(where);
    co_await host.sleep_until(host.now_ns() + time_ns);
  }
  bool run_until(const std::function<bool()>& done) override { return machines_.run_until(done); }
  void run_for(std::int64_t time_ns) override {
    machines_.world.run_until(machines_.world.now_ns() + time_ns);
  }
  std::string reply_to() override { return std::to_string(machines_.nodes[3]) + ".outcomes"; }
  std::size_t replied() override { return replied_; }

 private:
  Host& host_of(const ports::PositionStream& stream) {
    return machines_.host(&stream == &*ends_[0] ? 1 : &stream == &*ends_[1] ? 2 : 3);
  }
  Machines machines_;
  StreamServer server_{machines_.world, machines_.network, machines_.faults, machines_.nodes[0], 7};
  std::optional<NetStream> ends_[3];
  std::size_t replied_ = 0;
};

std::unique_ptr<BusUnderTest> make_one_loop() {
  return std::make_unique<OneLoop>();
}
std::unique_ptr<BusUnderTest> make_networked() {
  return std::make_unique<Networked>();
}
std::unique_ptr<StreamUnderTest> make_stream() {
  return std::make_unique<Stream>();
}

INSTANTIATE_TEST_SUITE_P(OneLoop, BusContract, ::testing::Values(&make_one_loop));
INSTANTIATE_TEST_SUITE_P(Networked, BusContract, ::testing::Values(&make_networked));
INSTANTIATE_TEST_SUITE_P(Simulated, PositionStreamContract, ::testing::Values(&make_stream));

}  // namespace
}  // namespace hunt::sim
