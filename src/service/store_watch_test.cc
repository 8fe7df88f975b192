// What is seen of stores that nobody asks anything just now.
#include "service/store_watch.h"

#include <gtest/gtest.h>

#include "service/loop_test_support.h"
#include "service/observer.h"
#include "sim/sim_store.h"

namespace hunt::service {
namespace {

class TroubledStore final : public sim::SimStore {
 public:
  using SimStore::SimStore;
  [[nodiscard]] boost::asio::awaitable<Result<void>> verify() override {
    ++verified;
    if (trouble.code == Errc::internal) co_return Result<void>{};
    co_return tl::unexpected<Error>(trouble);
  }
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::TableCount>>> open_tables()
      override {
    ++counted;
    co_return std::vector<model::TableCount>{{"starlite", 2}};
  }
  Error trouble;
  int verified = 0;
  int counted = 0;
};

class StoreWatchTest : public testing::Test {
 protected:
  StoreWatchTest() {
    rules_.tables.resize(1);
    rules_.tables[0].name = "starlight";
    observer_.set_rules(rules_);
    watch_.start();
  }
  ~StoreWatchTest() override { run(watch_.join()); }
  void run(boost::asio::awaitable<void> task) { lane_.run(std::move(task), 1'000'000'000); }
  void pass(std::int64_t ns) { lane_.pass(ns); }

  VirtualLoop lane_;
  sim::VirtualTime& time_ = lane_.time;
  TroubledStore first_{time_, time_};
  TroubledStore second_{time_, time_};
  Observer observer_{time_, 1, {"0.1.0", "x", 0, false, 2}};
  model::RuleSet rules_;
  StoreWatch watch_{{&first_, &second_}, observer_, time_, time_, lane_.loop.get_executor()};
};

TEST_F(StoreWatchTest, tells_what_is_wrong_with_a_store_within_seconds_and_that_it_is_over) {
  pass(100'000'000);
  EXPECT_EQ(observer_.stats().stores_failing.size(), 0U);
  second_.trouble = {Errc::disk_full, "the disk is full", {}};
  pass(3'000'000'000);
  const auto failing = observer_.stats().stores_failing;
  ASSERT_EQ(failing.size(), 1U);
  EXPECT_EQ(failing[0].shard, 1U);
  EXPECT_EQ(failing[0].reason, "the disk is full");
  second_.trouble = {Errc::overloaded, "the queue is full", {}};
  pass(3'000'000'000);
  EXPECT_TRUE(observer_.stats().stores_failing.empty()) << "a full queue is no trouble of a store";
}

TEST_F(StoreWatchTest, counts_loot_without_a_table_at_the_start_each_minute_and_with_new_rules) {
  pass(100'000'000);
  EXPECT_EQ(observer_.stats().spawns_without_table, 4U) << "of both";
  EXPECT_EQ(first_.counted, 1);
  pass(30'000'000'000);
  EXPECT_EQ(first_.counted, 1);
  watch_.count_soon();
  pass(1'000'000'000);
  EXPECT_EQ(first_.counted, 2);
  pass(61'000'000'000);
  EXPECT_EQ(first_.counted, 3);
  EXPECT_GT(second_.verified, 20);
}

}  // namespace
}  // namespace hunt::service
