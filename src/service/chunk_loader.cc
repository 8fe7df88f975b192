#include "service/chunk_loader.h"

#include <algorithm>

#include "model/limits.h"

namespace hunt::service {

namespace {

// Wishes kept between two ticks: what one tick may send at all.
constexpr std::size_t refreshes_max = limits::chunks_per_load_max * limits::loads_inflight_max / 2;

}  // namespace

ChunkLoader::ChunkLoader(engine::L1& l1, ports::HuntStore& store, const ports::Clock& clock,
                         boost::asio::any_io_executor lane, LaneMetrics& metrics,
                         std::uint64_t seed)
    : l1_(l1),
      store_(store),
      clock_(clock),
      metrics_(metrics),
      prng_(seed),
      tasks_(std::move(lane), limits::loads_inflight_max) {}

Result<void> ChunkLoader::start(std::vector<model::ChunkKey> keys, std::size_t loads_max) {
  // In id order: neighbours are neighbours in the table, too.
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::erase_if(keys, [this](const model::ChunkKey& key) { return under_way_.contains(key); });
  for (std::size_t at = 0; at < keys.size(); at += limits::chunks_per_load_max) {
    const std::size_t end = std::min(keys.size(), at + limits::chunks_per_load_max);
    std::vector<model::ChunkKey> part(keys.begin() + static_cast<std::ptrdiff_t>(at),
                                      keys.begin() + static_cast<std::ptrdiff_t>(end));
    if (tasks_.count() >= loads_max) {
      return fail(Errc::overloaded, "too many chunk loads are under way; try again later");
    }
    const auto load = std::make_shared<Load>();
    for (const auto& key : part) under_way_.emplace(key, load);
    const bool spawned = tasks_.try_spawn(run(std::move(part), load));
    HUNT_ASSERT(spawned);
  }
  return {};
}

boost::asio::awaitable<void> ChunkLoader::run(std::vector<model::ChunkKey> keys, LoadPtr load) {
  const std::int64_t begun_ns = clock_.now_ns();
  auto loaded = co_await store_.load_chunks(keys);
  metrics_.store_load.record(clock_.now_ns() - begun_ns);
  for (const auto& key : keys) under_way_.erase(key);
  if (loaded) {
    metrics_.chunks_loaded += keys.size();
    for (const auto& rows : *loaded) {
      // Jitter only downwards, so that the promise holds and refreshes spread.
      const auto jitter_ns =
          static_cast<std::int64_t>(prng_.below(limits::chunk_life_ns * 15 / 100));
      l1_.put(rows, begun_ns, begun_ns + limits::chunk_life_ns - jitter_ns);
    }
    for (const auto& change : load->changes) l1_.apply(change);
  } else {
    load->error = std::move(loaded).error();
  }
  load->done.set();
}

boost::asio::awaitable<Result<void>> ChunkLoader::load(std::vector<model::ChunkKey> keys,
                                                       Deadlines& deadlines,
                                                       std::int64_t deadline_ns) {
  const auto started = start(keys, limits::loads_inflight_max);
  if (!started) co_return started;
  std::vector<LoadPtr> loads;
  for (const auto& key : keys) {
    const auto found = under_way_.find(key);
    if (found == under_way_.end()) continue;
    if (std::find(loads.begin(), loads.end(), found->second) == loads.end()) {
      loads.push_back(found->second);
    }
  }
  for (const auto& load : loads) {
    const bool in_time = co_await load->done.wait(deadlines, deadline_ns);
    if (!in_time) {
      co_return fail(Errc::deadline_exceeded,
                     "the store did not deliver a chunk in time; try again later");
    }
    if (load->error) co_return tl::unexpected<Error>(*load->error);
  }
  co_return Result<void>{};
}

void ChunkLoader::refresh(const std::vector<model::ChunkKey>& keys) {
  const std::size_t room = refreshes_max - std::min(refreshes_max, refreshes_.size());
  const auto count = static_cast<std::ptrdiff_t>(std::min(room, keys.size()));
  refreshes_.insert(refreshes_.end(), keys.begin(), keys.begin() + count);
}

void ChunkLoader::flush_refreshes() {
  constexpr std::size_t loads_max = limits::loads_inflight_max / 2;
  while (!refreshes_.empty() && tasks_.count() < loads_max) {
    const auto count = std::min(refreshes_.size(), limits::chunks_per_load_max);
    const auto from = refreshes_.end() - static_cast<std::ptrdiff_t>(count);
    std::vector<model::ChunkKey> part(from, refreshes_.end());
    refreshes_.erase(from, refreshes_.end());
    const auto started = start(std::move(part), loads_max);
    HUNT_ASSERT(started.has_value());  // one call's worth, and there was room for a call
  }
}

void ChunkLoader::apply(const model::TileChange& change) {
  l1_.apply(change);
  const auto found = under_way_.find(model::chunk_of(change.world, change.row.tile));
  if (found != under_way_.end()) found->second->changes.push_back(change);
}

}  // namespace hunt::service
