#include "adapters/postgres/follower.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>
#include <utility>

#include "adapters/postgres/schema_parts.h"
#include "base/text.h"

namespace hunt::postgres {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto open_within = seconds(10);
constexpr auto publication_every = seconds(2);
constexpr auto catch_up_within = seconds(5);
// The server sends every row by itself. Each would wake us, and what grants are is read elsewhere:
// those of the next two milliseconds come with one read. Not where there are many already.
constexpr milliseconds pause_behind_grants(2);
constexpr std::uint64_t many_grants = 32;
constexpr milliseconds retry_first(50);
constexpr milliseconds retry_max(2'000);

// The slot belongs to the database: other shards may live in the same server.
constexpr Statement look_sql{
    "feed_look",
    "WITH mine AS (SELECT 'hunt_' || oid AS slot FROM pg_database"
    "              WHERE datname = current_database())"
    " SELECT mine.slot, s.slot_name IS NOT NULL, coalesce(s.wal_status = 'lost', false),"
    "   (s.confirmed_flush_lsn - '0/0')::bigint, f.slot_from, f.told_lsn,"
    "   m.timeline = server_timeline(),"
    "   EXISTS (SELECT FROM pg_publication p WHERE pubname = 'hunt' AND " HUNT_PUBLICATION_IS_WHOLE
    ")"
    " FROM mine CROSS JOIN feed f CROSS JOIN meta m"
    " LEFT JOIN pg_replication_slots s ON s.slot_name = mine.slot"};
constexpr Statement publication_sql{
    "feed_publication",
    "SELECT EXISTS (SELECT FROM pg_publication p WHERE pubname = 'hunt'"
    " AND " HUNT_PUBLICATION_IS_WHOLE ")"};
constexpr Statement drop_publication_sql{"feed_drop_publication",
                                         "DROP PUBLICATION IF EXISTS hunt"};
constexpr Statement make_publication_sql{
    "feed_make_publication",
    "CREATE PUBLICATION hunt FOR TABLE loot_tiles, grants WHERE (outcome = 'granted')"};
constexpr Statement make_slot_sql{
    "feed_make_slot",
    "SELECT (lsn - '0/0')::bigint FROM pg_create_logical_replication_slot($1, 'pgoutput')"};
constexpr Statement drop_slot_sql{"feed_drop_slot", "SELECT 1 FROM pg_drop_replication_slot($1)"};
constexpr Statement no_floor_sql{"feed_no_floor", "UPDATE feed SET slot_from = NULL"};
constexpr Statement keep_floor_sql{"feed_keep_floor", "UPDATE feed SET slot_from = $1"};
// In a transaction, whose end reaches the disk at once (the stream shows no more than that), not
// with the server's next turn in 200 ms; and that waits for no standby.
constexpr Statement mark_here_sql{"feed_mark_here",
                                  "SELECT set_config('synchronous_commit', 'local', true)"};
constexpr Statement mark_sql{"feed_mark", "SELECT 1 FROM pg_logical_emit_message(true, $1, $2)"};

constexpr std::string_view mark_prefix = "hunt";

}  // namespace

Follower::Follower(asio::any_io_executor io, const PostgresUrl& url,
                   std::shared_ptr<Session> session, const ports::Clock& clock)
    : io_(std::move(io)), url_(url), session_(std::move(session)), clock_(clock), look_again_(io_) {
  // So that the marks of an earlier process mean nothing.
  std::random_device random;
  asked_ = seen_ = static_cast<std::uint64_t>(random()) << 24;
}

asio::awaitable<void> Follower::run() {
  const auto self = shared_from_this();
  for (int failures = 0; !closed_;) {
    auto done = co_await open();
    ++attempts_;
    if (done && !closed_) {
      failures = 0;
      failure_.reset();
      tell();
      done = co_await read();
    }
    if (stream_) stream_->close();
    stream_.reset();
    spoiled_ = spoiled_ || (!done && done.error().field == no_publication);
    failure_ = done ? Error{Errc::unavailable, "the change feed is closed", {}} : done.error();
    tell();
    const auto pause = std::min(retry_max, retry_first * (1 << std::min(failures++, 6)));
    co_await changed(std::chrono::steady_clock::now() + pause);
  }
}

void Follower::close() {
  closed_ = true;
  if (stream_) stream_->close();
  look_again_.cancel();
  tell();
}

asio::awaitable<Result<void>> Follower::open() {
  auto slot = co_await prepare_slot();
  if (!slot) co_return tl::unexpected<Error>(std::move(slot.error()));
  if (closed_) co_return fail(Errc::unavailable, "the change feed is closed");
  stream_ = std::make_shared<Replication>(io_, *this);
  co_return co_await stream_->open(url_, std::move(*slot));
}

asio::awaitable<Result<std::string>> Follower::prepare_slot() {
  HUNT_CO_TRY(rows, co_await session_->call(look_sql));
  if (rows.size() != 1) co_return fail(Errc::corrupt, url_.shown() + ": the table feed is empty");
  const std::string slot(rows.text(0, 0));
  if (!rows.truth(0, 7)) {
    spoiled_ = true;
    HUNT_CO_CHECK(co_await make_publication());
  }
  bool there = rows.truth(0, 1);
  if (there && (spoiled_ || rows.truth(0, 2))) {
    HUNT_CO_CHECK(co_await session_->call(drop_slot_sql, Params().add(std::string_view(slot))));
    there = false;
  }
  std::uint64_t begins = rows.is_null(0, 4) ? rows.natural(0, 3) : rows.natural(0, 4);
  if (!there) {
    // Were this to end before the new floor is kept, the old one would hide the gap.
    HUNT_CO_CHECK(co_await session_->call(no_floor_sql));
    HUNT_CO_TRY(made, co_await session_->call(make_slot_sql, Params().add(std::string_view(slot))));
    begins = made.natural(0, 0);
  }
  spoiled_ = false;
  if (!there || rows.is_null(0, 4)) {
    HUNT_CO_CHECK(co_await session_->call(keep_floor_sql, Params().add(begins)));
  }
  broken_ = broken_ || !rows.truth(0, 6);
  // Between what was told last and where the stream begins nothing of ours was committed.
  floor_ = std::max(begins, rows.is_null(0, 5) ? 0 : rows.natural(0, 5));
  // Not from what was read before: a promoted server may be behind that, in another history.
  log_.restart(floor_);
  newest_grant_ = 0;
  co_return slot;
}

// A slot decodes what was committed by what was published then, so a publication that was gone for
// a while needs a new slot, too.
asio::awaitable<Result<void>> Follower::make_publication() {
  std::vector<Step> steps(2);
  steps[0].statement = &drop_publication_sql;
  steps[1].statement = &make_publication_sql;
  const auto made = co_await session_->call(std::move(steps));
  if (made) co_return Result<void>{};
  co_return fail(made.error().code,
                 fmt::format("the publication hunt is missing or was changed, and it was not made "
                             "again ({}): start `hunt serve` once as the owner of the tables",
                             made.error().message));
}

asio::awaitable<void> Follower::watch() {
  const auto self = shared_from_this();
  while (!closed_) {
    boost::system::error_code cancelled;
    look_again_.expires_after(publication_every);
    co_await look_again_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (closed_ || failure_) continue;
    const auto whole = co_await session_->call(publication_sql);
    if (!whole || whole->truth(0, 0) || !stream_) continue;
    spoiled_ = true;
    stream_->close();  // opened again, with all that it needs
  }
}

asio::awaitable<Result<void>> Follower::read() {
  while (!closed_) {
    if (log_.full()) {
      co_await changed(std::chrono::steady_clock::now() + seconds(1));
      continue;
    }
    const std::uint64_t heard = grants_heard_;
    HUNT_CO_CHECK(co_await stream_->read());
    stream_->set_idle(log_.empty());
    tell();
    if (grants_heard_ == heard || grants_heard_ - heard >= many_grants) continue;
    asio::steady_timer pause(io_, pause_behind_grants);
    boost::system::error_code cancelled;
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
  co_return Result<void>{};
}

asio::awaitable<Result<void>> Follower::opened() {
  const std::uint64_t attempts = attempts_;
  const TimePoint deadline = std::chrono::steady_clock::now() + open_within;
  while (failure_ && attempts == attempts_ && !closed_ &&
         std::chrono::steady_clock::now() < deadline) {
    co_await changed(deadline);
  }
  if (failure_) co_return tl::unexpected<Error>(*failure_);
  co_return Result<void>{};
}

asio::awaitable<Result<void>> Follower::catch_up() {
  HUNT_CO_CHECK(co_await opened());
  const std::uint64_t mine = ++asked_;
  const std::string mark = std::to_string(mine);
  std::vector<Step> steps(2);
  steps[0].statement = &mark_here_sql;
  steps[1].statement = &mark_sql;
  steps[1].params.add(mark_prefix).add(std::string_view(mark));
  HUNT_CO_CHECK(co_await session_->call(std::move(steps)));
  const TimePoint deadline = std::chrono::steady_clock::now() + catch_up_within;
  while (seen_ < mine && !log_.full()) {
    if (failure_) co_return tl::unexpected<Error>(*failure_);
    if (std::chrono::steady_clock::now() >= deadline) {
      co_return fail(Errc::deadline_exceeded,
                     url_.shown() + ": the change stream is behind; call again");
    }
    co_await changed(deadline);
  }
  co_return Result<void>{};
}

asio::awaitable<void> Follower::changed(TimePoint deadline) {
  asio::steady_timer timer(io_, deadline);
  waiting_.push_back(&timer);
  boost::system::error_code cancelled;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  std::erase(waiting_, &timer);
}

void Follower::tell() {
  for (auto* timer : waiting_) timer->cancel();
}

void Follower::forget(std::uint64_t place) {
  const std::uint64_t resume_at = log_.forget(place);
  floor_ = std::max(floor_, std::min(place, log_.newest()));
  if (stream_ && resume_at != 0) stream_->told(resume_at);
  if (stream_) stream_->set_idle(log_.empty());
  tell();
}

void Follower::on_begin(std::uint64_t commit_lsn) {
  log_.begin(commit_lsn, clock_.now_ns());
}

void Follower::on_tile(model::WorldId world, model::TileRow row) {
  model::TileChange change;
  change.world = world;
  change.row = std::move(row);
  log_.add(std::move(change));
}

void Follower::on_grant(std::uint64_t cursor) {
  newest_grant_ = std::max(newest_grant_, cursor);
  ++grants_heard_;
}

void Follower::on_commit(std::uint64_t end_lsn) {
  log_.commit(end_lsn);
}

void Follower::on_message(std::string_view prefix, std::string_view content) {
  if (prefix != mark_prefix) return;
  const auto number = parse_u64(content);
  if (number && *number > seen_ && *number <= asked_) seen_ = *number;
}

}  // namespace hunt::postgres
