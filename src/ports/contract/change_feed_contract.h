// The contract of ChangeFeed as tests: every store's feed passes all of them.
//
// Not a test by itself: an adapter's test file includes it and says
//   INSTANTIATE_TEST_SUITE_P(Mine, ChangeFeedContract, testing::Values(factory), name_of_factory);
#pragma once
#include <chrono>

#include "ports/contract/hunt_store_contract_fixture.h"

namespace hunt::ports::contract {

class ChangeFeedContract : public StoreContract {
 protected:
  static constexpr std::int64_t no_wait = 0;
  static constexpr std::int64_t long_wait_ns = 20'000'000'000;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ChangeFeedContract);

TEST_P(ChangeFeedContract, an_idle_store_has_nothing_to_tell) {
  const auto now = ok(feed().now());
  const auto batch = ok(feed().next(now, 20'000'000));
  EXPECT_TRUE(batch.tiles.empty());
  EXPECT_TRUE(batch.grants.empty());
  EXPECT_FALSE(batch.gap);
  EXPECT_EQ(batch.next, now);
}

TEST_P(ChangeFeedContract, tells_tiles_and_grants_once_in_order) {
  const auto start = ok(feed().now());
  const auto spawn = bury(here, 3);
  for (std::uint64_t player = 1; player <= 3; ++player) {
    EXPECT_EQ(grant_one(claim(here, spawn, player)).outcome, model::Outcome::granted);
  }
  bury({50, 50}, 1);
  const auto batch = ok(feed().next(start, no_wait));
  EXPECT_FALSE(batch.gap);
  ASSERT_EQ(batch.tiles.size(), 2U);  // buried and sold out are one row now
  EXPECT_EQ(batch.tiles[0].world, world);
  EXPECT_EQ(batch.tiles[0].row, row_of(here));
  EXPECT_TRUE(batch.tiles[0].row.sold_out);
  EXPECT_EQ(batch.tiles[1].row, row_of({50, 50}));
  ASSERT_EQ(batch.grants.size(), 3U);
  for (std::uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(batch.grants[i].player.low, i + 1);
    EXPECT_EQ(batch.grants[i].reward, "lantern");
  }
  EXPECT_LT(batch.grants[0].cursor, batch.grants[1].cursor);
  EXPECT_EQ(batch.next, ok(feed().now()));
  EXPECT_TRUE(ok(feed().next(batch.next, no_wait)).tiles.empty());
}

TEST_P(ChangeFeedContract, a_cursor_survives_a_restart) {
  const auto start = ok(feed().now());
  const auto spawn = bury(here, 3);
  EXPECT_EQ(grant_one(claim(here, spawn, 1)).outcome, model::Outcome::granted);
  under_test_->reopen();
  const auto batch = ok(feed().next(start, no_wait));
  EXPECT_FALSE(batch.gap);
  EXPECT_EQ(batch.tiles.size(), 1U);
  EXPECT_EQ(batch.grants.size(), 1U);
}

TEST_P(ChangeFeedContract, a_waiting_reader_is_woken_by_a_commit) {
  const auto start = ok(feed().now());
  const auto begun = std::chrono::steady_clock::now();
  boost::asio::io_context context;
  std::optional<Result<model::ChangeBatch>> seen;
  auto on_batch = [&seen](const std::exception_ptr&, Result<model::ChangeBatch> batch) {
    seen = std::move(batch);
  };
  auto on_buried = [](const std::exception_ptr&, Result<std::vector<model::Buried>> buried) {
    EXPECT_TRUE(buried.has_value());
  };
  boost::asio::co_spawn(context, feed().next(start, long_wait_ns), on_batch);
  boost::asio::co_spawn(context, store().bury(world, {burial(here, 1)}), on_buried);
  context.run();
  ASSERT_TRUE(seen.has_value() && seen->has_value());
  EXPECT_EQ((*seen)->tiles.size(), 1U);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
}

TEST_P(ChangeFeedContract, aborted_rows_are_not_told_but_passed) {
  const auto spawn = bury(here, 3);
  const auto start = ok(feed().now());
  under_test_->abort_claim(claim(here, spawn, 1));
  const auto batch = ok(feed().next(start, no_wait));
  EXPECT_TRUE(batch.grants.empty());
  EXPECT_GT(batch.next.grant, start.grant);
}

TEST_P(ChangeFeedContract, a_lost_past_is_a_gap_and_the_cursor_jumps_to_now) {
  bury({1, 1}, 1);
  const auto old = ok(feed().now());
  const auto spawn = bury(here, 3);
  EXPECT_EQ(grant_one(claim(here, spawn, 1)).outcome, model::Outcome::granted);
  under_test_->forget_changes();
  const auto batch = ok(feed().next(old, no_wait));
  EXPECT_TRUE(batch.gap);
  EXPECT_TRUE(batch.tiles.empty());
  EXPECT_EQ(batch.grants.size(), 1U);  // the ledger is kept
  EXPECT_EQ(batch.next, ok(feed().now()));
  bury(here, 2);
  const auto after = ok(feed().next(batch.next, no_wait));
  EXPECT_FALSE(after.gap);
  EXPECT_EQ(after.tiles.size(), 1U);
}

TEST_P(ChangeFeedContract, the_cursor_of_another_store_is_a_gap) {
  model::FeedCursor strange;
  strange.change = 1'000'000;
  strange.grant = 1'000'000;
  const auto batch = ok(feed().next(strange, no_wait));
  EXPECT_TRUE(batch.gap);
  EXPECT_EQ(batch.next, ok(feed().now()));
}

TEST_P(ChangeFeedContract, a_relay_goes_on_after_what_was_confirmed_last) {
  bury({1, 1}, 1);
  const auto fresh = ok(feed().resume());
  EXPECT_EQ(fresh.cursor.change, ok(feed().now()).change) << "nothing was ever confirmed: from now";
  bury(here, 1);
  EXPECT_EQ(ok(feed().resume()).cursor, fresh.cursor) << "the first reader may have died";
  auto told = ok(feed().now());
  told.kept = {(std::uint64_t{1} << 63) - 1, 176'032};  // kept with it, whatever it means
  EXPECT_TRUE(run(feed().secure(told)).has_value());
  EXPECT_TRUE(run(feed().confirm(told)).has_value());
  bury({2, 2}, 1);
  under_test_->reopen();
  const auto again = ok(feed().resume());
  EXPECT_EQ(again.cursor, told);
  EXPECT_EQ(again.epoch, fresh.epoch);
  EXPECT_EQ(ok(feed().next(again.cursor, no_wait)).tiles.size(), 1U);
}

TEST_P(ChangeFeedContract, the_store_says_up_to_which_row_grants_were_told) {
  const auto spawn = bury(here, 3);
  ASSERT_TRUE(run(feed().resume()).has_value());
  EXPECT_EQ(grant_one(claim(here, spawn, 1)).outcome, model::Outcome::granted);
  const auto told = ok(feed().now());
  EXPECT_TRUE(run(feed().secure(told)).has_value());
  EXPECT_TRUE(run(feed().confirm(told)).has_value());
  EXPECT_EQ(grant_one(claim(here, spawn, 2)).outcome, model::Outcome::granted);
  const auto up_to = ok(store().info()).told;
  ASSERT_TRUE(up_to.has_value());
  EXPECT_GE(*up_to, ok(store().find_grant(claim(here, spawn, 1).id))->cursor);
  EXPECT_LT(*up_to, ok(store().find_grant(claim(here, spawn, 2).id))->cursor);
}

TEST_P(ChangeFeedContract, a_repair_raises_every_epoch_and_keeps_the_grants) {
  const auto spawn = bury(here, 3);
  const auto before = ok(feed().resume());
  EXPECT_TRUE(run(feed().confirm(before.cursor)).has_value());
  EXPECT_EQ(grant_one(claim(here, spawn, 1)).outcome, model::Outcome::granted);
  const auto after = ok(feed().repair());
  EXPECT_GT(after.epoch, before.epoch);
  EXPECT_EQ(after.epoch, ok(store().info()).epoch);
  EXPECT_EQ(after.cursor.grant, before.cursor.grant) << "no grant goes untold";
  EXPECT_EQ(ok(feed().next(after.cursor, no_wait)).grants.size(), 1U);
  bury({2, 2}, 1);
  const auto batch = ok(feed().next(after.cursor, no_wait));
  ASSERT_EQ(batch.tiles.size(), 1U);
  EXPECT_EQ(batch.tiles[0].epoch, after.epoch);
}

TEST_P(ChangeFeedContract, many_changes_come_in_bounded_batches) {
  const auto start = ok(feed().now());
  for (std::int32_t call = 0; call < 5; ++call) {
    std::vector<model::Burial> wishes;
    for (std::int32_t x = 0; x < 1'000; ++x) wishes.push_back(burial({x, call}, 1));
    EXPECT_EQ(ok(store().bury(world, wishes)).size(), 1'000U);
  }
  std::size_t told = 0;
  auto cursor = start;
  for (int batches = 0; batches < 10 && told < 5'000; ++batches) {
    const auto batch = ok(feed().next(cursor, no_wait));
    EXPECT_LE(batch.tiles.size(), 4'096U);
    EXPECT_FALSE(batch.gap);
    told += batch.tiles.size();
    cursor = batch.next;
  }
  EXPECT_EQ(told, 5'000U);
}

// Which grants are told, whatever becomes of the feed: the simulated store passes this part, too.
class FeedLossContract : public ChangeFeedContract {
 protected:
  using Players = std::vector<std::uint64_t>;

  // The players of all grants that follow, in order; `cursor` then stands behind them.
  std::vector<std::uint64_t> told_after(model::FeedCursor& cursor) {
    std::vector<std::uint64_t> players;
    for (int reads = 0; reads < 10; ++reads) {
      const auto batch = ok(feed().next(cursor, no_wait));
      EXPECT_FALSE(batch.gap);
      for (const auto& grant : batch.grants) players.push_back(grant.player.low);
      if (batch.next == cursor) break;
      cursor = batch.next;
    }
    return players;
  }
  // The feed's past is lost, and whoever looks sees it.
  void lose_past(model::FeedCursor seen_until) {
    bury({77, 77}, 1);
    under_test_->forget_changes();
    EXPECT_TRUE(ok(feed().next(seen_until, no_wait)).gap);
  }
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FeedLossContract);

// Orchestrators do not wait for a relay, and the first may take long to come.
TEST_P(FeedLossContract, what_was_granted_before_the_feed_was_first_taken_is_told) {
  const auto spawn = bury(here, 3);
  EXPECT_EQ(grant_one(claim(here, spawn, 1)).outcome, model::Outcome::granted);
  EXPECT_EQ(grant_one(claim(here, spawn, 2)).outcome, model::Outcome::granted);
  auto cursor = ok(feed().resume()).cursor;
  EXPECT_EQ(told_after(cursor), (Players{1, 2}));
  under_test_->reopen();
  cursor = ok(feed().resume()).cursor;
  EXPECT_EQ(told_after(cursor), (Players{1, 2})) << "nothing was confirmed yet";
  EXPECT_TRUE(run(feed().confirm(cursor)).has_value());
  cursor = ok(feed().resume()).cursor;
  EXPECT_EQ(told_after(cursor), Players{});
}

TEST_P(FeedLossContract, a_repair_before_anything_was_told_begins_with_the_ledger) {
  const auto spawn = bury(here, 3);
  EXPECT_EQ(grant_one(claim(here, spawn, 1)).outcome, model::Outcome::granted);
  auto cursor = ok(feed().repair()).cursor;
  EXPECT_EQ(told_after(cursor), Players{1});
}

TEST_P(FeedLossContract, grants_are_told_however_often_the_past_is_lost) {
  const auto spawn = bury(here, 9);
  const auto granted = [&](std::uint64_t player) {
    EXPECT_EQ(grant_one(claim(here, spawn, player)).outcome, model::Outcome::granted);
  };
  auto cursor = ok(feed().resume()).cursor;
  granted(1);
  EXPECT_EQ(told_after(cursor), Players{1});
  EXPECT_TRUE(run(feed().confirm(cursor)).has_value());
  granted(2);
  lose_past(cursor);
  static_cast<void>(ok(feed().repair()));  // the answer is lost, so it is asked for again
  granted(3);
  cursor = ok(feed().repair()).cursor;
  granted(4);
  lose_past(cursor);
  granted(5);
  cursor = ok(feed().repair()).cursor;
  EXPECT_EQ(told_after(cursor), (Players{2, 3, 4, 5})) << "lost twice, and nothing told between";
  // The relay dies before it says that they were told: the next one tells them again.
  under_test_->reopen();
  cursor = ok(feed().resume()).cursor;
  if (ok(feed().next(cursor, no_wait)).gap) cursor = ok(feed().repair()).cursor;
  EXPECT_EQ(told_after(cursor), (Players{2, 3, 4, 5}));
  EXPECT_TRUE(run(feed().confirm(cursor)).has_value());
  lose_past(cursor);
  cursor = ok(feed().repair()).cursor;
  EXPECT_EQ(told_after(cursor), Players{}) << "all was told";
}

}  // namespace hunt::ports::contract
