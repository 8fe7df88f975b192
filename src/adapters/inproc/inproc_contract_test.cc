// The in-process bus keeps the contract of Bus: two lanes that may serve and one that asks.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <thread>

#include "adapters/inproc/inproc_bus.h"
#include "ports/contract/bus_contract.h"

namespace hunt::inproc {
namespace {

namespace asio = boost::asio;
using ports::contract::BusContract;
using ports::contract::BusUnderTest;

class NoClock final : public ports::Clock {
 public:
  [[nodiscard]] std::int64_t now_ns() const noexcept override { return 1; }
  [[nodiscard]] std::int64_t wall_us() const noexcept override { return 1; }
};

class ThreeLanes final : public BusUnderTest {
 public:
  ThreeLanes() {
    for (std::size_t i = 0; i < 3; ++i) ends_[i] = hub_.endpoint(lanes_[i].get_executor());
  }
  ports::Bus& orchestrator(std::size_t index) override { return *ends_[index]; }
  ports::Bus& asker() override { return *ends_[2]; }
  void spawn(ports::Bus& where, asio::awaitable<void> task) override {
    asio::co_spawn(lane_of(where), std::move(task), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
  }
  asio::awaitable<void> sleep(ports::Bus& where, std::int64_t time_ns) override {
    asio::steady_timer timer(lane_of(where), std::chrono::nanoseconds(time_ns));
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  bool run_until(const std::function<bool()>& done) override {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < end) {
      std::size_t ran = 0;
      for (auto& lane : lanes_) {
        lane.restart();
        ran += lane.poll();
      }
      if (done()) return true;
      if (ran == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return false;
  }

 private:
  asio::io_context& lane_of(const ports::Bus& bus) {
    for (std::size_t i = 0; i < 2; ++i) {
      if (&bus == ends_[i].get()) return lanes_[i];
    }
    return lanes_[2];
  }
  NoClock clock_;
  InprocBus hub_{clock_};
  asio::io_context lanes_[3];
  std::unique_ptr<ports::Bus> ends_[3];
};

std::unique_ptr<BusUnderTest> make_lanes() {
  return std::make_unique<ThreeLanes>();
}

INSTANTIATE_TEST_SUITE_P(Inproc, BusContract, ::testing::Values(&make_lanes));

}  // namespace
}  // namespace hunt::inproc
