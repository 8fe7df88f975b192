#include "engine/l1.h"

#include <algorithm>

#include "base/result.h"
#include "model/limits.h"

namespace hunt::engine {

namespace {

constexpr std::uint16_t unknown_table = 0;  // more distinct table names than can be interned

std::size_t bytes_of(const Chunk& chunk) noexcept {
  // 96 bytes: the owner's pointer, and what the allocator adds to align a chunk.
  return sizeof(Chunk) + chunk.spawns.capacity() * sizeof(Spawn) + 96;
}

// Rows never go back while the chunk stays: an invalidation may be newer than the load, and as rows
// are never deleted, a row that the load lacks is newer than its snapshot, unless it is of an
// earlier epoch: then its commit was lost.
void keep_newer(const Chunk& chunk, std::uint64_t epoch, std::vector<Spawn>& loaded) {
  const auto by_local = [](const Spawn& a, const Spawn& b) { return a.local < b.local; };
  const std::size_t loaded_count = loaded.size();
  for (const Spawn& here : chunk.spawns) {
    const auto end = loaded.begin() + static_cast<std::ptrdiff_t>(loaded_count);
    const auto at = std::lower_bound(loaded.begin(), end, here, by_local);
    if (at == end || at->local != here.local) {
      if (here.order >= model::order_of(epoch, 0)) loaded.push_back(here);
    } else if (at->order < here.order) {
      *at = here;
    }
  }
  std::sort(loaded.begin(), loaded.end(), by_local);
}

// Whether the neighbour is on the other side of the coordinate space. It is loaded as the others
// are, so that a chunk at the edge has nine, too; but it is 2^32 tiles away, and no hint is of it.
bool is_over_the_edge(model::ChunkAt around, model::ChunkAt at, std::int32_t dx,
                      std::int32_t dy) noexcept {
  return around.x != at.x + dx || around.y != at.y + dy;
}

}  // namespace

L1::L1(std::size_t bytes_max, std::shared_ptr<const model::RuleSet> rules)
    : bytes_max_(bytes_max), in_force_(1), feeds_(1) {
  set_rules(std::move(rules));
}

L1::~L1() = default;

void L1::set_rules(std::shared_ptr<const model::RuleSet> rules) {
  HUNT_ASSERT(rules != nullptr);
  rules_ = std::move(rules);
  for (const auto& [name, table] : table_names_) in_force_[table] = in_force_of(name);
  radii_tiles_.clear();
  for (const auto& event : rules_->events) {
    if (event.hint_radius_tiles > 0) radii_tiles_.push_back(event.hint_radius_tiles);
  }
  std::sort(radii_tiles_.begin(), radii_tiles_.end());
  radii_tiles_.erase(std::unique(radii_tiles_.begin(), radii_tiles_.end()), radii_tiles_.end());
  for (const auto& chunk : chunks_) {
    chunk->maps_until_us = INT64_MIN;
    chunk->derived_until_us = INT64_MIN;
  }
}

void L1::know(const std::vector<model::World>& worlds) {
  for (const auto& world : worlds) {
    if (!worlds_.emplace(world.id, world).second) continue;
    for (const auto& chunk : chunks_) {
      if (chunk->world != world.id) continue;
      chunk->maps_until_us = INT64_MIN;
      chunk->derived_until_us = INT64_MIN;
    }
  }
}

bool L1::is_listed(const model::EventRules& event, model::WorldId world) const {
  const auto known = worlds_.find(world);
  if (known != worlds_.end()) return event.in_world(known->second);
  return event.in_world({world, {}});
}

Chunk* L1::usable(model::WorldId world, model::ChunkAt at, std::int64_t now_ns,
                  std::int64_t as_of_us) {
  Chunk* chunk = index_.find(world, at);
  if (chunk == nullptr) return nullptr;
  chunk->referenced = true;
  if (as_of_us >= chunk->maps_until_us) derive(*chunk, as_of_us);
  chunk->good_until_ns = 0;
  if (now_ns >= chunk->usable_until_ns ||
      chunk->loaded_since_ns < trust_of(chunk->shard).loaded_floor_ns) {
    return nullptr;
  }
  chunk->good_until_ns = good_until(*chunk);
  return chunk;
}

std::int64_t L1::good_until(const Chunk& chunk) const noexcept {
  const std::int64_t until_ns = std::min(chunk.usable_until_ns, chunk.refresh_from_ns);
  // Where the feed does not cover the load, trust has its own end and is looked at each time.
  return chunk.loaded_since_ns >= trust_of(chunk.shard).continuous_since_ns ? until_ns : 0;
}

void L1::distrust_all() noexcept {
  for (const auto& chunk : chunks_) chunk->good_until_ns = 0;
}

bool L1::fresh(const Chunk* chunk, std::int64_t now_ns) const noexcept {
  return chunk != nullptr && now_ns < chunk->own_expires_ns &&
         chunk->own_loaded_ns >= trust_of(chunk->own_shard).loaded_floor_ns;
}

void L1::want(model::WorldId world, model::ChunkAt at, std::int64_t now_ns,
              std::vector<model::ChunkKey>& out) const {
  // As usable() judges: where the nine are of several shards, all by the least trusted.
  const Chunk* middle = index_.find(world, at);
  const bool several = middle != nullptr && middle->shard == several_shards;
  for (std::int32_t dy = -1; dy <= 1; ++dy) {
    for (std::int32_t dx = -1; dx <= 1; ++dx) {
      const model::ChunkAt around = model::neighbour(at, dx, dy);
      const Chunk* chunk = index_.find(world, around);
      const bool distrusted =
          several && chunk != nullptr && chunk->own_loaded_ns < least_trusted_.loaded_floor_ns;
      if (distrusted || !fresh(chunk, now_ns)) {
        out.push_back(model::chunk_key(world, around));
      }
    }
  }
}

void L1::want_refresh(Chunk& chunk, std::int64_t now_ns, std::vector<model::ChunkKey>& out) {
  for (std::int32_t dy = -1; dy <= 1; ++dy) {
    for (std::int32_t dx = -1; dx <= 1; ++dx) {
      Chunk* around = index_.find(chunk.world, model::neighbour(chunk.at, dx, dy));
      if (around == nullptr || now_ns < around->own_refresh_ns) continue;
      out.push_back(model::chunk_key(chunk.world, around->at));
      around->own_refresh_ns = INT64_MAX;
    }
  }
  chunk.refresh_from_ns = INT64_MAX;  // until one of the nine is put again
  chunk.good_until_ns = good_until(chunk);
}

L1::TableInForce L1::in_force_of(std::string_view table) const noexcept {
  const auto index = rules_->find_table(table);
  if (!index) return {};
  const model::EventRules& event = rules_->events[rules_->tables[*index].event];
  TableInForce out;
  out.index = static_cast<std::int32_t>(*index);
  out.must_dig = event.trigger == model::Trigger::dig;
  const bool is_for_all = event.worlds.empty() && event.rollout_percent >= 100;
  const bool by_window = event.enabled && !event.stopped && event.openings.empty();
  if (is_for_all && by_window) out.for_all = event.window();
  return out;
}

Spawn L1::spawn_of(const model::TileRow& row, std::uint64_t epoch) {
  Spawn spawn;
  spawn.id = row.spawn;
  spawn.order = model::order_of(epoch, row.version);
  spawn.window = row.window();
  spawn.local = local_of(model::tile_of(row.tile));
  spawn.sold_out = row.sold_out;
  const auto known = table_names_.find(row.table);
  if (known != table_names_.end()) {
    spawn.table = known->second;
  } else if (in_force_.size() > UINT16_MAX) {
    spawn.table = unknown_table;
  } else {
    spawn.table = static_cast<std::uint16_t>(in_force_.size());
    table_names_.emplace(row.table, spawn.table);
    in_force_.push_back(in_force_of(row.table));
  }
  return spawn;
}

void L1::put(const model::ChunkRows& rows, std::int64_t loaded_ns, std::int64_t expires_ns,
             model::ShardId shard, std::int64_t now_ns) {
  const model::ChunkAt at = model::chunk_at(rows.key.chunk);
  Chunk* chunk = index_.find(rows.key.world, at);
  Feed& confirmed = feed(shard);
  confirmed.newest_epoch = std::max(confirmed.newest_epoch, rows.epoch);
  if (rows.epoch < confirmed.epoch) return;
  if (chunk != nullptr && rows.epoch < chunk->own_epoch) return;
  std::vector<Spawn> spawns;
  spawns.reserve(rows.rows.size());
  for (const auto& row : rows.rows) spawns.push_back(spawn_of(row, rows.epoch));
  std::sort(spawns.begin(), spawns.end(),
            [](const Spawn& a, const Spawn& b) { return a.local < b.local; });
  if (chunk == nullptr) {
    chunks_.push_back(std::make_unique<Chunk>());
    chunk = chunks_.back().get();
    chunk->world = rows.key.world;
    chunk->at = at;
    index_.insert(chunk);
  } else {
    bytes_ -= bytes_of(*chunk);
    const bool has_all = chunk->own_learnt_ns < expires_ns - limits::chunk_life_ns;
    if (!has_all) keep_newer(*chunk, rows.epoch, spawns);
  }
  const bool loot_changed = chunk->spawns != spawns;
  chunk->spawns = std::move(spawns);
  chunk->own_shard = shard;
  chunk->own_epoch = rows.epoch;
  chunk->own_loaded_ns = loaded_ns;
  chunk->own_expires_ns = expires_ns;
  chunk->own_refresh_ns = std::max(loaded_ns, expires_ns - limits::chunk_life_ns / 3);
  chunk->own_learnt_ns = std::max(chunk->own_learnt_ns, now_ns);
  chunk->referenced = true;
  bytes_ += bytes_of(*chunk);
  mark_around(chunk->world, at, loot_changed);
  evict(chunk);
}

void L1::apply(const model::TileChange& change, std::int64_t now_ns) {
  const model::Tile tile = model::tile_of(change.row.tile);
  Chunk* chunk = index_.find(change.world, model::chunk_at(tile));
  if (chunk == nullptr) return;
  const Spawn spawn = spawn_of(change.row, change.epoch);
  bytes_ -= bytes_of(*chunk);
  const auto at = std::lower_bound(
      chunk->spawns.begin(), chunk->spawns.end(), spawn.local,
      [](const Spawn& known, std::uint16_t wanted) { return known.local < wanted; });
  if (at == chunk->spawns.end() || at->local != spawn.local) {
    chunk->spawns.insert(at, spawn);
  } else if (at->order < spawn.order) {
    *at = spawn;
  }
  bytes_ += bytes_of(*chunk);
  chunk->own_learnt_ns = std::max(chunk->own_learnt_ns, now_ns);
  mark_in_reach(*chunk, spawn.local);
}

void L1::mark_in_reach(const Chunk& chunk, std::int32_t local) noexcept {
  constexpr std::int32_t side = model::chunk_side_tiles;
  const std::int32_t reach = radii_tiles_.empty() ? 0 : radii_tiles_.back();
  const std::int32_t x = local % side;
  const std::int32_t y = local / side;
  for (std::int32_t dy = y < reach ? -1 : 0; dy <= (y + reach >= side ? 1 : 0); ++dy) {
    for (std::int32_t dx = x < reach ? -1 : 0; dx <= (x + reach >= side ? 1 : 0); ++dx) {
      Chunk* around = index_.find(chunk.world, model::neighbour(chunk.at, dx, dy));
      if (around == nullptr) continue;
      around->maps_until_us = INT64_MIN;
      around->derived_until_us = INT64_MIN;
    }
  }
}

void L1::mark_around(model::WorldId world, model::ChunkAt at, bool loot_changed) noexcept {
  for (std::int32_t dy = -1; dy <= 1; ++dy) {
    for (std::int32_t dx = -1; dx <= 1; ++dx) {
      Chunk* around = index_.find(world, model::neighbour(at, dx, dy));
      if (around == nullptr) continue;
      around->maps_until_us = INT64_MIN;
      if (loot_changed) around->derived_until_us = INT64_MIN;
    }
  }
}

void L1::derive(Chunk& chunk, std::int64_t as_of_us) {
  chunk.shard = chunk.own_shard;
  chunk.usable_until_ns = INT64_MAX;
  chunk.loaded_since_ns = INT64_MAX;
  chunk.refresh_from_ns = INT64_MAX;
  for (std::int32_t dy = -1; dy <= 1; ++dy) {
    for (std::int32_t dx = -1; dx <= 1; ++dx) {
      const Chunk* around = index_.find(chunk.world, model::neighbour(chunk.at, dx, dy));
      if (around == nullptr) {
        chunk.usable_until_ns = 0;  // maps are derived when the last of the nine arrives
        chunk.maps_until_us = INT64_MAX;
        return;
      }
      if (around->own_shard != chunk.own_shard) chunk.shard = several_shards;
      chunk.usable_until_ns = std::min(chunk.usable_until_ns, around->own_expires_ns);
      chunk.loaded_since_ns = std::min(chunk.loaded_since_ns, around->own_loaded_ns);
      chunk.refresh_from_ns = std::min(chunk.refresh_from_ns, around->own_refresh_ns);
    }
  }
  if (as_of_us >= chunk.derived_until_us) derive_maps(chunk, as_of_us);
  chunk.maps_until_us = chunk.derived_until_us;
}

void L1::derive_maps(Chunk& chunk, std::int64_t as_of_us) {
  std::array<TileCodes::Bands, model::chunk_side_tiles> bands{};
  std::int64_t until_us = INT64_MAX;
  for (const std::int32_t radius : radii_tiles_) {
    Window window(radius);
    for (std::int32_t dy = -1; dy <= 1; ++dy) {
      for (std::int32_t dx = -1; dx <= 1; ++dx) {
        const model::ChunkAt at = model::neighbour(chunk.at, dx, dy);
        if (is_over_the_edge(at, chunk.at, dx, dy)) continue;
        const Chunk* around = index_.find(chunk.world, at);
        const model::Tile origin{dx * model::chunk_side_tiles, dy * model::chunk_side_tiles};
        add_open_loot(*around, radius, origin, as_of_us, window, until_us);
      }
    }
    std::int32_t edge = 0;
    for (std::size_t i = 0; i < band_edges_tiles.size() && edge < radius; ++i) {
      edge = std::min(band_edges_tiles[i], radius);
      window.grow_to(edge);
      for (std::size_t y = 0; y < bands.size(); ++y) bands[y][i] |= window.middle_row(y);
    }
  }
  std::array<std::uint32_t, model::chunk_side_tiles> own{};
  for (const Spawn& spawn : chunk.spawns) {
    if (spawn.id != 0) own[spawn.local / 32U] |= 1U << (spawn.local % 32U);
  }
  for (std::size_t y = 0; y < bands.size(); ++y) chunk.codes.set_row(y, bands[y], own[y]);
  chunk.ranks.set(chunk.spawns);
  chunk.derived_until_us = until_us;
}

void L1::add_open_loot(const Chunk& around, std::int32_t radius, model::Tile origin,
                       std::int64_t as_of_us, Window& window, std::int64_t& until_us) const {
  const auto changes_at = [&](std::int64_t edge_us) {
    if (edge_us > as_of_us) until_us = std::min(until_us, edge_us);
  };
  const auto from_row = [&](std::int32_t y) {
    const auto local = static_cast<std::uint16_t>(std::clamp(y - origin.y, 0, 32) * 32);
    return std::lower_bound(
        around.spawns.begin(), around.spawns.end(), local,
        [](const Spawn& known, std::uint16_t wanted) { return known.local < wanted; });
  };
  const auto end = from_row(window.end());
  for (auto at = from_row(window.begin()); at != end; ++at) {
    const Spawn& spawn = *at;
    const std::int32_t x = origin.x + spawn.local % 32;
    if (x < window.begin() || x >= window.end()) continue;
    const model::LootTable* table = table_of(spawn);
    if (spawn.id == 0 || spawn.sold_out || table == nullptr) continue;
    const model::EventRules& event = rules_->events[table->event];
    if (event.hint_radius_tiles != radius || !in_world(event, around.world)) continue;
    for (const std::int64_t edge_us :
         {spawn.window.opens_us, spawn.window.closes_us, event.starts_us, event.ends_us}) {
      changes_at(edge_us);
    }
    if (!event.openings.empty()) changes_at(model::next_edge_us(event.openings, as_of_us));
    if (!spawn.window.holds(as_of_us) || !event.holds(as_of_us)) continue;
    window.set(x, origin.y + spawn.local / 32);
  }
}

void L1::evict(const Chunk* keep) {
  // CLOCK: a used chunk gets a second round. Twice around is enough to find an unused one; below
  // nine chunks nothing could ever be answered, so those always stay.
  while (bytes_ + index_.bytes() > bytes_max_ && chunks_.size() > 64) {
    if (hand_ >= chunks_.size()) hand_ = 0;
    Chunk& candidate = *chunks_[hand_];
    if (&candidate == keep || candidate.referenced) {
      candidate.referenced = false;
      ++hand_;
      continue;
    }
    remove(hand_);
    ++evictions_;
  }
}

void L1::remove(std::size_t position) {
  const std::unique_ptr<Chunk> gone = std::move(chunks_[position]);
  index_.erase(gone.get());
  bytes_ -= bytes_of(*gone);
  chunks_[position] = std::move(chunks_.back());
  chunks_.pop_back();
  mark_around(gone->world, gone->at, true);
}

L1::Feed& L1::feed(model::ShardId shard) {
  HUNT_ASSERT(shard < shards_max);
  if (shard >= feeds_.size()) {
    feeds_.resize(shard + 1);
    find_least_trusted();
  }
  return feeds_[shard];
}

void L1::find_least_trusted() noexcept {
  least_trusted_.loaded_floor_ns = INT64_MIN;
  least_trusted_.continuous_since_ns = INT64_MIN;
  for (const Feed& one : feeds_) {
    least_trusted_.loaded_floor_ns = std::max(least_trusted_.loaded_floor_ns, one.loaded_floor_ns);
    least_trusted_.continuous_since_ns =
        std::max(least_trusted_.continuous_since_ns, one.continuous_since_ns);
  }
}

void L1::heartbeat(std::int64_t now_ns, model::ShardId shard) {
  Feed& confirmed = feed(shard);
  confirmed.last_heartbeat_ns = now_ns;
  if (confirmed.continuous_since_ns <= now_ns) return;
  confirmed.continuous_since_ns = now_ns;
  find_least_trusted();
  distrust_all();
}

void L1::gap(std::int64_t now_ns, model::ShardId shard) {
  // What was confirmed until now lives on for as long as an unconfirmed load would.
  Feed& missed = feed(shard);
  missed.grace_floor_ns = missed.loaded_floor_ns;
  missed.grace_until_ns = now_ns + limits::unconfirmed_life_ns;
  missed.continuous_since_ns = now_ns;
  find_least_trusted();
  distrust_all();
}

void L1::begin_epoch(model::ShardId shard, std::uint64_t epoch) {
  if (epoch <= feed(shard).epoch) return;
  feed(shard).epoch = epoch;
  feed(shard).newest_epoch = std::max(feed(shard).newest_epoch, epoch);
  for (const auto& chunk : chunks_) {
    if (chunk->own_shard == shard && chunk->own_epoch < epoch) chunk->own_expires_ns = 0;
    chunk->maps_until_us = INT64_MIN;  // the nine around each look again
  }
}

bool L1::confirms(model::ShardId shard, std::int64_t since_ns, std::int64_t now_ns) const noexcept {
  const std::int64_t unconfirmed_ns = now_ns - limits::unconfirmed_life_ns;
  if (since_ns >= unconfirmed_ns || shard >= feeds_.size()) return since_ns >= unconfirmed_ns;
  const Feed& one = feeds_[shard];
  const bool flows = one.last_heartbeat_ns != INT64_MIN &&
                     now_ns - one.last_heartbeat_ns <= limits::feed_silence_ns;
  return flows && since_ns >= one.continuous_since_ns;
}

std::uint64_t L1::epoch_of(model::ShardId shard, model::ChunkKey key) const noexcept {
  const Chunk* chunk = index_.find(key.world, model::chunk_at(key.chunk));
  return std::max(epoch_of(shard), chunk == nullptr ? 0 : chunk->own_epoch);
}

void L1::begin_turn(std::int64_t now_ns) noexcept {
  const std::int64_t unconfirmed_ns = now_ns - limits::unconfirmed_life_ns;
  for (Feed& one : feeds_) {
    if (one.last_heartbeat_ns != INT64_MIN &&
        now_ns - one.last_heartbeat_ns > limits::feed_silence_ns) {
      one.continuous_since_ns = INT64_MAX;  // the next heartbeat starts anew
      one.last_heartbeat_ns = INT64_MIN;
      distrust_all();
    }
    // A chunk loaded before the feed was continuous was last confirmed by its load.
    one.loaded_floor_ns = std::min(unconfirmed_ns, one.continuous_since_ns);
    if (now_ns < one.grace_until_ns) {
      one.loaded_floor_ns = std::min(one.loaded_floor_ns, one.grace_floor_ns);
    }
  }
  find_least_trusted();
}

void L1::for_each(const std::function<void(const Chunk&)>& visit) const {
  for (const auto& chunk : chunks_) visit(*chunk);
}

L1Stats L1::stats() const noexcept {
  return {chunks_.size(), bytes_ + index_.bytes(), evictions_};
}

}  // namespace hunt::engine
