// The change feed of a real server: who holds it, what it never skips, and what it cannot keep.
#include <future>
#include <numeric>

#include "adapters/postgres/postgres_store_test_support.h"
#include "ports/feed_held.h"

namespace hunt::postgres {
namespace {

using ports::contract::run;
using std::chrono::milliseconds;

constexpr std::int64_t no_wait = 0;
constexpr std::int64_t long_wait_ns = 10'000'000'000;

class PostgresFeedShell : public PostgresShell {
 protected:
  PostgresFeedShell() { (void)store(); }
  [[nodiscard]] std::unique_ptr<PostgresFeed> open_feed() const {
    return std::make_unique<PostgresFeed>(url_, clock_);
  }
  // Empty tiles, in one transaction.
  void add_tiles(int first, int count) {
    expect_done(
        fmt::format("SET statement_timeout = 0; INSERT INTO loot_tiles (world, tile_id)"
                    " SELECT 1, i FROM generate_series({}, {}) i",
                    first, first + count - 1));
  }
  // An aborted or granted row as another program writes it; its cursor is drawn here and now.
  static std::string grant_sql(std::uint64_t player) {
    const auto claim = claim_of(here, 1, player);
    return fmt::format(
        "INSERT INTO grants (claim_id, outcome, world, tile_id, spawn, player, item, rules,"
        " seed_id, as_of_us, at_us) VALUES ('{}', 'granted', 1, {}, 1, '{}', 'x', '', 0, 0, 0)",
        model::format_claim_id(claim.id), model::to_sql(claim.tile),
        model::format_claim_id(claim.player));
  }

  const ports::contract::ManualClock clock_;
};

// What a reader sees of tiles, counted.
class Reader {
 public:
  explicit Reader(model::FeedCursor from) : cursor(from) {}
  // Reads until so many tiles were seen, or a gap, or nothing comes.
  void drain(PostgresFeed& feed, bool confirms, std::size_t tiles) {
    while (seen.size() < tiles) {
      const auto batch = run(feed.next(cursor, 2'000'000'000));
      ASSERT_TRUE(batch.has_value()) << batch.error().message;
      gap = batch->gap;
      if (batch->next == cursor) return;
      ++batches;
      EXPECT_LE(batch->tiles.size(), 4'096U);
      for (const auto& change : batch->tiles) seen.insert(change.row.tile.value);
      cursor = batch->next;
      if (gap) return;
      if (!confirms) continue;
      ASSERT_TRUE(run(feed.confirm(cursor)).has_value());
    }
  }
  model::FeedCursor cursor;
  std::set<std::uint64_t> seen;
  int batches = 0;
  bool gap = false;
};

TEST_F(PostgresFeedShell, one_relay_holds_it_and_the_next_goes_on_where_that_was) {
  auto first = open_feed();
  const auto start = run(first->resume()).value();
  const auto second = open_feed();
  const auto refused = run(second->resume());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::unavailable) << refused.error().message;
  EXPECT_TRUE(ports::says_held(refused.error()));
  EXPECT_NE(refused.error().message.find("another relay"), std::string::npos)
      << refused.error().message;
  bury({1, 1}, 1);
  const auto batch = run(first->next(start.cursor, long_wait_ns)).value();
  ASSERT_EQ(batch.tiles.size(), 1U);
  ASSERT_TRUE(run(first->confirm(batch.next)).has_value());
  bury({2, 2}, 1);
  first.reset();

  Result<model::FeedStart> taken = fail(Errc::unavailable, "not yet");
  for (int attempt = 0; attempt < 500 && !taken; ++attempt) {
    taken = run(second->resume());
    std::this_thread::sleep_for(milliseconds(10));
  }
  ASSERT_TRUE(taken.has_value()) << taken.error().message;
  EXPECT_EQ(taken->cursor, batch.next);
  const auto rest = run(second->next(taken->cursor, long_wait_ns)).value();
  ASSERT_EQ(rest.tiles.size(), 1U);
  EXPECT_EQ(rest.tiles[0].row.tile, model::tile_id_of({2, 2}));
}

TEST_F(PostgresFeedShell, who_was_cut_off_and_replaced_does_not_confirm_any_more) {
  const auto feed = open_feed();
  const auto start = run(feed->resume()).value();
  expect_done("UPDATE feed SET holder = 'somebody else'");
  const auto late = run(feed->confirm(start.cursor));
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, Errc::epoch_stale);
  EXPECT_TRUE(run(feed->resume()).has_value()) << "it still has the slot, so it may take it again";
  EXPECT_TRUE(run(feed->confirm(start.cursor)).has_value());
}

TEST_F(PostgresFeedShell, a_stream_that_is_cut_off_goes_on_without_a_gap) {
  const auto feed = open_feed();
  auto cursor = run(feed->resume()).value().cursor;
  for (std::int32_t i = 0; i < 5; ++i) {
    bury({i, i}, 1);
    expect_done(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
        " current_database() AND application_name = 'hunt relay'");
    Reader reader(cursor);
    for (int attempt = 0; attempt < 300 && reader.seen.empty(); ++attempt) {
      auto batch = run(feed->next(reader.cursor, 50'000'000));
      if (!batch) continue;
      EXPECT_FALSE(batch->gap);
      reader.cursor = batch->next;
      for (const auto& change : batch->tiles) reader.seen.insert(change.row.tile.value);
    }
    EXPECT_TRUE(reader.seen.contains(model::tile_id_of({i, i}).value)) << i;
    cursor = reader.cursor;
  }
}

// Cursors are drawn in one order and committed in the other, with a reader between.
TEST_F(PostgresFeedShell, a_grant_that_commits_late_is_not_skipped) {
  const auto feed = open_feed();
  auto cursor = run(feed->now()).value();
  Transaction early(url_);
  early.run(grant_sql(1));
  Transaction late(url_);
  late.run(grant_sql(2));
  late.run(grant_sql(3) + "; COMMIT");
  // Committed, but behind what may still come.
  auto batch = run(feed->next(cursor, 100'000'000)).value();
  EXPECT_TRUE(batch.grants.empty());
  EXPECT_TRUE(run(store().grants_after(0, 10)).value().grants.empty());
  auto waiting = std::async(std::launch::async, [&feed, from = batch.next] {
    return run(feed->next(from, long_wait_ns));
  });
  EXPECT_EQ(waiting.wait_for(milliseconds(100)), std::future_status::timeout);
  early.run("COMMIT");
  std::vector<std::uint64_t> players;
  batch = waiting.get().value();
  for (int reads = 0; reads < 3 && players.size() < 3; ++reads) {
    for (const auto& grant : batch.grants) players.push_back(grant.player.low);
    batch = run(feed->next(batch.next, 100'000'000)).value();
  }
  EXPECT_EQ(players, (std::vector<std::uint64_t>{1, 2, 3})) << "in the order of their cursors";
}

TEST_F(PostgresFeedShell, a_grant_that_is_rolled_back_holds_nobody_up) {
  const auto feed = open_feed();
  const auto cursor = run(feed->now()).value();
  {
    Transaction never(url_);
    never.run(grant_sql(1));
    expect_done(grant_sql(2));
    EXPECT_TRUE(run(feed->next(cursor, 50'000'000)).value().grants.empty());
  }  // its connection goes with it
  const auto batch = run(feed->next(cursor, long_wait_ns)).value();
  ASSERT_EQ(batch.grants.size(), 1U);
  EXPECT_EQ(batch.grants[0].player.low, 2U);
}

TEST_F(PostgresFeedShell, a_cursor_inside_a_large_transaction_survives_a_restart) {
  auto feed = open_feed();
  const auto start = run(feed->resume()).value();
  add_tiles(0, 10'000);
  const auto first = run(feed->next(start.cursor, no_wait)).value();
  EXPECT_EQ(first.tiles.size(), 4'096U);
  EXPECT_FALSE(first.gap);
  ASSERT_TRUE(run(feed->confirm(first.next)).has_value());
  feed.reset();
  feed = open_feed();
  Result<model::FeedStart> again = fail(Errc::unavailable, "not yet");
  for (int attempt = 0; attempt < 500 && !again; ++attempt) again = run(feed->resume());
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->cursor, first.next);
  Reader rest(again->cursor);
  rest.drain(*feed, true, 10'000 - 4'096);
  EXPECT_FALSE(rest.gap);
  EXPECT_EQ(rest.batches, 2);
  EXPECT_EQ(rest.seen.size(), 10'000U - 4'096U);
  for (const auto& change : first.tiles) EXPECT_FALSE(rest.seen.contains(change.row.tile.value));
}

// More than is kept in memory at once, changed while nobody looked; then more in one transaction.
TEST_F(PostgresFeedShell, a_backlog_is_told_and_a_transaction_too_large_to_keep_is_a_gap) {
  constexpr int half = 70'000;
  auto feed = open_feed();
  const auto start = run(feed->resume()).value();
  feed.reset();
  add_tiles(0, half);
  add_tiles(half, half);
  feed = open_feed();
  Result<model::FeedStart> again = fail(Errc::unavailable, "not yet");
  for (int attempt = 0; attempt < 20 && !again; ++attempt) again = run(feed->resume());
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->cursor, start.cursor);
  Reader reader(again->cursor);
  reader.drain(*feed, true, std::size_t{2} * half);
  EXPECT_FALSE(reader.gap);
  EXPECT_EQ(reader.seen.size(), std::size_t{2} * half);

  expect_done(
      "SET session_replication_role = replica; UPDATE loot_tiles SET loot_table = 'moonlight'");
  reader.seen.clear();
  while (!reader.gap && !HasFatalFailure()) reader.drain(*feed, true, std::size_t{3} * half);
  EXPECT_LE(reader.seen.size(), std::size_t{2} * half);
  const auto repaired = run(feed->repair());
  ASSERT_TRUE(repaired.has_value()) << repaired.error().message;
  EXPECT_GT(repaired->epoch, start.epoch);
  ASSERT_TRUE(run(feed->confirm(repaired->cursor)).has_value());
  const auto spawn = bury(here, 1);
  const auto batch = run(feed->next(repaired->cursor, long_wait_ns)).value();
  EXPECT_FALSE(batch.gap) << "one gap, one repair";
  ASSERT_EQ(batch.tiles.size(), 1U);
  EXPECT_EQ(batch.tiles[0].row.spawn, spawn);
}

// ---- slots
// --------------------------------------------------------------------------------------

TEST_F(PostgresFeedShell, a_slot_that_somebody_dropped_is_a_gap_once) {
  auto feed = open_feed();
  auto start = run(feed->resume()).value();
  bury(here, 3);
  ASSERT_TRUE(drop_slot(url_));
  bool gap = false;
  auto cursor = start.cursor;
  for (int attempt = 0; attempt < 300 && !gap; ++attempt) {
    const auto batch = run(feed->next(cursor, 20'000'000));
    if (!batch) continue;
    gap = batch->gap;
    cursor = batch->next;
    // Told before the slot was dropped; it is not, when it has not been read by then.
    if (!gap && !batch->tiles.empty()) bury(here, 3);
  }
  ASSERT_TRUE(gap);
  const auto repaired = run(feed->repair()).value();
  EXPECT_GT(repaired.epoch, start.epoch);
  bury({1, 1}, 1);
  const auto batch = run(feed->next(repaired.cursor, long_wait_ns)).value();
  EXPECT_FALSE(batch.gap);
  EXPECT_EQ(batch.tiles.size(), 1U);
}

// The slot was made anew, but the relay ended before it wrote down where that begins.
TEST_F(PostgresFeedShell, a_slot_whose_making_was_cut_off_does_not_hide_the_gap) {
  auto feed = open_feed();
  const auto start = run(feed->resume()).value();
  ASSERT_TRUE(run(feed->confirm(start.cursor)).has_value());
  feed.reset();
  bury(here, 3);
  ASSERT_TRUE(drop_slot(url_));
  expect_done(
      "CREATE FUNCTION cut_off() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
      " IF NEW.slot_from IS NOT NULL AND NEW.slot_from IS DISTINCT FROM OLD.slot_from THEN"
      "  RAISE 'cut off'; END IF; RETURN NEW; END $$;"
      "CREATE TRIGGER cut_off BEFORE UPDATE ON feed FOR EACH ROW EXECUTE FUNCTION cut_off()");
  feed = open_feed();
  EXPECT_FALSE(run(feed->resume()).has_value());
  ASSERT_TRUE(comes_true(url_,
                         "SELECT count(*) FROM pg_replication_slots WHERE slot_name ="
                         " 'hunt_' || (SELECT oid FROM pg_database"
                         " WHERE datname = current_database())"));
  feed.reset();
  expect_done("DROP TRIGGER cut_off ON feed");
  feed = open_feed();
  Result<model::FeedStart> again = fail(Errc::unavailable, "not yet");
  for (int attempt = 0; attempt < 500 && !again; ++attempt) again = run(feed->resume());
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_TRUE(run(feed->next(again->cursor, no_wait)).value().gap);
}

// Reads grants as a relay does: repairs a gap, whose answer may be lost, and dies now and then.
class SlotLoser {
 public:
  SlotLoser(const PostgresUrl& url, const ports::Clock& clock) : url_(url), clock_(clock) {}

  // Until `told` has as many, or nothing more comes. Every call may fail for a while.
  void tell(std::size_t grants) {
    for (int tries = 0, idle = 0; tries < 3'000 && told.size() < grants && idle < 50; ++tries) {
      if (!feed_) feed_ = std::make_unique<PostgresFeed>(url_, clock_);
      if (!holding_) {
        const auto start = run(feed_->resume());
        if (start) cursor_ = start->cursor;
        holding_ = start.has_value();
        continue;
      }
      const auto batch = run(feed_->next(cursor_, 20'000'000));
      if (!batch || batch->gap) {
        idle = 0;
        if (batch) repair();
        holding_ = batch || batch.error().code != Errc::epoch_stale;
        continue;
      }
      idle = batch->grants.empty() ? idle + 1 : 0;
      for (const auto& grant : batch->grants) told.insert(grant.claim);
      cursor_ = batch->next;
    }
  }
  void confirm() { static_cast<void>(run(feed_->confirm(cursor_))); }
  void die() {
    feed_.reset();
    holding_ = false;
  }
  int answers_lost = 0;  // of the next repairs
  int repairs = 0;
  std::set<model::ClaimId> told;

 private:
  void repair() {
    const auto start = run(feed_->repair());
    if (!start) return;
    ++repairs;
    if (answers_lost > 0) {
      --answers_lost;
      static_cast<void>(drop_slot(url_));  // and the slot with it: twice in a row
      return repair();
    }
    cursor_ = start->cursor;
  }

  const PostgresUrl url_;
  const ports::Clock& clock_;
  std::unique_ptr<PostgresFeed> feed_;
  model::FeedCursor cursor_;
  bool holding_ = false;
};

// Slots are dropped while grants are made, once and twice in a row, with the repair's answer lost
// and with relays that die in between; some grants are older than the first relay.
TEST_F(PostgresFeedShell, every_grant_is_told_whatever_becomes_of_the_slot) {
  std::vector<model::Claim> claims;
  for (std::int32_t x = 0; x < 40; ++x) {
    const auto spawn = bury({x, 0}, 20);
    for (std::uint64_t player = 0; player < 30; ++player) {
      claims.push_back(claim_of({x, 0}, spawn, player));
    }
  }
  constexpr std::size_t grants = 40 * 20;
  Load load(url_, options(), claims, 2);
  ASSERT_TRUE(load.answers(5));
  SlotLoser relay(url_, clock_);
  for (int round = 0; round < 6; ++round) {
    relay.tell(relay.told.size() + 20);
    if (round % 2 == 0) relay.confirm();
    relay.answers_lost = round % 3;
    ASSERT_TRUE(load.answers(3));
    ASSERT_TRUE(drop_slot(url_));
    if (round % 3 == 1) relay.die();
  }
  const auto granted = [this] {
    return plain_number(url_, "SELECT count(*) FROM grants WHERE outcome = 'granted'");
  };
  for (int i = 0; i < 200 && granted() < static_cast<std::int64_t>(grants); ++i) {
    ASSERT_TRUE(load.answers(1));
  }
  load.stop();
  relay.tell(grants);
  EXPECT_GT(relay.repairs, 5);
  EXPECT_EQ(relay.told.size(), static_cast<std::size_t>(granted())) << "of the ledger's grants";
  EXPECT_EQ(granted(), static_cast<std::int64_t>(grants));
  load.expect_kept(store());
}

// The server keeps its log for nobody longer than it was told to.
TEST_F(PostgresFeedShell, a_slot_that_the_server_gave_up_is_a_gap) {
  const TestServer server({"max_slot_wal_keep_size = 4MB", "max_wal_size = 4MB",
                           "min_wal_size = 2MB", "fsync = off", "autovacuum = off"});
  const auto url = const_cast<TestServer&>(server).make_database();
  const auto store = open_store(url);
  auto feed = std::make_unique<PostgresFeed>(url, clock_);
  const auto start = run(feed->resume()).value();
  feed.reset();
  const auto press = [&url](int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(plain_sql(url, "SELECT pg_logical_emit_message(false, 'x', repeat('x', 900000))")
                      .has_value());
      ASSERT_TRUE(plain_sql(url, "SELECT pg_switch_wal()").has_value());
    }
    ASSERT_TRUE(plain_sql(url, "CHECKPOINT").has_value());
  };
  press(8);
  ASSERT_TRUE(
      comes_true(url, "SELECT count(*) FROM pg_replication_slots WHERE wal_status = 'lost'"));
  std::vector<model::Burial> wishes{burial_of(here, 1)};
  ASSERT_TRUE(run(store->bury(1, wishes)).has_value());

  feed = std::make_unique<PostgresFeed>(url, clock_);
  const auto again = run(feed->resume());
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->cursor, start.cursor);
  const auto batch = run(feed->next(again->cursor, no_wait)).value();
  EXPECT_TRUE(batch.gap);
  EXPECT_TRUE(batch.tiles.empty());
  const auto repaired = run(feed->repair()).value();
  EXPECT_GT(repaired.epoch, start.epoch);
  ASSERT_TRUE(run(feed->confirm(repaired.cursor)).has_value());
  // Whoever follows lets the server forget, also where nothing of ours happens for long.
  for (int i = 0; i < 3; ++i) {
    press(2);
    std::this_thread::sleep_for(milliseconds(1'100));
  }
  ASSERT_TRUE(run(store->bury(1, wishes)).has_value());
  const auto told = run(feed->next(repaired.cursor, long_wait_ns)).value();
  EXPECT_FALSE(told.gap);
  EXPECT_EQ(told.tiles.size(), 1U);
}

// What was not published meanwhile cannot be told: all copies are read again, the ledger goes on.
TEST_F(PostgresFeedShell, a_publication_that_is_lost_or_cut_down_is_made_again_with_a_gap) {
  auto feed = open_feed();
  auto cursor = run(feed->resume()).value().cursor;
  int round = 0;
  for (const std::string what :
       {"DROP PUBLICATION hunt", "ALTER PUBLICATION hunt DROP TABLE loot_tiles"}) {
    expect_done(what);
    bury({++round, 1}, 1);
    bool gap = false;
    for (int attempt = 0; attempt < 60 && !gap; ++attempt) {
      const auto batch = run(feed->next(cursor, 500'000'000));
      if (!batch) continue;  // while it is made again
      gap = batch->gap;
      if (!gap) cursor = batch->next;
    }
    ASSERT_TRUE(gap) << what;
    cursor = run(feed->repair()).value().cursor;
    bury({round, 2}, 1);
    const auto batch = run(feed->next(cursor, long_wait_ns));
    ASSERT_TRUE(batch.has_value()) << what << ": " << batch.error().message;
    EXPECT_FALSE(batch->tiles.empty()) << what;
    cursor = batch->next;
  }
}

}  // namespace
}  // namespace hunt::postgres
