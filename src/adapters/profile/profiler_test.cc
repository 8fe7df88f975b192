// Who asks for a profile gets one at once, whatever is watched in the background; and one at a
// time.
#include "adapters/profile/profiler.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <future>
#include <string>
#include <thread>

namespace hunt::profile {
namespace {

using namespace std::chrono_literals;
using model::ProfileKind;

class ProfilerTest : public ::testing::Test {
 protected:
  ~ProfilerTest() override {
    profiler.close();
    loop.restart();
    loop.run();
  }
  std::future<Result<model::Profile>> ask(ProfileKind kind, std::chrono::seconds length) {
    auto asked = boost::asio::co_spawn(loop, profiler.take(kind, length), boost::asio::use_future);
    loop.restart();
    loop.poll();
    return asked;
  }
  Result<model::Profile> take(ProfileKind kind, std::chrono::seconds length) {
    auto asked = ask(kind, length);
    loop.restart();
    loop.run();
    return asked.get();
  }

  boost::asio::io_context loop;
  model::Stats stats;
  Profiler profiler{[this] { return stats; }};
};

TEST_F(ProfilerTest, who_asks_ends_what_is_watched_in_the_background) {
  auto background =
      std::async(std::launch::async, [this] { return profiler.cpu_in_background(60s); });
  std::this_thread::sleep_for(100ms);
  const auto mine = take(ProfileKind::cpu, 1s);
  ASSERT_TRUE(mine.has_value()) << mine.error().message;
  const auto cut = background.get();
  ASSERT_TRUE(cut.has_value()) << cut.error().message;
  EXPECT_LT(cut->duration_ns, 60'000'000'000);
}

TEST_F(ProfilerTest, two_at_once_are_refused_and_an_ending_process_gives_what_there_is) {
  auto first = ask(ProfileKind::cpu, 60s);
  const auto second = ask(ProfileKind::wall, 1s).get();
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::overloaded);
  const auto background = profiler.cpu_in_background(1s);
  ASSERT_FALSE(background.has_value());
  EXPECT_EQ(background.error().code, Errc::overloaded);
  profiler.close();
  loop.restart();
  loop.run();
  ASSERT_EQ(first.wait_for(20s), std::future_status::ready);
  EXPECT_TRUE(first.get().has_value());
  EXPECT_EQ(profiler.cpu_in_background(1s).error().code, Errc::unavailable);
}

TEST_F(ProfilerTest, of_requests_it_tells_what_the_stages_took_meanwhile) {
  EXPECT_EQ(take(ProfileKind::wall, 1s).error().code, Errc::unsupported) << "there are no stages";
  stats.stages.push_back({});
  stats.stages[0].stage = model::Stage::store_grant;
  stats.stages[0].resource = "shard 0";
  stats.stages[0].sum_ns = 5'000'000;
  auto asked = ask(ProfileKind::wall, 1s);
  std::this_thread::sleep_for(200ms);
  profiler.close();
  loop.restart();
  loop.run();
  const auto nothing = asked.get();
  ASSERT_TRUE(nothing.has_value());
  EXPECT_TRUE(nothing->stacks.empty()) << "what was before is not of these seconds";
}

}  // namespace
}  // namespace hunt::profile
