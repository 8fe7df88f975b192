// A primary and its standby: grants wait for the standby, a promoted one grants nothing before its
// relay has raised the epoch, and whoever followed the old history learns that it is another.
#include <future>

#include "adapters/postgres/postgres_store_test_support.h"

namespace hunt::postgres {
namespace {

using model::Outcome;
using ports::contract::run;
using std::chrono::milliseconds;

class PostgresFailover : public ::testing::Test {
 protected:
  // Whichever of the two can write.
  [[nodiscard]] PostgresUrl both() const {
    return PostgresUrl::parse(fmt::format("postgres://hunt@127.0.0.1:{},127.0.0.1:{}/{}?sslmode="
                                          "disable",
                                          primary_.port(), standby_.port(), name_))
        .value();
  }
  void wait_for_standby() {
    ASSERT_TRUE(comes_true(primary_.url("postgres"),
                           "SELECT count(*) FROM pg_stat_replication"
                           " WHERE state = 'streaming' AND"
                           " replay_lsn >= pg_current_wal_lsn()"));
  }
  void promote() {
    primary_.process().kill();
    auto standby = BlockingConnection::open(standby_.url(name_), {{"target_session_attrs", "any"}});
    ASSERT_TRUE(standby.has_value()) << standby.error().message;
    const auto promoted = standby->query("SELECT pg_promote()");
    ASSERT_TRUE(promoted.has_value() && promoted->truth(0, 0));
  }
  static model::SpawnId bury(PostgresStore& store, model::Tile tile, std::uint32_t budget) {
    std::vector<model::Burial> wishes{burial_of(tile, budget)};
    const auto buried = run(store.bury(1, std::move(wishes)));
    EXPECT_TRUE(buried.has_value()) << buried.error().message;
    return buried ? buried->at(0).spawn : 0;
  }
  // The feed's batches until one has what is looked for.
  template <class Is>
  static model::ChangeBatch next_with(PostgresFeed& feed, model::FeedCursor& cursor, Is is) {
    for (int attempt = 0; attempt < 300; ++attempt) {
      auto batch = run(feed.next(cursor, 50'000'000));
      if (!batch) {
        std::this_thread::sleep_for(milliseconds(20));
        continue;
      }
      cursor = batch->next;
      if (is(*batch)) return std::move(*batch);
    }
    ADD_FAILURE() << "never told";
    return {};
  }

  static constexpr model::Tile here{3, -4};
  const ports::contract::ManualClock clock_;
  TestServer primary_{{"max_wal_senders = 10", "max_replication_slots = 10"}};
  PostgresUrl url_ = primary_.make_database();
  const std::string name_ = TestServer::name_of(url_);
  std::unique_ptr<PostgresStore> first_ = open_store(url_);
  TestServer standby_{{"max_wal_senders = 10", "max_replication_slots = 10"}, &primary_};
};

TEST_F(PostgresFailover, grants_wait_for_the_standby_and_survive_the_primary) {
  const auto store = open_store(both());
  const auto spawn = bury(*store, here, 100);
  const auto feed = std::make_unique<PostgresFeed>(both(), clock_);
  const auto start = run(feed->resume()).value();
  wait_for_standby();
  ASSERT_TRUE(plain_sql(url_, "ALTER SYSTEM SET synchronous_standby_names = '*'").has_value());
  ASSERT_TRUE(plain_sql(url_, "SELECT pg_reload_conf()").has_value());
  ASSERT_TRUE(comes_true(url_,
                         "SELECT count(*) FROM pg_stat_replication WHERE sync_state ="
                         " 'sync'"));
  ASSERT_TRUE(run(store->grant_claims({claim_of(here, spawn, 1)})).has_value());

  standby_.stop();
  auto call = std::async(std::launch::async, [&store, spawn] {
    return run(store->grant_claims({claim_of(here, spawn, 2)}));
  });
  EXPECT_EQ(call.wait_for(milliseconds(300)), std::future_status::timeout) << "told too early";
  standby_.start();
  const auto waited = call.get();
  ASSERT_TRUE(waited.has_value()) << waited.error().message;
  EXPECT_EQ(waited->verdicts[0].outcome, Outcome::granted);
  ASSERT_TRUE(run(feed->secure(start.cursor)).has_value());

  promote();
  // Connections to the old server end first; then the new one refuses.
  Errc code = Errc::unavailable;
  for (int attempt = 0; attempt < 500 && code != Errc::epoch_stale; ++attempt) {
    const auto refused = run(store->grant_claims({claim_of(here, spawn, 3)}));
    ASSERT_FALSE(refused.has_value());
    code = refused.error().code;
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(code, Errc::epoch_stale);
  std::vector<model::Burial> wishes{burial_of(here, 1)};
  EXPECT_EQ(run(store->bury(1, std::move(wishes))).error().code, Errc::epoch_stale);
  EXPECT_EQ(run(store->close_tiles(1, {here})).error().code, Errc::epoch_stale);

  auto cursor = start.cursor;
  const auto gap = next_with(*feed, cursor, [](const auto& batch) { return batch.gap; });
  EXPECT_TRUE(gap.tiles.empty());
  const auto repaired = run(feed->repair());
  ASSERT_TRUE(repaired.has_value()) << repaired.error().message;
  EXPECT_EQ(repaired->epoch, 128U) << "above all that the first timeline may have raised";
  EXPECT_EQ(run(store->info()).value().epoch, repaired->epoch);
  EXPECT_EQ(repaired->cursor.grant, start.cursor.grant) << "no grant goes untold";

  const auto granted =
      run(store->grant_claims({claim_of(here, spawn, 2), claim_of(here, spawn, 3)}));
  ASSERT_TRUE(granted.has_value()) << granted.error().message;
  EXPECT_TRUE(granted->verdicts[0].repeat) << "what was told is on the standby";
  EXPECT_FALSE(granted->verdicts[1].repeat);
  cursor = repaired->cursor;
  std::size_t told = 0;
  while (told < 3 && !HasFailure()) {
    told += next_with(*feed, cursor, [](const auto& batch) {
              return !batch.grants.empty();
            }).grants.size();
  }
  EXPECT_EQ(told, 3U);
  const Audit audit(*store);
}

// Without a synchronous standby the promoted one knows less than the feed has told already.
TEST_F(PostgresFailover, a_feed_that_knew_more_than_the_promoted_server_starts_over) {
  const auto store = open_store(both());
  const auto spawn = bury(*store, here, 100);
  PostgresFeed feed(both(), clock_);
  const auto start = run(feed.resume()).value();
  wait_for_standby();
  standby_.stop();
  auto cursor = start.cursor;
  for (std::int32_t call = 0; call < 6; ++call) {
    std::vector<model::Burial> wishes;
    for (std::int32_t x = 0; x < 500; ++x) wishes.push_back(burial_of({x, 100 + call}, 1));
    ASSERT_TRUE(run(store->bury(1, std::move(wishes))).has_value());
  }
  ASSERT_TRUE(run(store->grant_claims({claim_of(here, spawn, 1)})).has_value());
  std::size_t tiles = 0;
  while (tiles < 3'000 && !HasFailure()) {
    tiles += next_with(feed, cursor, [](const auto& batch) {
               return !batch.tiles.empty();
             }).tiles.size();
    ASSERT_TRUE(run(feed.confirm(cursor)).has_value());
  }
  primary_.process().kill();
  standby_.start();
  promote();

  (void)next_with(feed, cursor, [](const auto& batch) { return batch.gap; });
  const auto repaired = run(feed.repair());
  ASSERT_TRUE(repaired.has_value()) << repaired.error().message;
  cursor = repaired->cursor;
  bury(*store, {7, 7}, 1);
  const auto told = next_with(feed, cursor, [](const auto& batch) { return !batch.tiles.empty(); });
  ASSERT_FALSE(told.tiles.empty());
  EXPECT_EQ(told.tiles.back().row.tile, model::tile_id_of({7, 7}));
  EXPECT_EQ(told.tiles.back().epoch, repaired->epoch);
  ASSERT_TRUE(run(feed.confirm(cursor)).has_value());

  // The grant that nobody's promise covers is gone; asked again, it is made again and told.
  const auto again = run(store->grant_claims({claim_of(here, spawn, 1)})).value();
  EXPECT_FALSE(again.verdicts[0].repeat);
  const auto grants =
      next_with(feed, cursor, [](const auto& batch) { return !batch.grants.empty(); });
  ASSERT_FALSE(grants.grants.empty());
  EXPECT_EQ(grants.grants[0].claim, claim_of(here, spawn, 1).id);
  const Audit audit(*store);
}

}  // namespace
}  // namespace hunt::postgres
