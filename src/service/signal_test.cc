// Who waits for a signal goes on once: at the signal, at its deadline, or never, with its lane.
#include "service/signal.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>

namespace hunt::service {
namespace {

using SignalPtr = std::shared_ptr<Signal>;

struct Lane {
  void spawn(SignalPtr signal);
  void poll() {
    loop.restart();
    loop.poll();
  }

  boost::asio::io_context loop;
  std::unique_ptr<Deadlines> deadlines = std::make_unique<Deadlines>();
  int in_time = 0;
  int late = 0;
};

boost::asio::awaitable<void> wait_for(SignalPtr signal, Lane* lane) {
  const bool set = co_await signal->wait(*lane->deadlines, 100);
  ++(set ? lane->in_time : lane->late);
}

void Lane::spawn(SignalPtr signal) {
  boost::asio::co_spawn(loop, wait_for(std::move(signal), this),
                        [](const std::exception_ptr& error) {
                          if (error) std::rethrow_exception(error);
                        });
  poll();
}

TEST(Signal, resumes_all_who_wait_once) {
  Lane lane;
  const auto signal = std::make_shared<Signal>();
  lane.spawn(signal);
  lane.spawn(signal);
  signal->set();
  lane.poll();
  EXPECT_EQ(lane.in_time, 2);
  lane.deadlines->sweep(1'000);
  lane.spawn(signal);  // set already
  EXPECT_EQ(lane.in_time, 3);
  EXPECT_EQ(lane.late, 0);
}

TEST(Signal, is_late_for_who_waited_until_the_deadline) {
  Lane lane;
  const auto signal = std::make_shared<Signal>();
  lane.spawn(signal);
  lane.deadlines->sweep(99);
  lane.poll();
  EXPECT_EQ(lane.late, 0);
  lane.deadlines->sweep(100);
  signal->set();
  lane.poll();
  EXPECT_EQ(lane.late, 1);
  EXPECT_EQ(lane.in_time, 0);
}

TEST(Signal, does_not_keep_a_frame_that_owns_it_when_its_lane_ends) {
  Lane lane;
  auto signal = std::make_shared<Signal>();
  const std::weak_ptr<Signal> seen = signal;
  lane.spawn(std::move(signal));
  EXPECT_FALSE(seen.expired());
  lane.deadlines.reset();
  lane.poll();  // a frame unwinds in its own loop
  EXPECT_TRUE(seen.expired());
  EXPECT_EQ(lane.in_time + lane.late, 0);
}

}  // namespace
}  // namespace hunt::service
