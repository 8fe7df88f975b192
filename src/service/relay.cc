#include "service/relay.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "model/limits.h"
#include "ports/feed_held.h"

namespace hunt::service {

namespace {

constexpr std::int64_t heartbeat_ns = 100'000'000;  // PROTOCOLS 7
constexpr std::int64_t coalesce_ns = 2'000'000;     // PROTOCOLS 8
constexpr std::int64_t confirm_every_ns = 1'000'000'000;
constexpr std::int64_t drain_ns = 5'000'000'000;
constexpr std::int64_t backoff_ns_min = 20'000'000;
constexpr std::int64_t backoff_ns_max = 1'000'000'000;
constexpr std::size_t events_per_call_max = 256;
constexpr std::size_t grants_together_max = 4'096;  // as many as the feed gives at once
// Of a changed row in an invalidation, without the name of its table; and of the rest of it.
constexpr std::size_t row_bytes_max = 128;
constexpr std::size_t frame_bytes_max = 256;
// Ledgers are in the order of their commits, which is that of their times but for clocks.
constexpr std::int64_t clock_slack_us = 600'000'000;

}  // namespace

Relay::Relay(RelayOptions options, ports::ChangeFeed& feed, ports::Bus& bus,
             ports::TileCache* cache, const ports::Clock& clock, ports::Timer& timer,
             boost::asio::any_io_executor lane)
    : options_(options),
      feed_(feed),
      bus_(bus),
      cache_(cache),
      clock_(clock),
      timer_(timer),
      tasks_(std::move(lane), 8) {}  // four, and those that are ending

boost::asio::awaitable<Result<void>> Relay::start() {
  const auto start = co_await feed_.resume();
  note_feed(start);
  if (start) hold(*start);
  const bool spawned = tasks_.try_spawn(follow());
  HUNT_ASSERT(spawned);
  if (!start) co_return tl::unexpected<Error>(start.error());
  co_return Result<void>{};
}

boost::asio::awaitable<void> Relay::drain() {
  stop_by_ns_ = clock_.now_ns() + drain_ns;
  stopping_ = true;
  co_await tasks_.join(clock_, timer_);
}

bool Relay::too_late() const noexcept {
  return stopping_ && clock_.now_ns() >= stop_by_ns_;
}

void Relay::note(Need need, std::string trouble) {
  std::string& known = troubles_[static_cast<std::size_t>(need)];
  if (known == trouble) return;
  known = std::move(trouble);
  if (!options_.on_trouble) return;
  const auto first = std::find_if(troubles_.begin(), troubles_.end(),
                                  [](const std::string& text) { return !text.empty(); });
  options_.on_trouble(first == troubles_.end() ? std::string() : *first);
}

// That another holds the feed is what a standby waits for; whatever else is in the way is trouble.
void Relay::note_feed(const Result<model::FeedStart>& start) {
  const bool held = !start && ports::says_held(start.error());
  note(Need::feed, start || held ? std::string() : start.error().message);
}

boost::asio::awaitable<void> Relay::pause(std::int64_t& backoff_ns) {
  backoff_ns = std::clamp(backoff_ns * 2, backoff_ns_min, backoff_ns_max);
  co_await timer_.sleep_until(clock_.now_ns() + backoff_ns);
}

// What another holder told meanwhile, or a failover lost, must not be told from memory: it is
// forgotten at once. A barrier that is asked for again, of a promoted server, would hold.
void Relay::let_go() {
  ++hold_count_;
  holding_ = false;
  gap_ = false;
  rows_.clear();
  grants_.clear();
  rows_waiting_ = 0;
  grants_waiting_ = 0;
  done_ = confirmed_;
}

void Relay::hold(const model::FeedStart& start) {
  let_go();
  holding_ = true;
  cursor_ = done_ = confirmed_ = start.cursor;
  epoch_ = start.epoch;
  seq_ = 0;
  // Looks of before do not know what the last holder told since, and one may be under way.
  next_look_ = bus_.claims_kept().look + 2;
}

boost::asio::awaitable<void> Relay::follow() {
  std::int64_t backoff_ns = 0;
  while (!stopping_ || holding_) {
    if (holding_) co_await follow_held();
    if (stopping_) break;
    const auto start = co_await feed_.resume();
    note_feed(start);
    if (start) {
      hold(*start);
      backoff_ns = 0;
    } else {
      co_await pause(backoff_ns);
    }
  }
  while (!idle() && !too_late()) co_await timer_.sleep_until(clock_.now_ns() + 1'000'000);
  co_await confirm();
}

// Until the feed is another's, or drained.
boost::asio::awaitable<void> Relay::follow_held() {
  std::int64_t backoff_ns = 0;
  while (holding_ && !too_late()) {
    // Full: nothing is read, so no heartbeat is sent either, until there is room again.
    if (grants_waiting_ >= limits::relay_rows_waiting_max) {
      co_await timer_.sleep_until(clock_.now_ns() + backoff_ns_min);
      continue;
    }
    if (gap_) {
      const bool repaired = co_await repair();
      if (!repaired) co_await pause(backoff_ns);
      continue;
    }
    const bool last = stopping_;  // read before the feed: what was committed by then is told
    auto batch = co_await feed_.next(cursor_, last ? 0 : heartbeat_ns);
    if (batch || batch.error().code != Errc::epoch_stale) note(Need::feed, batch);
    if (!batch && batch.error().code == Errc::epoch_stale) let_go();
    if (!batch) {
      if (last || !holding_) co_return;
      co_await pause(backoff_ns);
      continue;
    }
    gap_ = batch->gap;
    if (gap_) continue;
    backoff_ns = 0;
    const bool more = !batch->tiles.empty() || !batch->grants.empty();
    spread(std::move(*batch));
    look_at_kept();
    if (clock_.now_ns() - confirmed_ns_ >= confirm_every_ns) co_await confirm();
    if (last && !more) co_return;
    if (more) co_await timer_.sleep_until(spread_ns_ + coalesce_ns);
  }
}

// Also after an error: it may have happened, and then the feed tells of no gap any more.
boost::asio::awaitable<bool> Relay::repair() {
  const auto start = co_await feed_.repair();
  if (start || start.error().code != Errc::epoch_stale) note(Need::feed, start);
  if (!start && start.error().code == Errc::epoch_stale) let_go();
  if (!start) co_return false;
  hold(*start);
  if (options_.on_gap) options_.on_gap();
  co_return true;
}

// Invalidations go out at once; cache and told grants follow, each at its own pace.
void Relay::spread(model::ChangeBatch batch) {
  cursor_ = batch.next;
  spread_ns_ = clock_.now_ns();
  if (cache_ != nullptr && !batch.tiles.empty()) {
    rows_waiting_ += batch.tiles.size();
    rows_.push_back({batch.tiles, cursor_.change, spread_ns_});
    bound_rows();
  } else if (rows_.empty()) {
    done_.change = cursor_.change;
  }
  if (!batch.grants.empty()) {
    // The first may be on its way. What waits behind it shares one barrier and one turn.
    if (grants_.size() < 2 || grants_.back().events.size() >= grants_together_max) {
      grants_.emplace_back();
    }
    Grants& grants = grants_.back();
    grants.until = cursor_;
    for (const auto& grant : batch.grants) grants.events.push_back(event_of(grant));
    grants_waiting_ += batch.grants.size();
  } else if (grants_.empty()) {
    done_.grant = cursor_.grant;
  }
  if (planted(Planted::confirms_untold)) done_.grant = cursor_.grant;
  invalidate(std::move(batch.tiles), batch.committed_ns);
  // The flags are set first: where nothing has to be waited for, a task ends before it is spawned.
  if (!rows_.empty() && !std::exchange(writing_, true)) {
    if (!tasks_.try_spawn(write_cache())) writing_ = false;
  }
  if (!grants_.empty() && !std::exchange(telling_, true)) {
    if (!tasks_.try_spawn(tell_grants())) telling_ = false;
  }
}

// In as many messages as the bus needs; without tiles it is the heartbeat.
void Relay::invalidate(std::vector<model::TileChange> tiles, std::int64_t committed_ns) {
  const std::size_t bytes_max = bus_.message_bytes_max();
  std::size_t at = 0;
  do {
    model::Invalidation invalidation;
    invalidation.shard = options_.shard;
    invalidation.relay = options_.identity;
    invalidation.epoch = epoch_;
    invalidation.seq = ++seq_;
    invalidation.committed_ns = committed_ns;
    std::size_t bytes = frame_bytes_max;
    for (; at < tiles.size() && invalidation.tiles.size() < limits::invalidation_rows_max; ++at) {
      bytes += row_bytes_max + tiles[at].row.table.size();
      if (bytes > bytes_max && !invalidation.tiles.empty()) break;
      invalidation.tiles.push_back(std::move(tiles[at]));
    }
    bus_.publish(std::move(invalidation));
  } while (at < tiles.size());
}

// A cache that takes nothing must not keep grants from being told: the oldest rows are given up.
// What it holds of them is no older than any copy may be. The first may be on its way just now.
void Relay::bound_rows() {
  while (rows_waiting_ > limits::relay_rows_waiting_max && rows_.size() > 2) {
    rows_waiting_ -= rows_[1].tiles.size();
    rows_.erase(rows_.begin() + 1);
  }
}

boost::asio::awaitable<void> Relay::write_cache() {
  std::int64_t backoff_ns = 0;
  while (!rows_.empty() && !too_late()) {
    const std::uint64_t hold_count = hold_count_;
    const auto written = co_await cache_->update(rows_.front().tiles);
    if (hold_count != hold_count_) continue;
    // Whatever the cache held when this row changed has expired by now.
    const bool pointless = clock_.now_ns() - rows_.front().read_ns >= limits::chunk_life_ns;
    if (!written && !pointless) {
      co_await pause(backoff_ns);
      continue;
    }
    backoff_ns = 0;
    rows_waiting_ -= rows_.front().tiles.size();
    done_.change = rows_.front().until;
    rows_.pop_front();
    if (rows_.empty()) done_.change = cursor_.change;
  }
  writing_ = false;
}

boost::asio::awaitable<void> Relay::tell_grants() {
  std::int64_t backoff_ns = 0;
  while (!grants_.empty() && !too_late()) {
    const std::uint64_t hold_count = hold_count_;
    const bool told = co_await tell_first();
    if (hold_count != hold_count_) continue;
    if (!told) {
      co_await pause(backoff_ns);
      continue;
    }
    backoff_ns = 0;
    grants_waiting_ -= grants_.front().events.size();
    done_.grant = grants_.front().until.grant;
    grants_.pop_front();
    if (grants_.empty()) done_.grant = cursor_.grant;
  }
  telling_ = false;
}

// A feed can show a commit that a failover then loses: nothing is told before the barrier.
boost::asio::awaitable<bool> Relay::tell_first() {
  const std::uint64_t hold_count = hold_count_;
  const auto secured = co_await feed_.secure(grants_.front().until);
  note(Need::barrier, secured);
  for (std::size_t at = 0; secured && hold_count == hold_count_;) {
    const auto& events = grants_.front().events;
    const std::size_t end = std::min(events.size(), at + events_per_call_max);
    std::vector<model::ClaimEvent> part(events.begin() + static_cast<std::ptrdiff_t>(at),
                                        events.begin() + static_cast<std::ptrdiff_t>(end));
    const auto told = co_await bus_.tell(std::move(part));
    note(Need::bus, told);
    if (!told) co_return false;
    at = end;
    if (hold_count == hold_count_ && at == grants_.front().events.size()) co_return true;
  }
  co_return false;
}

// What keeps the told grants may be another one than we told them to, older (a restored copy) or
// emptied: then it lacks some that nobody would ever tell.
void Relay::look_at_kept() {
  const model::ClaimsKept now = bus_.claims_kept();
  if (now.in.stream == 0 || telling_again_ || now.look < next_look_) return;
  model::KeptIn& kept = done_.kept;
  if (kept.stream == 0) kept.stream = now.in.stream;  // the first that we hear of
  const bool another = kept.stream != now.in.stream;
  const bool behind = now.newest < std::max(kept.last, now.in.last);
  const bool emptied = kept.last > 0 && now.first > now.newest;
  if (!another && !behind && !emptied) {
    kept.last = std::max(kept.last, now.in.last);
    return;
  }
  telling_again_ = true;
  occasion_ = static_cast<std::uint64_t>(clock_.wall_us());
  if (!tasks_.try_spawn(tell_again(now))) telling_again_ = false;  // with the next look
}

// All that it would still keep, of what was told before. What is granted meanwhile is told as ever.
// The feed hears only at the end where they are kept: whoever takes it before that begins again.
boost::asio::awaitable<void> Relay::tell_again(model::ClaimsKept lost_in) {
  const std::uint64_t hold_count = hold_count_;
  const std::uint64_t until = done_.grant;
  const std::int64_t age_us = lost_in.age_ns_max / 1'000;
  std::uint64_t from = until >> 48U << 48U;  // the shard's number is in it, in some stores
  if (age_us > 0) {
    from = co_await first_grant_since(clock_.wall_us() - age_us - clock_slack_us, until);
  }
  const bool all = hold_count == hold_count_ && co_await tell_again_from(from, until);
  telling_again_ = false;
  next_look_ = bus_.claims_kept().look + 2;  // one may be under way
  if (!all || hold_count != hold_count_) co_return;
  done_.kept = {lost_in.in.stream, 0};  // the next look has the number
}

// A cursor before the first grant of that time or later, by halving.
boost::asio::awaitable<std::uint64_t> Relay::first_grant_since(std::int64_t since_us,
                                                               std::uint64_t until) {
  const std::uint64_t hold_count = hold_count_;
  std::uint64_t low = until >> 48U << 48U;
  std::uint64_t high = until;
  while (low < high && hold_count == hold_count_ && !stopping_) {
    const std::uint64_t middle = low + (high - low) / 2;
    model::FeedCursor after = cursor_;
    after.grant = middle;
    const auto batch = co_await feed_.next(after, 0);
    if (!batch) break;  // from further back
    const bool later = batch->grants.empty() || batch->grants.front().at_us >= since_us;
    (later ? high : low) = later ? middle : middle + 1;
  }
  co_return low;
}

boost::asio::awaitable<bool> Relay::tell_again_from(std::uint64_t from, std::uint64_t until) {
  const std::uint64_t hold_count = hold_count_;
  std::int64_t backoff_ns = 0;
  while (from < until) {
    if (hold_count != hold_count_ || stopping_) co_return false;
    model::FeedCursor after = cursor_;
    after.grant = from;
    const auto batch = co_await feed_.next(after, 0);
    if (!batch) {
      co_await pause(backoff_ns);
      continue;
    }
    if (batch->next.grant == from) break;  // none follows
    std::vector<model::ClaimEvent> events;
    for (const auto& grant : batch->grants) {
      if (grant.cursor <= until) events.push_back(event_of(grant));
    }
    const std::size_t count = events.size();
    const bool told = co_await tell_in_parts(std::move(events));
    if (!told) {
      co_await pause(backoff_ns);
      continue;
    }
    backoff_ns = 0;
    told_again_ += count;
    from = batch->next.grant;
  }
  co_return true;
}

boost::asio::awaitable<bool> Relay::tell_in_parts(std::vector<model::ClaimEvent> events) {
  for (std::size_t at = 0; at < events.size(); at += events_per_call_max) {
    const std::size_t end = std::min(events.size(), at + events_per_call_max);
    std::vector<model::ClaimEvent> part(events.begin() + static_cast<std::ptrdiff_t>(at),
                                        events.begin() + static_cast<std::ptrdiff_t>(end));
    const auto told = co_await bus_.tell_again(std::move(part), occasion_);
    if (!told) co_return false;
  }
  co_return true;
}

boost::asio::awaitable<void> Relay::confirm() {
  confirmed_ns_ = clock_.now_ns();
  const model::FeedCursor done = done_;
  if (done == confirmed_) co_return;
  const std::uint64_t hold_count = hold_count_;
  const auto kept = co_await feed_.confirm(done);
  if (kept && hold_count == hold_count_) confirmed_ = done;
}

}  // namespace hunt::service
