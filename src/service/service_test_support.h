// VirtualLane: one lane with its relay on virtual time over simulated parts, for tests.
//
// Not for production. Everything runs on the caller's thread; run() lets time jump to the next
// sleeper whenever nothing else is left to do, so a test never waits.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "service/observer.h"
#include "service/orchestrator.h"
#include "service/relay.h"
#include "sim/sim_bus.h"
#include "sim/sim_store.h"
#include "sim/virtual_time.h"

namespace hunt::service {

// A find on a step, of one item.
inline std::shared_ptr<const model::RuleSet> one_item_rules() {
  auto set = std::make_shared<model::RuleSet>();
  set->version = "00000000000000aa";
  set->events.push_back({"test", model::Trigger::step, 8, model::time_us_min, model::time_us_max});
  set->tables.push_back({"loot", 0, 0, 1, 1});
  set->entries = {{1, false, 0}};
  set->items = {"common"};
  return set;
}

class VirtualLane {
 public:
  explicit VirtualLane(std::shared_ptr<const model::RuleSet> rules)
      : time(loop.get_executor(), 1'800'000'000'000'000),
        store(time, time),
        bus(hub, loop.get_executor()),
        observer(time, 1, {}),
        relay({}, store, bus, nullptr, time, time, loop.get_executor()) {
    OrchestratorOptions options;
    options.event_seed.assign(32, 7);
    OrchestratorPorts ports{{&store}, bus, time, time, loop.get_executor()};
    orchestrator.emplace(options, std::move(ports), observer, std::move(rules));
    bus.on_claims([this](const std::vector<model::ClaimEvent>& events) {
      for (const auto& event : events) told.push_back(event);
    });
    orchestrator->start();
    bus.serve(*orchestrator);
    const auto started = run(relay.start());
    HUNT_ASSERT(started.has_value());
  }
  ~VirtualLane() {
    run(orchestrator->drain(time.now_ns() + 60'000'000'000));
    run(relay.drain());
  }
  VirtualLane(const VirtualLane&) = delete;
  VirtualLane& operator=(const VirtualLane&) = delete;

  // Runs until the coroutine has ended. A deadlock on virtual time ends after an hour of it.
  template <class T>
  T run(boost::asio::awaitable<T> task) {
    std::optional<T> out;
    boost::asio::co_spawn(loop, std::move(task), [&out](const std::exception_ptr& error, T value) {
      if (error) std::rethrow_exception(error);
      out.emplace(std::move(value));
    });
    while (!out) step();
    return std::move(*out);
  }
  void run(boost::asio::awaitable<void> task) {
    bool done = false;
    boost::asio::co_spawn(loop, std::move(task), [&done](const std::exception_ptr& error) {
      if (error) std::rethrow_exception(error);
      done = true;
    });
    while (!done) step();
  }
  // Lets `ns` of virtual time pass.
  void pass(std::int64_t ns) {
    const std::int64_t until_ns = time.now_ns() + ns;
    for (loop.poll(); time.next_deadline_ns() <= until_ns; loop.poll()) {
      time.advance_to(time.next_deadline_ns());
    }
    time.advance_to(until_ns);
    loop.poll();
  }

  boost::asio::io_context loop{1};
  sim::VirtualTime time;
  sim::SimStore store;
  sim::SimHub hub;
  sim::SimBus bus;
  Observer observer;
  std::optional<Orchestrator> orchestrator;
  Relay relay;
  std::vector<model::ClaimEvent> told;

 private:
  void step() {
    loop.restart();
    if (loop.poll() > 0) return;
    HUNT_ASSERT(time.next_deadline_ns() < 3'600'000'000'000);
    time.advance_to(time.next_deadline_ns());
  }
};

}  // namespace hunt::service
