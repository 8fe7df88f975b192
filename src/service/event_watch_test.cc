// An event that is far away, comes, and opens: what is asked of the stores meanwhile.
#include "service/event_watch.h"

#include <gtest/gtest.h>

#include "service/loop_test_support.h"

namespace hunt::service {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t hour_ns = 3'600 * second_ns;

class EventWatchTest : public testing::Test {
 protected:
  EventWatchTest() {
    rules_->events.resize(1);
    rules_->events[0].name = "starfall";
    opens(10 * 3'600);
    EventWatchActions actions;
    actions.rules = [this] { return in_force_; };
    actions.warm = [this]() -> boost::asio::awaitable<Result<std::size_t>> {
      ++warmed_;
      if (asleep_) co_return fail(Errc::unavailable, "it sleeps");
      co_return std::size_t{42};
    };
    actions.log = [this](LogLevel, std::string line) { told_ = std::move(line); };
    watch_.emplace(observer_, std::move(actions), time_, time_, lane_.loop.get_executor());
    watch_->start();
  }
  ~EventWatchTest() override { lane_.run(watch_->join(), second_ns); }
  void opens(std::int64_t in_seconds) {
    rules_->events[0].starts_us = time_.wall_us() + in_seconds * second_us;
  }
  std::string warning() const {
    const auto all = observer_.warnings();
    return all.empty() ? "" : all.back().text;
  }

  VirtualLoop lane_;
  sim::VirtualTime& time_ = lane_.time;
  Observer observer_{time_, 1, {"0.1.0", "x", 0, false, 1}};
  std::shared_ptr<model::RuleSet> rules_ = std::make_shared<model::RuleSet>();
  model::RulesInForcePtr in_force_ = model::only_rules(rules_);
  int warmed_ = 0;
  bool asleep_ = false;
  std::string told_;
  std::optional<EventWatch> watch_;
};

TEST_F(EventWatchTest, ninety_seconds_before_it_opens_all_is_warm_and_stays_so) {
  lane_.pass(10 * hour_ns - 95 * second_ns);
  EXPECT_EQ(warmed_, 0);
  lane_.pass(7 * second_ns);
  EXPECT_EQ(warmed_, 1);
  EXPECT_NE(told_.find("\"starfall\" opens in "), std::string::npos) << told_;
  EXPECT_NE(told_.find("42 chunks"), std::string::npos) << told_;
  EXPECT_EQ(warning(), "");
  lane_.pass(60 * second_ns);
  EXPECT_GE(warmed_, 3);
  lane_.pass(60 * second_ns);
  const int warmed = warmed_;
  lane_.pass(60 * second_ns);
  EXPECT_EQ(warmed_, warmed) << "it is open";
}

TEST_F(EventWatchTest, a_store_that_cannot_be_woken_is_told_and_tried_again) {
  asleep_ = true;
  opens(60);
  lane_.pass(10 * second_ns);
  EXPECT_GE(warmed_, 2);
  EXPECT_LE(warmed_, 3) << "with a pause of five seconds";
  EXPECT_NE(warning().find("cannot be read ahead: it sleeps"), std::string::npos) << warning();
  asleep_ = false;
  lane_.pass(6 * second_ns);
  EXPECT_EQ(warning(), "");
  EXPECT_NE(told_.find("its store is awake"), std::string::npos);
}

TEST_F(EventWatchTest, a_warning_ends_when_the_event_opens_or_is_put_off) {
  asleep_ = true;
  opens(20);
  lane_.pass(10 * second_ns);
  EXPECT_NE(warning(), "");
  lane_.pass(12 * second_ns);
  EXPECT_EQ(warning(), "") << "it is open";
  opens(60);
  lane_.pass(10 * second_ns);
  EXPECT_NE(warning(), "");
  opens(3'600);
  lane_.pass(2 * second_ns);
  EXPECT_EQ(warning(), "") << "it was put off";
}

TEST_F(EventWatchTest, an_event_that_opens_by_announced_rules_is_seen) {
  auto later = std::make_shared<model::RuleSet>(*rules_);
  later->events[0].name = "moonrise";
  later->events[0].starts_us = model::time_us_min;
  model::RulesInForce announced = *in_force_;
  announced.turns.push_back({time_.wall_us() + 3'600 * second_us, later});
  in_force_ = std::make_shared<const model::RulesInForce>(std::move(announced));
  lane_.pass(hour_ns - 95 * second_ns);
  EXPECT_EQ(warmed_, 0);
  lane_.pass(7 * second_ns);
  EXPECT_EQ(warmed_, 1);
  EXPECT_NE(told_.find("\"moonrise\" opens in "), std::string::npos) << told_;
}

TEST(NextOpening, is_the_soonest_of_what_may_open) {
  model::RuleSet rules;
  const auto next = [&rules](std::int64_t now_us) {
    return next_opening(*model::only_rules(std::make_shared<model::RuleSet>(rules)), now_us);
  };
  EXPECT_EQ(next(0).opens_us, model::time_us_max);
  rules.events.resize(4);
  rules.events[0].starts_us = 100;
  rules.events[1].name = "recurs";
  rules.events[1].openings = {{10, 20}, {50, 60}};
  rules.events[2].starts_us = 5;
  rules.events[2].enabled = false;
  rules.events[3].starts_us = 6;
  rules.events[3].stopped = true;
  EXPECT_EQ(next(0).opens_us, 10);
  EXPECT_EQ(next(10).opens_us, 50);
  EXPECT_EQ(next(10).event, "recurs");
  EXPECT_EQ(next(50).opens_us, 100);
  EXPECT_EQ(next(100).opens_us, model::time_us_max);
}

// Each turn counts from its beginning to that of the next.
TEST(NextOpening, goes_by_the_rules_of_its_time) {
  const auto of = [](const std::string& event, std::int64_t starts_us) {
    auto set = std::make_shared<model::RuleSet>();
    set->events.resize(1);
    set->events[0].name = event;
    set->events[0].starts_us = starts_us;
    return set;
  };
  model::RulesInForce rules;
  rules.turns = {{model::time_us_min, of("a", 50)}, {20, of("b", 30)}, {40, of("c", 0)}};
  EXPECT_EQ(next_opening(rules, 0).event, "b") << "a would open when its rules are over";
  EXPECT_EQ(next_opening(rules, 0).opens_us, 30);
  EXPECT_EQ(next_opening(rules, 30).event, "c");
  EXPECT_EQ(next_opening(rules, 30).opens_us, 40);
  EXPECT_EQ(next_opening(rules, 40).opens_us, model::time_us_max);
  rules.turns[2].set = of("b", 0);
  EXPECT_EQ(next_opening(rules, 30).opens_us, model::time_us_max) << "it is open, and stays so";
  rules.turns.push_back({10, of("d", 25)});
  EXPECT_EQ(next_opening(rules, 0).event, "d") << "those before begin too late to count";
  EXPECT_EQ(next_opening(rules, 25).opens_us, model::time_us_max);
}

}  // namespace
}  // namespace hunt::service
