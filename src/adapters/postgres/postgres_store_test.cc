// What only PostgreSQL promises: plain SQL keeps the invariants, identity survives what is rolled
// back, and many connections at once grant once.
#include "adapters/postgres/postgres_store.h"

#include <algorithm>
#include <array>
#include <future>

#include "adapters/postgres/postgres_store_test_support.h"

namespace hunt::postgres {
namespace {

using model::Outcome;
using ports::contract::run;

// The tile's row as an UPDATE of bury() needs it, in SQL.
std::string bury_sql(model::Tile tile, int budget) {
  return fmt::format(
      "SELECT bury(1, ARRAY[{}], ARRAY['starlight'], ARRAY[{}],"
      " ARRAY[NULL::bigint], ARRAY[NULL::bigint], ARRAY[NULL::text])",
      model::to_sql(model::tile_id_of(tile)), budget);
}

TEST_F(PostgresShell, tile_ids_have_the_same_order_in_sql_as_outside) {
  constexpr std::int32_t low = std::numeric_limits<std::int32_t>::min();
  constexpr std::int32_t high = std::numeric_limits<std::int32_t>::max();
  std::vector<model::TileId> expected;
  std::vector<model::Burial> wishes;
  for (const std::int32_t x : {low, -1, 0, 7, high}) {
    for (const std::int32_t y : {low, -1, 0, 7, high}) {
      wishes.push_back(burial_of({x, y}, 1));
      expected.push_back(model::tile_id_of({x, y}));
    }
  }
  ASSERT_TRUE(run(store().bury(1, wishes)).has_value());
  std::sort(expected.begin(), expected.end());
  auto connection = BlockingConnection::open(url_).value();
  const auto rows = connection.query("SELECT tile_id FROM loot_tiles ORDER BY tile_id").value();
  ASSERT_EQ(rows.size(), 25);
  for (int i = 0; i < 25; ++i) {
    EXPECT_EQ(rows.tile(i, 0), expected[static_cast<std::size_t>(i)]) << i;
  }
  // The signs: stored bit for bit, half of them would be on the wrong side.
  EXPECT_EQ(model::to_sql(model::tile_id_of({low, low})), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(model::to_sql(model::tile_id_of({high, high})),
            std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(plain_number(url_, "SELECT count(*) FROM loot_tiles WHERE tile_id >= 0"), 15);
  // And a page over everything comes in the same order.
  const auto page = run(store().list_tiles(1, {{low, low}, {high, high}}, {}, 100)).value();
  ASSERT_EQ(page.rows.size(), 25U);
  for (std::size_t i = 0; i < 25; ++i) EXPECT_EQ(page.rows[i].tile, expected[i]);
}

TEST_F(PostgresShell, spawn_ids_carry_the_shard_and_are_not_given_back) {
  const auto first = bury(here, 1);
  EXPECT_EQ(first >> 48, shard);
  {
    Transaction other(url_);
    other.run(bury_sql(here, 7));
    other.run("ROLLBACK");
  }
  EXPECT_EQ(row(here).spawn, first) << "it was rolled back";
  EXPECT_GT(bury(here, 1), first + 1) << "the number that was rolled back is used up";
}

TEST_F(PostgresShell, edits_by_hand_count_versions_and_are_told) {
  bury(here, 3);
  const ports::contract::ManualClock clock;
  PostgresFeed feed(url_, clock);
  const auto start = run(feed.now()).value();
  expect_done("UPDATE loot_tiles SET loot_table = 'moonlight', closes_us = 5");
  EXPECT_EQ(row(here).version, 2U);
  auto batch = run(feed.next(start, 5'000'000'000)).value();
  ASSERT_EQ(batch.tiles.size(), 1U);
  EXPECT_EQ(batch.tiles[0].row, row(here));
  EXPECT_EQ(batch.tiles[0].row.table, "moonlight");
  EXPECT_EQ(batch.tiles[0].row.closes_us, 5);
  expect_done("UPDATE loot_tiles SET loot_table = 'moonlight'");
  EXPECT_EQ(row(here).version, 2U) << "nothing visible changed";
  expect_done("UPDATE loot_tiles SET spawn = 0, budget = 0, loot_table = ''");
  EXPECT_EQ(row(here).version, 3U);
  batch = run(feed.next(batch.next, 5'000'000'000)).value();
  while (batch.tiles.empty() || batch.tiles.back().row.version < 3) {
    batch = run(feed.next(batch.next, 5'000'000'000)).value();
  }
  EXPECT_EQ(batch.tiles.back().row.spawn, 0U);
  expect_done(bury_sql(here, 4));
  EXPECT_EQ(row(here).version, 4U);
  EXPECT_EQ(row(here).budget, 4U);
  const Audit audit(store());
}

TEST_F(PostgresShell, edits_by_hand_that_would_lie_are_refused_with_a_sentence) {
  const auto spawn = bury(here, 3);
  ASSERT_EQ(grant({claim_of(here, spawn, 1)})->verdicts[0].outcome, Outcome::granted);
  constexpr std::array<std::pair<const char*, const char*>, 22> refused{{
      {"DELETE FROM loot_tiles", "never deleted"},
      {"DELETE FROM loot_tiles WHERE false", "never deleted"},
      {"TRUNCATE loot_tiles", "never deleted"},
      {"UPDATE loot_tiles SET version = 0", "counts by itself"},
      {"UPDATE loot_tiles SET version = 7", "counts by itself"},
      {"UPDATE loot_tiles SET budget = 4", "budget of a spawn never changes"},
      {"UPDATE loot_tiles SET sold_out = true", "cannot be set by hand"},
      {"UPDATE loot_tiles SET tile_id = tile_id + 1", "cannot move"},
      {"UPDATE loot_tiles SET world = 2", "cannot move"},
      {"UPDATE loot_tiles SET spawn = 12345, budget = 3", "use bury()"},
      {"UPDATE loot_tiles SET spawn = 0", "spawn 0, budget 0"},
      {"INSERT INTO loot_tiles (world, tile_id, spawn, budget) VALUES (1, 77, 9, 3)", "use bury()"},
      {"INSERT INTO loot_tiles (world, tile_id, version) VALUES (1, 77, 9)", "counts by itself"},
      {"UPDATE stock SET remaining = 3", "never grows"},
      {"UPDATE stock SET spawn = spawn + 1", "never grows"},
      {"UPDATE stock SET remaining = -1", "remaining"},
      {"DELETE FROM stock", "another one"},
      {"TRUNCATE stock", "another one"},
      {"UPDATE grants SET item = 'crown'", "never change"},
      {"DELETE FROM grants", "never deleted"},
      {"TRUNCATE grants", "never deleted"},
      {"INSERT INTO grants SELECT * FROM grants", "duplicate key"},
  }};
  for (const auto& [sql, words] : refused) expect_refused(sql, words);
  EXPECT_EQ(row(here).version, 1U);
  const Audit audit(store());
  EXPECT_EQ(audit.remaining.at(spawn), 2);
}

TEST_F(PostgresShell, twins_in_one_batch_count_once) {
  const auto spawn = bury(here, 2);
  const auto call = grant({claim_of(here, spawn, 1, "a"), claim_of(here, spawn, 1, "b"),
                           claim_of(here, spawn, 1, "c"), claim_of(here, spawn, 2, "d"),
                           claim_of(here, spawn, 3, "e")});
  ASSERT_TRUE(call.has_value());
  EXPECT_FALSE(call->verdicts[0].repeat);
  for (const std::size_t twin : {1U, 2U}) {
    EXPECT_TRUE(call->verdicts[twin].repeat);
    EXPECT_EQ(call->verdicts[twin].reward, "a");
  }
  EXPECT_EQ(call->verdicts[3].reward, "d") << "the twins take no second unit";
  EXPECT_EQ(call->verdicts[4].outcome, Outcome::sold_out);
  EXPECT_EQ(Audit(store()).remaining.at(spawn), 0);
}

// Eight connections of eight programs ask for overlapping players and tiles at the same time.
TEST_F(PostgresShell, overlapping_batches_of_eight_stores_grant_once) {
  std::vector<model::Claim> claims;
  std::vector<model::SpawnId> spawns;
  for (std::int32_t tile = 0; tile < 5; ++tile) {
    const model::Tile at{tile * 50 - 100, tile - 2};
    spawns.push_back(bury(at, static_cast<std::uint32_t>(10 + tile)));
    for (std::uint64_t player = 0; player < 30; ++player) {
      claims.push_back(claim_of(at, spawns.back(), player));
    }
  }
  Load load(url_, options(), std::move(claims), 8);
  EXPECT_TRUE(load.answers(300));
  load.stop();
  EXPECT_EQ(load.failed() + load.unknown(), 0U);
  load.expect_kept(store());
  for (const auto spawn : spawns) EXPECT_EQ(Audit(store()).remaining.at(spawn), 0);
}

TEST_F(PostgresShell, the_last_unit_goes_to_one_of_eight_stores) {
  std::vector<std::unique_ptr<PostgresStore>> stores;
  for (int i = 0; i < 8; ++i) stores.push_back(open_store(url_, options()));
  for (std::uint64_t round = 0; round < 10; ++round) {
    const auto spawn = bury(here, 1);
    std::vector<boost::asio::awaitable<Result<model::GrantCall>>> calls;
    for (std::uint64_t i = 0; i < 8; ++i) {
      calls.push_back(stores[i]->grant_claims({claim_of(here, spawn, i)}));
    }
    int granted = 0;
    for (const auto& call : ports::contract::run_all(std::move(calls))) {
      ASSERT_TRUE(call.has_value()) << call.error().message;
      granted += call->verdicts[0].outcome == Outcome::granted ? 1 : 0;
    }
    EXPECT_EQ(granted, 1);
  }
  EXPECT_EQ(Audit(store()).report.grants, 10U);
}

// ---- locks of others
// ---------------------------------------------------------------------------

class PostgresLocks : public PostgresShell {
 protected:
  PostgresLocks() {
    std::sort(tiles_.begin(), tiles_.end(), [](model::Tile a, model::Tile b) {
      return model::tile_id_of(a) < model::tile_id_of(b);
    });
    for (const auto tile : tiles_) spawns_.push_back(bury(tile, 5));
  }
  std::future<Result<model::GrantCall>> grant_all() {
    std::vector<model::Claim> claims;
    for (std::size_t i = 0; i < tiles_.size(); ++i) {
      claims.push_back(claim_of(tiles_[i], spawns_[i], 1));
    }
    (void)store();
    return std::async(std::launch::async,
                      [this, claims = std::move(claims)] { return grant(claims); });
  }
  [[nodiscard]] std::string text_url() const {
    return TestServer::shared().text_url(TestServer::name_of(url_));
  }
  std::int64_t remaining(std::size_t tile) { return Audit(store()).remaining.at(spawns_[tile]); }

  std::vector<model::Tile> tiles_{{10, 10}, {-10, 10}, {10, -10}};
  std::vector<model::SpawnId> spawns_;
};

TEST_F(PostgresLocks, a_deadlock_with_another_program_costs_a_repeat) {
  Transaction other(url_);
  other.run("SET LOCAL deadlock_timeout = '1min'; " + lock_sql(tiles_[1]));
  auto call = grant_all();
  ASSERT_TRUE(comes_true(url_, somebody_waits));
  other.run(lock_sql(tiles_[0]));  // until the server ends the other side of the circle
  const auto answer = call.get();
  ASSERT_FALSE(answer.has_value()) << "two tiles are still locked";
  EXPECT_EQ(answer.error().code, Errc::unknown_outcome) << answer.error().message;
  EXPECT_EQ(remaining(2), 4) << "the tile behind them is not";
  other.run("COMMIT");
  const auto again = grant_all().get();
  ASSERT_TRUE(again.has_value()) << again.error().message;
  for (std::size_t i = 0; i < tiles_.size(); ++i) {
    EXPECT_EQ(again->verdicts[i].outcome, Outcome::granted);
    // Those that were unknown may have come to their end once the locks were gone.
    EXPECT_TRUE(again->verdicts[i].repeat || i != 2) << i;
    EXPECT_EQ(remaining(i), 4);
  }
}

TEST_F(PostgresLocks, a_locked_tile_does_not_keep_the_others) {
  url_ = PostgresUrl::parse(text_url() + "&options=-c%20lock_timeout%3D300ms").value();
  store_.reset();
  Transaction other(url_);
  other.run(lock_sql(tiles_[0]));
  const auto begun = std::chrono::steady_clock::now();
  const auto answer = grant_all().get();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(2));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::unknown_outcome) << answer.error().message;
  EXPECT_EQ(remaining(0), 5);
  EXPECT_EQ(remaining(1), 4);
  EXPECT_EQ(remaining(2), 4);
  other.run("ROLLBACK");
  ASSERT_TRUE(grant_all().get().has_value());
  EXPECT_EQ(remaining(0), 4);
  EXPECT_EQ(remaining(1), 4);
}

TEST_F(PostgresLocks, a_locked_table_fails_what_waits_and_changes_nothing) {
  url_ = PostgresUrl::parse(text_url() + "&options=-c%20lock_timeout%3D300ms").value();
  store_.reset();
  {
    Transaction other(url_);
    other.run("LOCK TABLE loot_tiles IN ACCESS EXCLUSIVE MODE");
    const auto answer = grant_all().get();
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, Errc::unavailable) << answer.error().message;
    other.run("COMMIT");
  }
  for (std::size_t i = 0; i < tiles_.size(); ++i) EXPECT_EQ(remaining(i), 5);
  EXPECT_TRUE(grant_all().get().has_value());
}

TEST_F(PostgresLocks, a_statement_that_takes_too_long_has_not_happened) {
  url_ = PostgresUrl::parse(text_url() +
                            "&options=-c%20lock_timeout%3D0%20-c%20statement_timeout%3D300ms")
             .value();
  store_.reset();
  {
    Transaction other(url_);
    other.run("LOCK TABLE stock IN ACCESS EXCLUSIVE MODE");
    const auto answer = grant_all().get();
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, Errc::deadline_exceeded) << answer.error().message;
    other.run("COMMIT");
  }
  for (std::size_t i = 0; i < tiles_.size(); ++i) EXPECT_EQ(remaining(i), 5);
  EXPECT_TRUE(grant_all().get().has_value());
}

// Who moves a range holds its lock alone: claims wait, and see what was decided meanwhile.
TEST_F(PostgresLocks, claims_wait_for_a_move_of_their_range_and_see_its_end) {
  const model::TileId border{(model::tile_id_of(tiles_[2]).value >> 10) << 10};
  expect_done(
      fmt::format("INSERT INTO ranges (first_world, first_tile_id, state, epoch)"
                  " VALUES (1, {}, 'owned', 1)",
                  model::to_sql(border)));
  {
    Transaction mover(url_);
    mover.run(
        fmt::format("SELECT pg_advisory_xact_lock(18434::bigint << 48 | id) FROM ranges"
                    " WHERE first_world = 1 AND first_tile_id = {}",
                    model::to_sql(border)));
    const auto near = grant({claim_of(tiles_[0], spawns_[0], 9)});
    ASSERT_TRUE(near.has_value()) << "another range: " << near.error().message;
    auto call = grant_all();
    ASSERT_TRUE(comes_true(url_, somebody_waits));
    mover.run(
        fmt::format("UPDATE ranges SET state = 'moved', epoch = 2 WHERE first_world = 1"
                    " AND first_tile_id = {}; COMMIT",
                    model::to_sql(border)));
    const auto answer = call.get();
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    EXPECT_FALSE(answer->verdicts[0].moved);
    EXPECT_EQ(answer->verdicts[0].outcome, Outcome::granted);
    EXPECT_TRUE(answer->verdicts[2].moved);
  }
  EXPECT_EQ(remaining(0), 3);
  EXPECT_EQ(remaining(2), 5);
  std::vector<model::Burial> wishes{burial_of(tiles_[2], 1)};
  const auto buried = run(store().bury(1, std::move(wishes)));
  ASSERT_FALSE(buried.has_value());
  EXPECT_EQ(buried.error().code, Errc::moved);
}

// A range that is cut in two while claims wait for its lock: they take the new one's, too, before
// they are decided.
TEST_F(PostgresLocks, claims_in_a_range_that_was_made_while_they_waited_take_its_lock) {
  const model::TileId border{(model::tile_id_of(tiles_[2]).value >> 10) << 10};
  Transaction mover(url_);
  mover.run("SELECT pg_advisory_xact_lock(18434::bigint << 48 | id) FROM ranges");
  auto call = grant_all();
  ASSERT_TRUE(comes_true(url_, somebody_waits));
  mover.run(
      fmt::format("INSERT INTO ranges (first_world, first_tile_id, state, epoch)"
                  " VALUES (1, {}, 'owned', 2); COMMIT",
                  model::to_sql(border)));
  const auto answer = call.get();
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->verdicts[0].outcome, Outcome::granted);
  EXPECT_FALSE(answer->verdicts[2].moved);
  EXPECT_EQ(answer->verdicts[2].outcome, Outcome::granted);
  EXPECT_EQ(remaining(2), 4);
  EXPECT_TRUE(grant_all().get()->verdicts[2].repeat);
}

}  // namespace
}  // namespace hunt::postgres
