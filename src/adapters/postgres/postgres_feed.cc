#include "adapters/postgres/postgres_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <optional>
#include <random>
#include <unordered_map>
#include <utility>

#include "adapters/postgres/follower.h"
#include "adapters/postgres/io_thread.h"
#include "adapters/postgres/rows.h"

namespace hunt::postgres {
namespace {

using boost::asio::awaitable;
using TimePoint = std::chrono::steady_clock::time_point;

constexpr std::size_t rows_per_batch_max = 4'096;  // the bound of ports::ChangeFeed::next
constexpr std::int64_t wait_ns_max = 60'000'000'000;
// The stream knows of a commit a little before others can see its rows.
constexpr auto look_again_first = std::chrono::milliseconds(1);
constexpr auto look_again_max = std::chrono::milliseconds(50);
// While commits follow one another: a look costs the server as much as reading a hundred grants,
// and its barrier a commit. Changed tiles, and the first grant after a pause, are told at once.
constexpr auto looks_apart = std::chrono::milliseconds(5);

constexpr Statement settled_sql{"feed_settled",
                                "SELECT set_config('hunt.settled', ledger_settled()::text, true)"};
constexpr Statement grants_sql{"feed_grants", "SELECT " HUNT_GRANT_COLUMNS
                                              " FROM grants g WHERE g.cursor > $1 AND g.cursor <="
                                              " current_setting('hunt.settled')::bigint"
                                              " ORDER BY g.cursor LIMIT $2"};
constexpr Statement bound_sql{
    "feed_bound",
    "SELECT current_setting('hunt.settled')::bigint, last_value - (NOT is_called)::int,"
    " current_setting('synchronous_standby_names') = ''"
    " FROM ledger_cursor"};
constexpr Statement ranges_sql{"feed_ranges",
                               "SELECT first_world, first_tile_id, epoch FROM ranges"
                               " ORDER BY first_world, first_tile_id"};
constexpr Statement hold_sql{"feed_hold",
                             "UPDATE feed SET holder = $1, told_lsn = coalesce(told_lsn, $2),"
                             " told_grant = coalesce(told_grant, 0)"
                             " RETURNING told_lsn, told_grant, (SELECT epoch FROM meta),"
                             " kept_stream, kept_last"};
constexpr Statement confirm_sql{
    "feed_confirm",
    "UPDATE feed SET told_lsn = $2, told_grant = $3, kept_stream = $4, kept_last = $5"
    " WHERE holder = $1 RETURNING 1"};
constexpr Statement beat_sql{"feed_beat", "UPDATE feed SET beat = beat + 1"};
constexpr Statement raise_sql{"feed_raise", "SELECT raise_epoch()"};

Error not_held() {
  return {Errc::epoch_stale, "another relay has taken the change feed; take it again", {}};
}

std::string random_name() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

// Of the range that a tile lies in.
std::uint64_t epoch_of(const Rows& ranges, model::WorldId world, model::TileId tile) {
  std::uint64_t epoch = 0;
  for (int row = 0; row < ranges.size(); ++row) {
    const auto first =
        std::pair(static_cast<model::WorldId>(ranges.integer(row, 0)), ranges.tile(row, 1));
    if (std::pair(world, tile) < first) break;
    epoch = ranges.natural(row, 2);
  }
  return epoch;
}

}  // namespace

struct PostgresFeed::Parts {
  Parts(const PostgresUrl& url, const ports::Clock& clock)
      : session(std::make_shared<Session>(io.executor(), url,
                                          SessionOptions{"hunt relay", {}, false, 1})),
        follower(std::make_shared<Follower>(io.executor(), url, session, clock)) {
    // Nothing in there throws: what goes wrong is told to the calls that wait.
    const auto end = [](const std::exception_ptr& thrown) { HUNT_ASSERT(!thrown); };
    boost::asio::co_spawn(io.executor(), follower->run(), end);
    boost::asio::co_spawn(io.executor(), follower->watch(), end);
  }

  [[nodiscard]] awaitable<Result<model::FeedStart>> resume();
  [[nodiscard]] awaitable<Result<model::FeedCursor>> now();
  [[nodiscard]] awaitable<Result<model::ChangeBatch>> next(model::FeedCursor after,
                                                           std::int64_t wait_ns);
  [[nodiscard]] awaitable<Result<void>> secure(model::FeedCursor cursor);
  [[nodiscard]] awaitable<Result<void>> confirm(model::FeedCursor cursor);
  [[nodiscard]] awaitable<Result<model::FeedStart>> repair();
  [[nodiscard]] awaitable<Result<model::ChangeBatch>> look(model::FeedCursor after);
  [[nodiscard]] awaitable<Result<void>> news(model::FeedCursor after, TimePoint look_at,
                                             TimePoint deadline);
  void add_tiles(model::ChangeBatch& batch, const Rows& ranges) const;

  IoThread io;
  const std::string name = random_name();
  std::shared_ptr<Session> session;
  std::shared_ptr<Follower> follower;
  TimePoint looked_at{};
  std::uint64_t heard = 0;  // grants that had gone by when it was looked
  // The last look found all that there was by then, up to here.
  std::optional<model::FeedCursor> all_seen;
  // Grants up to here were read while commits waited for no standby: they were on the disk before
  // anybody could see them, and a barrier would be one more commit that waits for nothing else.
  std::uint64_t secured = 0;
};

PostgresFeed::PostgresFeed(const PostgresUrl& url, const ports::Clock& clock)
    : parts_(std::make_unique<Parts>(url, clock)) {}

PostgresFeed::~PostgresFeed() {
  close();
}

void PostgresFeed::close() {
  parts_->io.close([parts = parts_.get()] {
    parts->follower->close();
    parts->session->close();
  });
}

awaitable<Result<model::FeedCursor>> PostgresFeed::now() {
  return parts_->io.run(parts_->now());
}

awaitable<Result<model::FeedCursor>> PostgresFeed::Parts::now() {
  HUNT_CO_CHECK(co_await follower->catch_up());
  std::vector<Step> steps(2);
  steps[0].statement = &settled_sql;
  steps[1].statement = &bound_sql;
  HUNT_CO_TRY(results, co_await session->call(std::move(steps)));
  co_return model::FeedCursor{follower->log().newest(), results[1].natural(0, 0)};
}

awaitable<Result<model::FeedStart>> PostgresFeed::resume() {
  return parts_->io.run(parts_->resume());
}

awaitable<Result<model::FeedStart>> PostgresFeed::Parts::resume() {
  HUNT_CO_TRY(start, co_await now());
  // Kept from the first time on: were its reader to die before it confirms anything, the next one
  // would begin later. Grants begin with the ledger: some are older than the first reader.
  HUNT_CO_TRY(rows, co_await session->call(hold_sql,
                                           Params().add(std::string_view(name)).add(start.change)));
  if (rows.size() != 1) co_return fail(Errc::corrupt, "the table feed is empty");
  const model::KeptIn kept{rows.natural(0, 3), rows.natural(0, 4)};
  co_return model::FeedStart{{rows.natural(0, 0), rows.natural(0, 1), kept}, rows.natural(0, 2)};
}

awaitable<Result<model::ChangeBatch>> PostgresFeed::next(model::FeedCursor after,
                                                         std::int64_t wait_ns) {
  return parts_->io.run(parts_->next(after, wait_ns));
}

awaitable<Result<model::ChangeBatch>> PostgresFeed::Parts::next(model::FeedCursor after,
                                                                std::int64_t wait_ns) {
  const auto wait = std::chrono::nanoseconds(std::clamp<std::int64_t>(wait_ns, 0, wait_ns_max));
  const TimePoint deadline = std::chrono::steady_clock::now() + wait;
  HUNT_CO_CHECK(co_await follower->opened());
  if (wait_ns <= 0) HUNT_CO_CHECK(co_await follower->catch_up());
  // Where the last look found all there was, the stream tells when there is more.
  if (after == all_seen) HUNT_CO_CHECK(co_await news(after, looked_at + looks_apart, deadline));
  for (auto pause = look_again_first;; pause = std::min(pause * 2, look_again_max)) {
    HUNT_CO_TRY(batch, co_await look(after));
    if (batch.gap || batch.next != after) co_return batch;
    if (std::chrono::steady_clock::now() >= deadline) co_return batch;
    // Committed, and not yet to be seen or to be settled: the stream will not tell again.
    HUNT_CO_CHECK(co_await news(after, looked_at + pause, deadline));
  }
}

// Waits until there is something to look at. Grants are looked for from `look_at` on.
awaitable<Result<void>> PostgresFeed::Parts::news(model::FeedCursor after, TimePoint look_at,
                                                  TimePoint deadline) {
  for (TimePoint now = std::chrono::steady_clock::now(); now < deadline;
       now = std::chrono::steady_clock::now()) {
    const bool gap = follower->broken() || after.change < follower->floor();
    if (gap || after.change != follower->log().newest()) break;
    const bool grants = follower->newest_grant() > after.grant;
    // What has come since may have settled what was there before.
    if (follower->grants_heard() != heard) look_at = std::min(look_at, looked_at + looks_apart);
    if (grants && now >= look_at) break;
    co_await follower->changed(grants ? std::min(deadline, look_at) : deadline);
    HUNT_CO_CHECK(co_await follower->opened());
  }
  co_return Result<void>{};
}

// What there is now.
awaitable<Result<model::ChangeBatch>> PostgresFeed::Parts::look(model::FeedCursor after) {
  model::ChangeBatch batch;
  batch.next = after;
  all_seen.reset();
  heard = follower->grants_heard();
  const ChangeLog& log = follower->log();
  if (follower->broken() || after.change < follower->floor()) {
    batch.gap = true;
  } else if (after.change > log.newest()) {
    // Its own place may be one that the stream has not reached again after a new connection.
    HUNT_CO_CHECK(co_await follower->catch_up());
    batch.gap = after.change > log.newest();
  }
  if (batch.gap) {
    HUNT_CO_CHECK(co_await follower->catch_up());
    batch.next.change = log.newest();
  }
  std::vector<Step> steps(4);
  steps[0].statement = &settled_sql;
  steps[1].statement = &grants_sql;
  steps[1].params.add(after.grant).add(static_cast<std::uint64_t>(rows_per_batch_max));
  steps[2].statement = &bound_sql;
  steps[3].statement = &ranges_sql;
  HUNT_CO_TRY(results, co_await session->call(std::move(steps)));
  looked_at = std::chrono::steady_clock::now();
  const std::uint64_t newest = results[2].natural(0, 1);
  // Never drawn, or of another shard: the cursor of another store.
  if (after.grant > newest || (after.grant != 0 && after.grant >> 48 != newest >> 48)) {
    batch.gap = true;
    batch.next.grant = results[2].natural(0, 0);
  }
  for (int row = 0; row < results[1].size(); ++row) {
    model::Grant grant = grant_row(results[1], row);
    batch.next.grant = grant.cursor;
    if (!grant.aborted) batch.grants.push_back(std::move(grant));
  }
  secured = results[2].truth(0, 2) ? batch.next.grant : 0;
  add_tiles(batch, results[3]);
  if (!batch.gap && results[1].size() < static_cast<int>(rows_per_batch_max)) all_seen = batch.next;
  co_return batch;
}

void PostgresFeed::Parts::add_tiles(model::ChangeBatch& batch, const Rows& ranges) const {
  std::unordered_map<model::ChunkKey, std::size_t, model::ChunkKeyHash> seen;  // (world, tile)
  std::size_t rows = 0;
  for (const auto& part : follower->log().parts()) {
    if (part.place <= batch.next.change) continue;
    rows += part.tiles.size();
    if (rows > rows_per_batch_max) return;
    batch.next.change = part.place;
    if (batch.committed_ns == 0) batch.committed_ns = part.committed_ns;
    for (const auto& change : part.tiles) {
      const auto [at, fresh] =
          seen.try_emplace({change.world, change.row.tile.value}, batch.tiles.size());
      if (!fresh) {
        batch.tiles[at->second].row = change.row;
        continue;
      }
      batch.tiles.push_back(change);
      batch.tiles.back().epoch = epoch_of(ranges, change.world, change.row.tile);
    }
  }
}

awaitable<Result<void>> PostgresFeed::secure(model::FeedCursor cursor) {
  return parts_->io.run(parts_->secure(cursor));
}

// A commit that waits for the synchronous standby, if there is one: what was committed before it
// has reached it, too. A wait that was cancelled is an error of the session.
awaitable<Result<void>> PostgresFeed::Parts::secure(model::FeedCursor cursor) {
  if (secured != 0 && cursor.grant <= secured) co_return Result<void>{};
  HUNT_CO_CHECK(co_await session->call(beat_sql));
  co_return Result<void>{};
}

awaitable<Result<void>> PostgresFeed::confirm(model::FeedCursor cursor) {
  return parts_->io.run(parts_->confirm(cursor));
}

awaitable<Result<void>> PostgresFeed::Parts::confirm(model::FeedCursor cursor) {
  HUNT_CO_CHECK(co_await follower->opened());
  HUNT_CO_TRY(rows, co_await session->call(confirm_sql, Params()
                                                            .add(std::string_view(name))
                                                            .add(cursor.change)
                                                            .add(cursor.grant)
                                                            .add(cursor.kept.stream)
                                                            .add(cursor.kept.last)));
  if (rows.size() == 0) co_return tl::unexpected<Error>(not_held());
  follower->forget(cursor.change);
  co_return Result<void>{};
}

awaitable<Result<model::FeedStart>> PostgresFeed::repair() {
  return parts_->io.run(parts_->repair());
}

awaitable<Result<model::FeedStart>> PostgresFeed::Parts::repair() {
  HUNT_CO_CHECK(co_await follower->opened());
  HUNT_CO_CHECK(co_await session->call(raise_sql));
  follower->repaired();
  HUNT_CO_TRY(here, co_await now());
  HUNT_CO_TRY(start, co_await resume());
  start.cursor.change = here.change;
  start.cursor.grant = std::min(start.cursor.grant, here.grant);
  co_return start;
}

}  // namespace hunt::postgres
