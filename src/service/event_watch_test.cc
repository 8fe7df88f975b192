// An event that is far away, comes, and opens: what is asked of the stores meanwhile.
#include "service/event_watch.h"

#include <gtest/gtest.h>

#include "service/loop_test_support.h"
#include "service/rules_book.h"
#include "service/store_watch.h"
#include "sim/sim_store.h"

namespace hunt::service {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t hour_ns = 3'600 * second_ns;

// Counts whatever the watches ask.
class CountedStore final : public sim::SimStore {
 public:
  using SimStore::SimStore;
  [[nodiscard]] boost::asio::awaitable<Result<void>> verify() override {
    ++calls;
    co_return Result<void>{};
  }
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::TableCount>>> open_tables()
      override {
    ++calls;
    co_return std::vector<model::TableCount>{};
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::RulesTimeline>> rules_timeline() override {
    ++calls;
    return SimStore::rules_timeline();
  }
  int calls = 0;
};

class EventWatchTest : public testing::Test, public ports::RulesSource {
 protected:
  EventWatchTest() {
    rules_->events.resize(1);
    rules_->events[0].name = "starfall";
    opens(10 * 3'600);
    EventWatchActions actions;
    actions.warm = [this]() -> boost::asio::awaitable<Result<std::size_t>> {
      ++warmed_;
      if (asleep_) co_return fail(Errc::unavailable, "it sleeps");
      co_return std::size_t{42};
    };
    actions.log = [this](LogLevel, std::string line) { told_ = std::move(line); };
    watch_.emplace(*this, observer_, std::move(actions), time_, time_, lane_.loop.get_executor());
    const auto idle = [this] { return watch_->idle(); };
    stores_.set_idle(idle);
    book_.set_idle(idle);
    RulesOffer offer;
    offer.set = rules_;
    offer.builtin = true;
    lane_.run(book_.begin(offer), second_ns);
    watch_->start();
    stores_.start();
    book_.start();
  }
  ~EventWatchTest() override {
    lane_.run(watch_->join(), second_ns);
    lane_.run(stores_.join(), second_ns);
    lane_.run(book_.join(), second_ns);
  }
  [[nodiscard]] std::shared_ptr<const model::RuleSet> current() const override { return rules_; }
  void opens(std::int64_t in_seconds) {
    rules_->events[0].starts_us = time_.wall_us() + in_seconds * second_us;
  }
  static RulesBookEvents events() {
    RulesBookEvents made;
    made.compile = [](const model::RulesFiles&) -> Result<model::RuleSetPtr> {
      return fail(Errc::unsupported, "there are no files here");
    };
    made.on_rules = [](const model::RulesInForcePtr&) {};
    made.on_current = [](const model::RuleSetPtr&, const model::RuleSetPtr&) {};
    made.on_state = [] {};
    made.log = [](LogLevel, const std::string&) {};
    return made;
  }
  int calls_within(std::int64_t ns) {
    const int before = store_.calls;
    lane_.pass(ns);
    return store_.calls - before;
  }
  std::string warning() const {
    const auto all = observer_.warnings();
    return all.empty() ? "" : all.back().text;
  }

  VirtualLoop lane_;
  sim::VirtualTime& time_ = lane_.time;
  CountedStore store_{time_, time_};
  Observer observer_{time_, 1, {"0.1.0", "x", 0, false, 1}};
  std::shared_ptr<model::RuleSet> rules_ = std::make_shared<model::RuleSet>();
  int warmed_ = 0;
  bool asleep_ = false;
  std::string told_;
  std::optional<EventWatch> watch_;
  StoreWatch stores_{{&store_}, observer_, time_, time_, lane_.loop.get_executor()};
  RulesBook book_{{}, {&store_}, events(), time_, time_, lane_.loop.get_executor()};
};

TEST_F(EventWatchTest, an_event_that_is_far_away_leaves_the_store_alone) {
  EXPECT_GT(calls_within(60 * second_ns), 60) << "somebody may have played a moment ago";
  lane_.pass(300 * second_ns);
  EXPECT_TRUE(watch_->idle());
  EXPECT_LE(calls_within(6 * hour_ns), 3 * 6);
  EXPECT_EQ(warmed_, 0);
  LaneMetrics metrics;
  metrics.batches = 1;
  observer_.publish(0, metrics);
  EXPECT_GT(calls_within(20 * second_ns), 20) << "somebody plays";
  EXPECT_FALSE(watch_->idle());
}

TEST_F(EventWatchTest, ninety_seconds_before_it_opens_all_is_warm_and_stays_so) {
  lane_.pass(9 * hour_ns);
  EXPECT_TRUE(watch_->idle());
  lane_.pass(hour_ns - 95 * second_ns);
  EXPECT_EQ(warmed_, 0);
  lane_.pass(7 * second_ns);
  EXPECT_EQ(warmed_, 1);
  EXPECT_FALSE(watch_->idle());
  EXPECT_NE(told_.find("\"starfall\" opens in 8"), std::string::npos) << told_;
  EXPECT_NE(told_.find("42 chunks"), std::string::npos) << told_;
  EXPECT_EQ(warning(), "");
  EXPECT_GT(calls_within(60 * second_ns), 60);
  EXPECT_GE(warmed_, 3);
  lane_.pass(60 * second_ns);
  const int warmed = warmed_;
  lane_.pass(60 * second_ns);
  EXPECT_EQ(warmed_, warmed) << "it is open";
  EXPECT_FALSE(watch_->idle());
}

TEST_F(EventWatchTest, a_store_that_cannot_be_woken_is_told_and_tried_again) {
  asleep_ = true;
  opens(60);
  lane_.pass(10 * second_ns);
  EXPECT_GT(warmed_, 5);
  EXPECT_NE(warning().find("cannot be read ahead: it sleeps"), std::string::npos) << warning();
  asleep_ = false;
  lane_.pass(3 * second_ns);
  EXPECT_EQ(warning(), "");
  EXPECT_NE(told_.find("its store is awake"), std::string::npos);
}

TEST(NextOpening, is_the_soonest_of_what_may_open) {
  model::RuleSet rules;
  EXPECT_EQ(next_opening(rules, 0).opens_us, model::time_us_max);
  rules.events.resize(4);
  rules.events[0].starts_us = 100;
  rules.events[1].name = "recurs";
  rules.events[1].openings = {{10, 20}, {50, 60}};
  rules.events[2].starts_us = 5;
  rules.events[2].enabled = false;
  rules.events[3].starts_us = 6;
  rules.events[3].stopped = true;
  EXPECT_EQ(next_opening(rules, 0).opens_us, 10);
  EXPECT_EQ(next_opening(rules, 10).opens_us, 50);
  EXPECT_EQ(next_opening(rules, 10).event, "recurs");
  EXPECT_EQ(next_opening(rules, 50).opens_us, 100);
  EXPECT_EQ(next_opening(rules, 100).opens_us, model::time_us_max);
}

}  // namespace
}  // namespace hunt::service
