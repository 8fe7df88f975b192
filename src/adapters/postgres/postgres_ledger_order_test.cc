// What the feed tells of grants while others are about to write some.
#include "adapters/postgres/postgres_feed.h"

#include "adapters/postgres/postgres_test_support.h"

namespace hunt::postgres {
namespace {

using ports::contract::run;

constexpr const char* a_grant =
    "INSERT INTO grants (claim_id, outcome, world, tile_id, spawn, player, item, rules, seed_id,"
    " as_of_us, at_us) VALUES (gen_random_uuid(), 'granted', 1, 1, 1, gen_random_uuid(), '', '', 0,"
    " 0, 0)";

class PostgresLedgerOrder : public ::testing::Test {
 protected:
  [[nodiscard]] BlockingConnection connection() {
    auto made = BlockingConnection::open(url_);
    HUNT_ASSERT(made.has_value());
    return std::move(*made);
  }
  [[nodiscard]] model::ChangeBatch next(model::FeedCursor after) {
    auto batch = run(feed_.next(after, 0));
    EXPECT_TRUE(batch.has_value()) << batch.error().message;
    return batch ? *batch : model::ChangeBatch{};
  }

  ports::contract::ManualClock clock_;
  PostgresUrl url_ = TestServer::shared().make_database();
  std::unique_ptr<PostgresStore> store_ = open_store(url_);
  PostgresFeed feed_{url_, clock_};
};

TEST_F(PostgresLedgerOrder, who_is_about_to_grant_makes_no_gap_of_what_was_told) {
  const auto start = run(feed_.resume());
  ASSERT_TRUE(start.has_value()) << start.error().message;
  ASSERT_TRUE(plain_sql(url_, a_grant).has_value());
  const auto told = next(start->cursor);
  ASSERT_EQ(told.grants.size(), 1U);
  auto slow = connection();
  ASSERT_TRUE(slow.execute("BEGIN").has_value());
  ASSERT_TRUE(slow.execute(a_grant).has_value());
  const auto waiting = next(told.next);
  EXPECT_FALSE(waiting.gap);
  EXPECT_TRUE(waiting.grants.empty());
  ASSERT_TRUE(slow.execute("COMMIT").has_value());
  EXPECT_EQ(next(told.next).grants.size(), 1U);
}

// A reader looks whether the row at its place still stands there, also while somebody who was slow
// to lock moves the bound below it.
TEST_F(PostgresLedgerOrder, the_row_right_after_a_cursor_is_read_though_an_earlier_one_may_come) {
  ASSERT_TRUE(plain_sql(url_, a_grant).has_value());
  ASSERT_TRUE(plain_sql(url_, a_grant).has_value());
  auto slow = connection();
  ASSERT_TRUE(slow.execute("SELECT pg_advisory_lock_shared((18433::bigint << 48) | 2)"));
  EXPECT_EQ(run(store_->grants_after(0, 10)).value().grants.size(), 1U);
  const auto row = run(store_->grants_after(1, 10)).value().grants;
  ASSERT_EQ(row.size(), 1U);
  EXPECT_EQ(row[0].cursor, 2U);
}

}  // namespace
}  // namespace hunt::postgres
