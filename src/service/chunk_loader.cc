#include "service/chunk_loader.h"

#include <algorithm>

#include "base/planted.h"
#include "model/limits.h"
#include "model/outside.h"

namespace hunt::service {

namespace {

// Wishes kept between two ticks: what one tick may send at all.
constexpr std::size_t refreshes_max = limits::chunks_per_load_max * limits::loads_inflight_max / 2;
constexpr std::int64_t recent_ns = 5'000'000'000;  // guess: relay to cache takes milliseconds
constexpr std::size_t recent_max = 16'384;
constexpr std::int64_t lease_ns_min = 300'000'000;  // PROTOCOLS 6
constexpr std::int64_t lease_found_every_ns = 1'000'000'000;
constexpr std::int64_t cache_retry_ns = 500'000'000;  // guess: a tenth of a failover
constexpr std::int64_t backoff_ns_min = 2'000'000;
constexpr std::int64_t backoff_ns_max = 100'000'000;
constexpr std::int64_t slot_poll_ns = 2'000'000;
constexpr std::int64_t confirm_every_ns = 250'000'000;  // guess: a promotion takes seconds
constexpr std::size_t cache_clocks_max = 4'096;         // nodes of a cluster, far above what is met
// Off the life of a copy, at most, so that copies are not all read again at once.
constexpr std::int64_t jitter_percent = 15;

Error too_many() {
  return {Errc::overloaded, "too many chunk loads are under way; try again later", {}};
}

}  // namespace

ChunkLoader::ChunkLoader(engine::L1& l1, const Shards& shards, ports::TileCache* cache,
                         const ports::Clock& clock, ports::Timer& timer,
                         boost::asio::any_io_executor lane, LaneMetrics& metrics,
                         std::uint64_t seed)
    : l1_(l1),
      shards_(shards),
      cache_(cache),
      clock_(clock),
      timer_(timer),
      metrics_(metrics),
      prng_(seed),
      reads_inflight_(shards.count()),
      epochs_(shards.count()),
      tasks_(std::move(lane), limits::loads_inflight_max) {
  const std::size_t reads_max =
      cache_ == nullptr ? limits::loads_inflight_max : limits::store_reads_inflight_max;
  metrics_.bounds.load_calls.assign(shards_.count(), {reads_max, {}});
}

Result<void> ChunkLoader::start(Keys keys, std::size_t loads_max) {
  // In id order: neighbours are neighbours in the table, too.
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::erase_if(keys, [this](const model::ChunkKey& key) { return under_way_.contains(key); });
  if (shards_.count() > 1) {
    std::stable_sort(keys.begin(), keys.end(), [this](const auto& a, const auto& b) {
      return shards_.of(a) < shards_.of(b);
    });
  }
  for (auto at = keys.begin(); at != keys.end();) {
    const model::ShardId shard = shards_.of(*at);
    auto end = at + std::min<std::ptrdiff_t>(keys.end() - at, limits::chunks_per_load_max);
    if (shards_.count() > 1) {
      end = std::find_if(at, end, [&](const auto& key) { return shards_.of(key) != shard; });
    }
    if (tasks_.count() >= loads_max) return tl::unexpected<Error>(too_many());
    const auto load = std::make_shared<Load>();
    load->marks.shard = shard;
    Keys part(at, end);
    for (const auto& key : part) under_way_.emplace(key, load);
    const bool spawned = tasks_.try_spawn(run(shard, std::move(part), load));
    HUNT_ASSERT(spawned);
    at = end;
  }
  return {};
}

boost::asio::awaitable<void> ChunkLoader::run(model::ShardId shard, Keys keys, LoadPtr load) {
  const std::int64_t now_ns = clock_.now_ns();
  if (cache_ != nullptr && now_ns >= cache_down_until_ns_) {
    co_await read_through(shard, std::move(keys), std::move(load));
    co_return;
  }
  Leased all;
  all.keys = std::move(keys);
  Keys rest;
  static_cast<void>(co_await fetch(shard, std::move(all), std::move(rest), load,
                                   now_ns + limits::answer_deadline_ns));
}

boost::asio::awaitable<void> ChunkLoader::read_through(model::ShardId shard, Keys keys,
                                                       LoadPtr load) {
  const std::int64_t deadline_ns = clock_.now_ns() + limits::answer_deadline_ns;
  for (std::int64_t backoff_ns = backoff_ns_min;;) {
    const std::int64_t begun_ns = clock_.now_ns();
    std::vector<ports::CacheAsk> asks;
    for (const auto& key : keys) asks.push_back({key, l1_.epoch_of(shard, key)});
    const auto chunks = co_await cache_->read(std::move(asks), lease_ns());
    metrics_.latencies.cache_read.record(clock_.now_ns() - begun_ns);
    if (!chunks) {
      ++metrics_.cache_errors;
      const bool other = chunks.error().code == Errc::already_exists;
      metrics_.other_hunt = other ? chunks.error().message : std::string();
      cache_down_until_ns_ = clock_.now_ns() + cache_retry_ns;
      Leased all;
      all.keys = std::move(keys);
      Keys rest;
      static_cast<void>(co_await fetch(shard, std::move(all), std::move(rest), load, deadline_ns));
      co_return;
    }
    metrics_.other_hunt.clear();
    const auto believed = co_await believe(*chunks, shard, begun_ns);
    Leased leased;
    Keys done;
    Keys missing;  // leased by us, or by somebody else
    Keys blocked;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const ports::CachedChunk& chunk = (*chunks)[i];
      const bool serves = chunk.complete && believed[i];
      if (serves) put(chunk.rows, begun_ns, chunk.life_ns, shard, *load);
      (serves ? done : missing).push_back(keys[i]);
      // Instead of what is not believed the store is read, without a fill where there is no lease.
      if (chunk.leased || (chunk.complete && !serves)) {
        leased.keys.push_back(keys[i]);
        leased.cache_ms.push_back(chunk.leased ? chunk.cache_ms : 0);
      } else if (!chunk.complete) {
        blocked.push_back(keys[i]);
      }
    }
    metrics_.l2_hits += done.size();
    metrics_.l2_misses += missing.size();
    settle(load, done, missing);
    if (!leased.keys.empty()) {
      const bool fetched = co_await fetch(shard, std::move(leased), blocked, load, deadline_ns);
      if (!fetched) co_return;
    }
    if (blocked.empty()) co_return;
    keys = std::move(blocked);
    if (clock_.now_ns() >= deadline_ns) co_return end(load, keys, too_many());
    const auto jitter_ns =
        static_cast<std::int64_t>(prng_.below(static_cast<std::uint64_t>(backoff_ns)));
    const std::int64_t waits_ns = clock_.now_ns();
    co_await timer_.sleep_until(waits_ns + backoff_ns + jitter_ns);
    load->fill_wait_ns += clock_.now_ns() - waits_ns;
    backoff_ns = std::min(backoff_ns * 2, backoff_ns_max);
  }
}

boost::asio::awaitable<bool> ChunkLoader::fetch(model::ShardId shard, Leased leased, Keys rest,
                                                LoadPtr& load, std::int64_t deadline_ns) {
  Keys all = leased.keys;
  all.insert(all.end(), rest.begin(), rest.end());
  load->marks.store_ns = clock_.now_ns();
  if (cache_ != nullptr) {
    const bool entered = co_await enter_store(shard, deadline_ns);
    if (!entered) {
      end(load, all, too_many());
      co_return false;
    }
  }
  const std::int64_t begun_ns = clock_.now_ns();
  load->marks.asked_ns = begun_ns;
  metrics_.bounds.load_calls[shard].use.enter(begun_ns);
  auto loaded = co_await shards_.store(shard).load_chunks(leased.keys);
  if (cache_ != nullptr) --reads_inflight_[shard];
  metrics_.latencies.store_load.record(clock_.now_ns() - begun_ns);
  metrics_.bounds.load_calls[shard].use.leave(clock_.now_ns());
  auto& health = metrics_.stores[shard].loads;
  if (!loaded) {
    if (loaded.error().code != Errc::overloaded) {
      metrics_.stores[shard].failed(health, loaded.error(), clock_.now_ns());
    }
    end(load, all, std::move(loaded).error());
    co_return false;
  }
  health.work();
  load->marks.call = {clock_.now_ns() - begun_ns, loaded->times};
  metrics_.chunks_loaded += leased.keys.size();
  const bool many = leased.keys.size() >= limits::chunks_per_load_max;
  const std::int64_t percent = many ? jitter_percent_of_many : jitter_percent;
  std::vector<ports::ChunkFill> fills;
  for (std::size_t i = 0; i < loaded->chunks.size(); ++i) {
    model::ChunkRows& rows = loaded->chunks[i];
    if (rows.epoch == 0) {
      load->moved.push_back(rows.key);
      continue;
    }
    // Jitter only downwards, so that the promise holds; and never none: a cache's clock tells whole
    // milliseconds, so what it says is left may be up to one too much. That is made up for by
    // cutting off a part of one here. A life counts from before the read (or from the lease).
    const auto jitter_ns =
        1 + static_cast<std::int64_t>(
                prng_.below(static_cast<std::uint64_t>(limits::chunk_life_ns * percent / 100)));
    const std::int64_t life_ns = limits::chunk_life_ns - jitter_ns;
    learn_epoch(shard, rows.epoch);
    const std::int64_t from_ns = planted(Planted::life_from_read_end) ? clock_.now_ns() : begun_ns;
    put(rows, from_ns, life_ns, shard, *load);
    const std::int64_t cache_ms = leased.cache_ms.empty() ? 0 : leased.cache_ms[i];
    if (cache_ms <= 0 || cache_ms > limits::cache_ms_max) continue;
    fills.push_back({std::move(rows), cache_ms + life_ns / 1'000'000});
  }
  settle(load, leased.keys, rest);
  if (!fills.empty()) {
    const auto filled = co_await cache_->fill(std::move(fills));
    if (!filled) ++metrics_.cache_errors;
  }
  co_return true;
}

boost::asio::awaitable<std::vector<bool>> ChunkLoader::believe(
    const std::vector<ports::CachedChunk>& chunks, model::ShardId shard, std::int64_t begun_ns) {
  const std::int64_t now_ns = clock_.now_ns();
  std::vector<bool> believed(chunks.size());
  std::uint64_t epoch = 0;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const ports::CachedChunk& chunk = chunks[i];
    metrics_.distrusted_copies += chunk.unreadable ? 1 : 0;
    const bool timed = chunk.cache_ms > 0 && chunk.cache_ms <= limits::cache_ms_max &&
                       chunk.clock < cache_clocks_max;
    if (!timed) continue;
    if (chunk.clock >= cache_clocks_.size()) cache_clocks_.resize(chunk.clock + 1);
    CacheClock& clock = cache_clocks_[chunk.clock];
    clock.saw(chunk.cache_ms, begun_ns, now_ns);
    believed[i] = chunk.life_ns > 0 && chunk.life_ns <= limits::chunk_life_ns &&
                  !clock.doubts(chunk.cache_ms + chunk.life_ns / 1'000'000);
    if (believed[i] && chunk.complete) epoch = std::max(epoch, chunk.rows.epoch);
  }
  if (epoch > known_epoch(shard)) co_await confirm_epoch(shard);
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    if (!chunks[i].complete) continue;
    believed[i] = believed[i] && chunks[i].rows.epoch <= known_epoch(shard);
    metrics_.distrusted_copies += believed[i] ? 0 : 1;
  }
  co_return believed;
}

boost::asio::awaitable<void> ChunkLoader::confirm_epoch(model::ShardId shard) {
  while (epochs_[shard].asking) co_await timer_.sleep_until(clock_.now_ns() + slot_poll_ns);
  const std::int64_t now_ns = clock_.now_ns();
  const std::int64_t asked_ns = epochs_[shard].asked_ns;
  if (asked_ns != INT64_MIN && now_ns - asked_ns < confirm_every_ns) co_return;
  epochs_[shard].asked_ns = now_ns;
  epochs_[shard].asking = true;
  const auto info = co_await shards_.ledger(shard).info();
  epochs_[shard].asking = false;
  if (info && info->epoch <= limits::epoch_max) learn_epoch(shard, info->epoch);
}

boost::asio::awaitable<bool> ChunkLoader::enter_store(model::ShardId shard,
                                                      std::int64_t deadline_ns) {
  while (reads_inflight_[shard] >= limits::store_reads_inflight_max) {
    if (clock_.now_ns() >= deadline_ns) co_return false;
    co_await timer_.sleep_until(clock_.now_ns() + slot_poll_ns);
  }
  ++reads_inflight_[shard];
  co_return true;
}

void ChunkLoader::put(const model::ChunkRows& rows, std::int64_t begun_ns, std::int64_t life_ns,
                      model::ShardId shard, const Load& load) {
  const std::int64_t now_ns = clock_.now_ns();
  l1_.put(rows, begun_ns, begun_ns + life_ns, shard, now_ns);
  for (const auto& change : load.changes) {
    if (model::chunk_of(change.world, change.row.tile) == rows.key) l1_.apply(change, now_ns);
  }
  const auto found = recent_.find(rows.key);
  if (found == recent_.end()) return;
  for (const auto& change : found->second) l1_.apply(change, now_ns);
}

void ChunkLoader::settle(LoadPtr& load, const Keys& done, const Keys& rest) {
  if (done.empty() && !rest.empty()) return;
  const LoadPtr settled = load;
  const auto forget = [this, &settled](const model::ChunkKey& key) {
    const auto found = under_way_.find(key);
    if (found != under_way_.end() && found->second == settled) under_way_.erase(found);
  };
  for (const auto& key : done) forget(key);
  load = std::make_shared<Load>();
  load->marks.shard = settled->marks.shard;
  load->changes = settled->changes;
  for (const auto& key : rest) under_way_[key] = load;
  settled->more = !rest.empty();
  settled->done.set();
}

void ChunkLoader::end(const LoadPtr& load, const Keys& keys, std::optional<Error> error) {
  load->error = std::move(error);
  LoadPtr last = load;
  const Keys none;
  settle(last, keys, none);
}

boost::asio::awaitable<Result<void>> ChunkLoader::load(Keys keys, Deadlines& deadlines,
                                                       std::int64_t deadline_ns,
                                                       engine::StageClock& times) {
  const auto started = start(keys, limits::loads_inflight_max);
  if (!started) co_return started;
  for (bool more = true; more;) {
    more = false;
    std::vector<LoadPtr> loads;
    for (const auto& key : keys) {
      const auto found = under_way_.find(key);
      if (found == under_way_.end()) continue;
      if (std::find(loads.begin(), loads.end(), found->second) == loads.end()) {
        loads.push_back(found->second);
      }
    }
    for (const auto& load : loads) {
      times.loading = &load->marks;
      const bool in_time = co_await load->done.wait(deadlines, deadline_ns);
      times.loading = nullptr;
      times.cut_load(load->marks, clock_.now_ns());
      times.timeline.add_fill_wait(load->fill_wait_ns, load->marks.shard);
      if (!in_time) {
        co_return fail(Errc::deadline_exceeded,
                       "the store did not deliver a chunk in time; try again later");
      }
      if (load->error) co_return tl::unexpected<Error>(*load->error);
      const bool moved = std::any_of(load->moved.begin(), load->moved.end(), [&](const auto& key) {
        return std::find(keys.begin(), keys.end(), key) != keys.end();
      });
      if (moved) co_return tl::unexpected<Error>(shards_.moved());
      more = more || load->more;
    }
  }
  co_return Result<void>{};
}

void ChunkLoader::refresh(const Keys& keys) {
  const std::size_t room = refreshes_max - std::min(refreshes_max, refreshes_.size());
  const auto count = static_cast<std::ptrdiff_t>(std::min(room, keys.size()));
  refreshes_.insert(refreshes_.end(), keys.begin(), keys.begin() + count);
}

void ChunkLoader::flush_refreshes() {
  constexpr std::size_t loads_max = limits::loads_inflight_max / 2;
  while (!refreshes_.empty() && tasks_.count() < loads_max) {
    const auto count = std::min(refreshes_.size(), limits::chunks_per_load_max);
    const auto from = refreshes_.end() - static_cast<std::ptrdiff_t>(count);
    Keys part(from, refreshes_.end());
    refreshes_.erase(from, refreshes_.end());
    // Several shards may need more calls than there is room for: those wishes are let go, and the
    // chunks load again when they are next missed.
    static_cast<void>(start(std::move(part), loads_max));
  }
}

void ChunkLoader::apply(const model::TileChange& change) {
  l1_.apply(change, clock_.now_ns());
  const auto found = under_way_.find(model::chunk_of(change.world, change.row.tile));
  if (found != under_way_.end()) found->second->changes.push_back(change);
  if (cache_ != nullptr) remember(change);
}

void ChunkLoader::remember(const model::TileChange& change) {
  const std::int64_t now_ns = clock_.now_ns();
  const auto old = [&] {
    return recent_order_.size() >= recent_max || now_ns - recent_order_.front().first > recent_ns;
  };
  while (!recent_order_.empty() && old()) {
    const auto found = recent_.find(recent_order_.front().second);
    found->second.erase(found->second.begin());
    if (found->second.empty()) recent_.erase(found);
    recent_order_.pop_front();
  }
  const auto key = model::chunk_of(change.world, change.row.tile);
  recent_[key].push_back(change);
  recent_order_.emplace_back(now_ns, key);
}

// Twice what nearly every load takes, so that a lease seldom ends before its fill.
std::int64_t ChunkLoader::lease_ns() {
  const std::int64_t now_ns = clock_.now_ns();
  if (lease_found_ns_ == INT64_MIN || now_ns - lease_found_ns_ >= lease_found_every_ns) {
    lease_found_ns_ = now_ns;
    lease_ns_ = std::clamp(2 * metrics_.latencies.store_load.quantile_ns(9'900), lease_ns_min,
                           limits::cache_lease_ns_max);
  }
  return lease_ns_;
}

}  // namespace hunt::service
