// VirtualLoop: a loop whose time passes when the test says so, for what runs beside a lane.
//
// Not a lane with its parts (service_test_support.h). Everything runs on the caller's thread.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <exception>
#include <utility>

#include "base/result.h"
#include "sim/virtual_time.h"

namespace hunt::service {

struct VirtualLoop {
  // Lets time pass, `step_ns` at once, until the coroutine has ended.
  void run(boost::asio::awaitable<void> task, std::int64_t step_ns) {
    bool done = false;
    boost::asio::co_spawn(loop, std::move(task), [&done](const std::exception_ptr& thrown) {
      HUNT_ASSERT(!thrown);
      done = true;
    });
    while (!done) pass(step_ns);
  }
  // Whoever sleeps wakes when it is due.
  void pass(std::int64_t ns) {
    const std::int64_t until_ns = time.now_ns() + ns;
    loop.restart();
    for (loop.poll(); time.next_deadline_ns() <= until_ns; loop.poll()) {
      time.advance_to(time.next_deadline_ns());
      loop.restart();
    }
    time.advance_to(until_ns);
    loop.restart();
    loop.poll();
  }

  boost::asio::io_context loop{1};
  sim::VirtualTime time{loop.get_executor(), 1'800'000'000'000'000};
};

}  // namespace hunt::service
