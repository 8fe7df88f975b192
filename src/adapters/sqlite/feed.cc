#include "adapters/sqlite/feed.h"

#include <algorithm>
#include <unordered_set>

#include "adapters/sqlite/rows.h"
#include "base/thread_name.h"

namespace hunt::sqlite {
namespace {

constexpr std::size_t rows_per_batch_max = 4'096;  // the bound of ports::ChangeFeed::next
constexpr std::size_t waiters_max = 64;            // one relay per store is usual
constexpr std::int64_t wait_ns_max = 60'000'000'000;

Error closed() {
  return {Errc::unavailable, "the store is closed: the process is shutting down", {}};
}

}  // namespace

FeedReader::FeedReader(Connection& connection)
    : connection_(connection),
      span_(connection,
            "SELECT (SELECT min(seq) FROM changes),"
            " (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'changes'),"
            " (SELECT coalesce(max(seq), 0) FROM grants)"),
      tiles_(connection, "SELECT " HUNT_TILE_COLUMNS
                         ", c.seq, c.world,"
                         " (SELECT r.epoch FROM ranges r"
                         "  WHERE (r.first_world, r.first_tile_id) <= (c.world, c.tile_id)"
                         "  ORDER BY r.first_world DESC, r.first_tile_id DESC LIMIT 1)"
                         " FROM changes c JOIN loot_tiles t"
                         " ON t.world = c.world AND t.tile_id = c.tile_id"
                         " WHERE c.seq > ?1 ORDER BY c.seq LIMIT ?2"),
      grants_(connection, "SELECT " HUNT_GRANT_COLUMNS
                          " FROM grants g WHERE g.seq > ?1 ORDER BY g.seq LIMIT ?2"),
      data_version_(connection, "PRAGMA data_version") {}

Result<FeedReader::Span> FeedReader::span() {
  Cursor row = span_.bind();
  HUNT_TRY(present, row.step());
  HUNT_ASSERT(present);
  Span span;
  span.newest = row.natural(1);
  span.oldest = row.is_null(0) ? span.newest + 1 : row.natural(0);
  span.newest_grant = row.natural(2);
  return span;
}

Result<model::FeedCursor> FeedReader::now() {
  HUNT_TRY(all, span());
  return model::FeedCursor{all.newest, all.newest_grant};
}

Result<std::int64_t> FeedReader::data_version() {
  Cursor row = data_version_.bind();
  HUNT_TRY(present, row.step());
  return present ? row.integer(0) : 0;
}

Result<model::ChangeBatch> FeedReader::read(model::FeedCursor after) {
  HUNT_TRY(snapshot, Snapshot::begin(connection_));
  HUNT_TRY(all, span());
  model::ChangeBatch batch;
  batch.next = after;
  // Pruned since, or the cursor of another file.
  if (after.change + 1 < all.oldest || after.change > all.newest) {
    batch.gap = true;
    batch.next.change = all.newest;
  }
  if (after.grant > all.newest_grant) {
    batch.gap = true;
    batch.next.grant = all.newest_grant;
  }
  if (batch.next.change < all.newest) HUNT_CHECK(read_tiles(batch));
  if (batch.next.grant < all.newest_grant) HUNT_CHECK(read_grants(batch));
  return batch;
}

Result<void> FeedReader::read_tiles(model::ChangeBatch& batch) {
  std::unordered_set<model::ChunkKey, model::ChunkKeyHash> seen;  // (world, tile) as a key
  Cursor row = tiles_.bind(batch.next.change, rows_per_batch_max);
  for (;;) {
    HUNT_TRY(present, row.step());
    if (!present) return {};
    batch.next.change = row.natural(9);
    const auto world = static_cast<model::WorldId>(row.integer(10));
    // All rows come from one snapshot, so the first mention of a tile has its newest state.
    if (!seen.insert({world, row.tile(0).value}).second) continue;
    model::TileChange change;
    change.world = world;
    change.row = tile_row(row);
    change.epoch = row.natural(11);
    batch.tiles.push_back(std::move(change));
  }
}

Result<void> FeedReader::read_grants(model::ChangeBatch& batch) {
  Cursor row = grants_.bind(batch.next.grant, rows_per_batch_max);
  for (;;) {
    HUNT_TRY(present, row.step());
    if (!present) return {};
    model::Grant grant = grant_row(row);
    batch.next.grant = grant.cursor;
    if (!grant.aborted) batch.grants.push_back(std::move(grant));
  }
}

Feed::Feed(std::unique_ptr<Connection> connection, const ports::Clock& clock,
           std::chrono::milliseconds poll_every)
    : clock_(clock),
      poll_every_(poll_every),
      connection_(std::move(connection)),
      reader_(*connection_) {
  thread_ = std::thread([this] { serve(); });
}

void Feed::now(std::unique_ptr<Reply<model::FeedCursor>> reply) {
  {
    const std::lock_guard lock(mutex_);
    if (!closing_) asked_now_.push_back(std::move(reply));
  }
  if (reply) return reply->give(tl::unexpected(closed()));
  changed_.notify_all();
}

void Feed::next(model::FeedCursor after, std::int64_t wait_ns,
                std::unique_ptr<Reply<model::ChangeBatch>> reply) {
  const auto wait = std::chrono::nanoseconds(std::clamp<std::int64_t>(wait_ns, 0, wait_ns_max));
  Error refused = closed();
  {
    const std::lock_guard lock(mutex_);
    if (!closing_ && arrived_.size() + waiting_count_ < waiters_max) {
      arrived_.push_back({after, std::chrono::steady_clock::now() + wait, std::move(reply)});
    } else if (!closing_) {
      refused = {Errc::overloaded, "too many readers wait for the store's change feed", {}};
    }
  }
  if (reply) return reply->give(tl::unexpected(refused));
  changed_.notify_all();
}

void Feed::committed() {
  {
    const std::lock_guard lock(mutex_);
    if (committed_ns_ == 0) committed_ns_ = clock_.now_ns();
  }
  changed_.notify_all();
}

void Feed::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Feed::wait(std::unique_lock<std::mutex>& lock) {
  const auto stirred = [this] {
    return closing_ || committed_ns_ != 0 || !arrived_.empty() || !asked_now_.empty();
  };
  if (waiting_.empty()) {
    // Commits concern nobody now; those who come later look first.
    changed_.wait(lock, [this] { return closing_ || !arrived_.empty() || !asked_now_.empty(); });
    return;
  }
  Time wake = std::chrono::steady_clock::now() + poll_every_;
  for (const auto& waiter : waiting_) wake = std::min(wake, waiter.deadline);
  changed_.wait_until(lock, wake, stirred);
}

void Feed::serve() {
  name_thread("sqlite-feed");
  std::unique_lock lock(mutex_);
  for (;;) {
    wait(lock);
    waiting_count_ += arrived_.size();
    auto arrived = std::move(arrived_);
    auto asked = std::move(asked_now_);
    const std::int64_t committed_ns = std::exchange(committed_ns_, 0);
    arrived_.clear();
    asked_now_.clear();
    const bool closing = closing_;
    lock.unlock();
    for (auto& waiter : arrived) waiting_.push_back(std::move(waiter));
    if (closing) {
      for (auto& reply : asked) reply->give(tl::unexpected(closed()));
      for (auto& waiter : waiting_) waiter.reply->give(tl::unexpected(closed()));
      waiting_.clear();
      return;
    }
    answer_now(asked);
    answer(waiting_, committed_ns);
    lock.lock();
    waiting_count_ = waiting_.size();
  }
}

void Feed::answer_now(std::vector<std::unique_ptr<Reply<model::FeedCursor>>>& asked) {
  for (auto& reply : asked) reply->give(reader_.now());
}

void Feed::answer(std::vector<Waiter>& waiters, std::int64_t committed_ns) {
  const auto version = reader_.data_version();
  const bool changed = committed_ns != 0 || !version || *version != data_version_;
  if (version) data_version_ = *version;
  const Time now = std::chrono::steady_clock::now();
  std::erase_if(waiters, [&](Waiter& waiter) {
    const bool late = waiter.deadline <= now;
    if (!changed && !waiter.fresh && !late) return false;
    waiter.fresh = false;
    auto batch = reader_.read(waiter.after);
    const bool news = !batch || batch->gap || batch->next != waiter.after;
    if (!news && !late) return false;
    if (batch) batch->committed_ns = committed_ns;
    waiter.reply->give(std::move(batch));
    return true;
  });
}

}  // namespace hunt::sqlite
