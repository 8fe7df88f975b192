#include "sim/sim_cache.h"

#include <algorithm>

#include "model/limits.h"
#include "model/outside.h"

namespace hunt::sim {

namespace {

constexpr std::int64_t life_ms = limits::chunk_life_ns / 1'000'000;
constexpr std::int64_t refresh_ms = life_ms / 3;  // life left when a refresh is due
constexpr std::int64_t kept_ms = 40'000;          // PROTOCOLS 6: at least 35 s after any write
constexpr std::int64_t lease_ms_max = limits::cache_lease_ns_max / 1'000'000;
constexpr std::int64_t timeout_ns = 50'000'000;
constexpr std::int64_t work_ns = 5'000;  // of a command: guess

std::uint64_t order_of(const model::TileChange& change) {
  return model::order_of(change.epoch, change.row.version);
}

}  // namespace

CacheNode::Entry& CacheNode::entry(model::ChunkKey key, std::int64_t now_ms) {
  const auto found = entries_.find(key);
  if (found != entries_.end() && found->second.kept_until_ms <= now_ms) entries_.erase(found);
  Entry& entry = entries_[key];
  entry.kept_until_ms = now_ms + kept_ms;
  return entry;
}

bool CacheNode::complete(const Entry& entry, std::uint64_t epoch_min, std::int64_t now_ms) {
  if (!entry.filled || now_ms >= entry.expires_ms || entry.epoch < epoch_min) return false;
  if (entry.expires_ms - now_ms > life_ms) return false;  // of before the clock was set back
  return std::all_of(entry.fields.begin(), entry.fields.end(), [&entry](const auto& field) {
    return field.second.change.epoch <= entry.epoch;
  });
}

ports::CachedChunk CacheNode::read(const ports::CacheAsk& ask, std::int64_t lease_ns,
                                   std::int64_t now_ms) {
  Entry& of = entry(ask.key, now_ms);
  ports::CachedChunk out;
  out.cache_ms = now_ms;
  out.complete = complete(of, ask.epoch_min, now_ms);
  if (out.complete) {
    out.life_ns = (of.expires_ms - now_ms) * 1'000'000;
    out.rows.key = ask.key;
    out.rows.epoch = of.epoch;
    std::map<model::TileId, const model::TileRow*> merged;
    for (const auto& row : of.rows) merged[row.tile] = &row;
    for (const auto& [tile, field] : of.fields) {
      const model::TileRow*& row = merged[tile];
      const bool newer =
          row == nullptr || order_of(field.change) > model::order_of(of.epoch, row->version);
      if (newer) row = &field.change.row;
    }
    for (const auto& [tile, row] : merged) out.rows.rows.push_back(*row);
  }
  const bool wanted = !out.complete || of.expires_ms - now_ms < refresh_ms;
  const bool held = of.leased_until_ms > now_ms && of.leased_until_ms <= now_ms + lease_ms_max;
  if (wanted && !held) {
    of.leased_until_ms = now_ms + lease_ns / 1'000'000;
    out.leased = true;
  }
  return out;
}

void CacheNode::fill(const ports::ChunkFill& fill, std::int64_t now_ms) {
  Entry& of = entry(fill.rows.key, now_ms);
  const bool too_late = now_ms >= fill.expires_ms || fill.rows.epoch == 0;
  const bool older = of.filled && now_ms < of.expires_ms && of.expires_ms - now_ms <= life_ms &&
                     (fill.rows.epoch < of.epoch ||
                      (fill.rows.epoch == of.epoch && fill.expires_ms <= of.expires_ms));
  if (too_late || older) {
    ++fills_refused_;
    return;
  }
  for (auto at = of.fields.begin(); at != of.fields.end();) {
    const auto row = std::find_if(fill.rows.rows.begin(), fill.rows.rows.end(),
                                  [&at](const auto& known) { return known.tile == at->first; });
    const bool larger =
        row == fill.rows.rows.end() ||
        order_of(at->second.change) > model::order_of(fill.rows.epoch, row->version);
    const std::int64_t age_ms = now_ms - at->second.at_ms;
    const bool young = age_ms < life_ms && age_ms > -lease_ms_max;
    at = larger && young ? std::next(at) : of.fields.erase(at);
  }
  of.filled = true;
  of.expires_ms = fill.expires_ms;
  of.epoch = fill.rows.epoch;
  of.rows = fill.rows.rows;
  of.leased_until_ms = 0;
}

void CacheNode::update(const model::TileChange& change, std::int64_t now_ms) {
  Entry& of = entry(model::chunk_of(change.world, change.row.tile), now_ms);
  const auto [at, inserted] = of.fields.try_emplace(change.row.tile);
  if (!inserted && order_of(at->second.change) >= order_of(change)) return;
  if (of.expires_ms <= now_ms) of.filled = false;  // not to be kept until the clock is set back
  at->second.change = change;
  at->second.at_ms = now_ms;
}

void CacheNode::evict(std::uint64_t nth) {
  if (entries_.empty()) return;
  entries_.erase(std::next(entries_.begin(), static_cast<std::ptrdiff_t>(nth % entries_.size())));
}

template <class T>
boost::asio::awaitable<Result<T>> NetCache::on_node(std::size_t index, Place place, Work<T> work) {
  if (faults_.strikes(FaultKind::cache_error, place)) {
    constexpr Errc codes[] = {Errc::unavailable, Errc::overloaded, Errc::corrupt};
    const Errc code = codes[faults_.random(FaultKind::cache_error).below(3)];
    faults_.note(place, code);
    co_return fail(code, "an injected fault of the cache");
  }
  CallRules rules;
  rules.place = place;
  rules.timeout_ns = timeout_ns;
  rules.on_timeout = place == Place::cache_read ? Errc::deadline_exceeded : Errc::unknown_outcome;
  CacheServers* servers = &servers_;
  Faults* faults = &faults_;
  std::function<boost::asio::awaitable<Result<T>>(Host&)> serve =
      [servers, faults, index, place, work](Host& server) -> boost::asio::awaitable<Result<T>> {
    server.charge(work_ns);
    CacheNode& node = servers->states[index];
    if (faults->strikes(FaultKind::cache_eviction, place)) {
      node.evict(faults->random(FaultKind::cache_eviction).next());
    }
    if constexpr (std::is_void_v<T>) {
      work(node, server.wall_us() / 1'000);
      co_return Result<void>{};
    } else {
      co_return work(node, server.wall_us() / 1'000);
    }
  };
  co_return co_await network_.call<T>(host_, servers_.nodes[index], rules, std::move(serve));
}

boost::asio::awaitable<Result<std::vector<ports::CachedChunk>>> NetCache::read(
    std::vector<ports::CacheAsk> asks, std::int64_t lease_ns) {
  using Chunks = std::vector<ports::CachedChunk>;
  Chunks out(asks.size());
  for (std::size_t index = 0; index < servers_.nodes.size(); ++index) {
    std::vector<std::size_t> which;
    std::vector<ports::CacheAsk> part;
    for (std::size_t i = 0; i < asks.size(); ++i) {
      if (servers_.index_of(asks[i].key) != index) continue;
      which.push_back(i);
      part.push_back(asks[i]);
    }
    if (part.empty()) continue;
    Work<Chunks> work = [part, lease_ns](CacheNode& node, std::int64_t now_ms) {
      Chunks chunks;
      for (const auto& ask : part) chunks.push_back(node.read(ask, lease_ns, now_ms));
      return chunks;
    };
    auto got = co_await on_node<Chunks>(index, Place::cache_read, std::move(work));
    if (!got) co_return tl::unexpected<Error>(std::move(got).error());
    for (std::size_t i = 0; i < which.size(); ++i) out[which[i]] = std::move((*got)[i]);
  }
  co_return out;
}

boost::asio::awaitable<Result<void>> NetCache::fill(std::vector<ports::ChunkFill> fills) {
  Result<void> out;
  for (std::size_t index = 0; index < servers_.nodes.size(); ++index) {
    std::vector<ports::ChunkFill> part;
    for (const auto& fill : fills) {
      if (servers_.index_of(fill.rows.key) == index) part.push_back(fill);
    }
    if (part.empty()) continue;
    Work<void> work = [part](CacheNode& node, std::int64_t now_ms) {
      for (const auto& fill : part) node.fill(fill, now_ms);
    };
    auto done = co_await on_node<void>(index, Place::cache_fill, std::move(work));
    if (!done) out = std::move(done);
  }
  co_return out;
}

boost::asio::awaitable<Result<void>> NetCache::update(std::vector<model::TileChange> changes) {
  Result<void> out;
  for (std::size_t index = 0; index < servers_.nodes.size(); ++index) {
    std::vector<model::TileChange> part;
    for (const auto& change : changes) {
      const auto key = model::chunk_of(change.world, change.row.tile);
      if (servers_.index_of(key) == index) part.push_back(change);
    }
    if (part.empty()) continue;
    Work<void> work = [part](CacheNode& node, std::int64_t now_ms) {
      for (const auto& change : part) node.update(change, now_ms);
    };
    auto done = co_await on_node<void>(index, Place::cache_update, std::move(work));
    if (!done) out = std::move(done);
  }
  co_return out;
}

}  // namespace hunt::sim
