#include "node/loop_watch.h"

#include <gtest/gtest.h>

#include <thread>

#include "adapters/system/system_clock.h"

namespace hunt::node {
namespace {

constexpr auto still = std::chrono::milliseconds(60);

// What waits at the loop is told how long it waited, as what comes after it is told how long it
// will: a stall is over then.
TEST(LoopWatch, tells_how_long_what_is_handled_now_has_waited) {
  const system::SystemClock clock;
  std::int64_t stalled_ns = 0;
  Lane lane;
  LoopWatch watch(lane, clock, [&](LoopWatch::Load load) { stalled_ns = load.stalled_ns; });
  boost::asio::io_context& loop = lane.loop();
  std::int64_t late_ns = 0;
  watch.start();
  loop.run_for(std::chrono::milliseconds(20));
  boost::asio::post(loop, [] { std::this_thread::sleep_for(still); });
  boost::asio::post(loop, [&] { late_ns = watch.late_ns(); });
  loop.run_for(std::chrono::milliseconds(1'200));
  EXPECT_GE(late_ns, 50'000'000);
  EXPECT_GE(stalled_ns, 50'000'000);
  EXPECT_LT(watch.lag_ns(), late_ns);
}

}  // namespace
}  // namespace hunt::node
