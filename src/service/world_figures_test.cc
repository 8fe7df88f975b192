#include "service/world_figures.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "model/limits.h"

namespace hunt::service {
namespace {

namespace asio = boost::asio;

class ManualClock final : public ports::Clock {
 public:
  [[nodiscard]] std::int64_t now_ns() const noexcept override { return now_ns_; }
  [[nodiscard]] std::int64_t wall_us() const noexcept override { return now_ns_ / 1'000; }
  std::int64_t now_ns_ = 5'000'000'000;
};

// A world whose count takes a while of the clock and gives how often it was counted.
class WorldFiguresTest : public testing::Test {
 protected:
  asio::awaitable<WorldFigures::Answer> count(model::WorldId world) {
    asio::steady_timer turn(io_, std::chrono::milliseconds(1));
    co_await turn.async_wait(asio::use_awaitable);  // others ask meanwhile
    clock_.now_ns_ += takes_ns_;
    if (world == 7) co_return fail(Errc::not_found, "no such world");
    model::WorldStats stats;
    stats.grants = ++counts_;
    co_return stats;
  }
  std::vector<WorldFigures::Answer> ask(std::size_t times, model::WorldId world = 1) {
    std::vector<WorldFigures::Answer> answers;
    const auto one = [&]() -> asio::awaitable<void> {
      auto answer = co_await figures_.of(world);
      answers.push_back(std::move(answer));
    };
    for (std::size_t i = 0; i < times; ++i) {
      asio::co_spawn(io_, one, [](const std::exception_ptr& thrown) { HUNT_ASSERT(!thrown); });
    }
    io_.restart();
    io_.run();
    return answers;
  }

  asio::io_context io_;
  ManualClock clock_;
  std::int64_t takes_ns_ = 0;
  std::uint64_t counts_ = 0;
  WorldFigures figures_{clock_, [this](model::WorldId world) { return count(world); }};
};

TEST_F(WorldFiguresTest, one_count_runs_for_all_who_look_at_once) {
  takes_ns_ = 300'000'000;
  const auto answers = ask(24);
  ASSERT_EQ(answers.size(), 24U);
  for (const auto& answer : answers) EXPECT_EQ(answer.value().grants, 1U);
  EXPECT_EQ(counts_, 1U);
}

TEST_F(WorldFiguresTest, a_slow_count_is_kept_and_says_how_old_it_is) {
  takes_ns_ = 100'000'000;
  EXPECT_EQ(ask(1)[0].value().age_ns, takes_ns_);
  clock_.now_ns_ += 1'000'000'000;
  EXPECT_EQ(ask(1)[0].value().age_ns, takes_ns_ + 1'000'000'000);
  EXPECT_EQ(counts_, 1U);
  clock_.now_ns_ += 1'000'000'000;
  EXPECT_EQ(ask(1)[0].value().age_ns, takes_ns_) << "a twentieth of the time goes into counting";
  EXPECT_EQ(counts_, 2U);
  takes_ns_ = 50'000'000'000;
  clock_.now_ns_ += 2'000'000'000;
  EXPECT_EQ(ask(1)[0].value().grants, 3U);
  clock_.now_ns_ += limits::world_figures_age_ns_max - takes_ns_;
  EXPECT_EQ(ask(1)[0].value().grants, 4U) << "never older than the bound";
}

TEST_F(WorldFiguresTest, a_quick_count_is_made_for_every_look) {
  takes_ns_ = 1'000'000;
  EXPECT_EQ(ask(1)[0].value().grants, 1U);
  EXPECT_EQ(ask(1)[0].value().grants, 2U);
}

TEST_F(WorldFiguresTest, an_error_is_told_to_all_and_kept_for_none) {
  for (const auto& answer : ask(3, 7)) EXPECT_EQ(answer.error().code, Errc::not_found);
  EXPECT_EQ(ask(1, 7)[0].error().code, Errc::not_found);
}

}  // namespace
}  // namespace hunt::service
