#include "service/sharded_store.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "base/text.h"
#include "service/shard_maps.h"

namespace hunt::service {

namespace {

using boost::asio::awaitable;

using Places = std::vector<std::size_t>;

// These places of the burials, by the shard of their tile.
std::map<model::ShardId, Places> places_by_shard(const model::ShardMap& map, model::WorldId world,
                                                 const std::vector<model::Burial>& burials,
                                                 const Places& places) {
  std::map<model::ShardId, Places> out;
  for (const auto place : places) {
    out[map.shard_of(world, model::tile_id_of(burials[place].tile))].push_back(place);
  }
  return out;
}

// A shard names a burial by its place in what it was sent: "tiles[3].budget" to the caller's place.
void name_callers_place(Error& error, const std::vector<std::size_t>& places) {
  const auto open = error.field.find('[');
  const auto close = error.field.find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return;
  const auto place = parse_u64(std::string_view(error.field).substr(open + 1, close - open - 1));
  if (!place || *place >= places.size()) return;
  error.field.replace(open + 1, close - open - 1, std::to_string(places[*place]));
}

void add(model::WorldStats& sum, const model::WorldStats& one) {
  if (one.tiles > 0) {
    const model::TileRect before = sum.tiles > 0 ? sum.bounds : one.bounds;
    sum.bounds.low = {std::min(before.low.x, one.bounds.low.x),
                      std::min(before.low.y, one.bounds.low.y)};
    sum.bounds.high = {std::max(before.high.x, one.bounds.high.x),
                       std::max(before.high.y, one.bounds.high.y)};
  }
  sum.tiles += one.tiles;
  sum.open += one.open;
  sum.sold_out += one.sold_out;
  sum.budget += one.budget;
  sum.remaining += one.remaining;
  sum.grants += one.grants;
}

}  // namespace

ShardedStore::ShardedStore(std::vector<ports::WorldStore*> stores)
    : stores_(std::move(stores)), map_(std::make_shared<const model::ShardMap>()) {
  HUNT_ASSERT(!stores_.empty());
}

void ShardedStore::set_map(model::ShardMap map) {
  auto shared = std::make_shared<const model::ShardMap>(std::move(map));
  const std::lock_guard lock(mutex_);
  map_ = std::move(shared);
}

std::shared_ptr<const model::ShardMap> ShardedStore::map() const {
  const std::lock_guard lock(mutex_);
  return map_;
}

awaitable<Result<void>> ShardedStore::look_again() {
  HUNT_CO_TRY(newest, co_await agree_on_map(stores_, true));
  set_map(std::move(newest));
  co_return Result<void>{};
}

awaitable<Result<std::optional<model::Grant>>> ShardedStore::find_grant(model::ClaimId claim) {
  std::optional<Error> failure;
  for (ports::WorldStore* store : stores_) {
    auto found = co_await store->find_grant(claim);
    if (!found) {
      failure = std::move(found).error();
    } else if (found->has_value()) {
      co_return found;
    }
  }
  // It may be in the ledger that could not be read.
  if (failure) co_return tl::unexpected<Error>(std::move(*failure));
  co_return std::optional<model::Grant>{};
}

awaitable<Result<std::vector<model::Buried>>> ShardedStore::bury_at(
    model::ShardId shard, model::WorldId world, std::vector<model::Burial> burials) {
  auto buried = co_await stores_[shard]->bury(world, std::move(burials));
  if (on_burial_) on_burial_(shard, buried ? nullptr : &buried.error());
  co_return buried;
}

awaitable<Result<void>> ShardedStore::bury_in(model::ShardId shard, model::WorldId world,
                                              const std::vector<model::Burial>& burials,
                                              const std::vector<std::size_t>& places,
                                              std::vector<model::Buried>& out) {
  std::vector<model::Burial> part;
  for (const auto place : places) part.push_back(burials[place]);
  auto buried = co_await bury_at(shard, world, std::move(part));
  if (!buried) {
    name_callers_place(buried.error(), places);
    co_return tl::unexpected<Error>(std::move(buried).error());
  }
  for (std::size_t i = 0; i < places.size(); ++i) out[places[i]] = (*buried)[i];
  co_return Result<void>{};
}

awaitable<Result<std::vector<model::Buried>>> ShardedStore::bury(
    model::WorldId world, std::vector<model::Burial> burials) {
  if (stores_.size() == 1) co_return co_await bury_at(0, world, std::move(burials));
  std::vector<model::Buried> out(burials.size());
  std::vector<std::size_t> left(burials.size());
  std::iota(left.begin(), left.end(), std::size_t{0});
  for (bool again = false;; again = true) {
    const auto parts = places_by_shard(*map(), world, burials, left);
    left.clear();
    for (const auto& [shard, places] : parts) {
      auto done = co_await bury_in(shard, world, burials, places, out);
      if (done) continue;
      if (done.error().code != Errc::moved || again) {
        co_return tl::unexpected<Error>(std::move(done).error());
      }
      left.insert(left.end(), places.begin(), places.end());
    }
    if (left.empty()) co_return out;
    HUNT_CO_CHECK(co_await look_again());
  }
}

awaitable<Result<std::uint64_t>> ShardedStore::close_tiles(model::WorldId world,
                                                           std::vector<model::Tile> tiles) {
  // Of a tile that is another shard's a store has no open spawn: so all may be asked for all.
  std::uint64_t closed = 0;
  for (ports::WorldStore* store : stores_) {
    std::vector<model::Tile> all = tiles;
    HUNT_CO_TRY(count, co_await store->close_tiles(world, std::move(all)));
    closed += count;
  }
  co_return closed;
}

awaitable<Result<model::TilePage>> ShardedStore::list_tiles(model::WorldId world,
                                                            model::TileRect rect,
                                                            model::TileId from,
                                                            std::uint32_t limit) {
  model::TilePage page;
  for (ports::WorldStore* store : stores_) {
    HUNT_CO_TRY(part, co_await store->list_tiles(world, rect, from, limit));
    page.rows.insert(page.rows.end(), part.rows.begin(), part.rows.end());
    // Beyond where a shard stopped, its rows would be missing among the others'.
    if (part.next && (!page.next || *part.next < *page.next)) page.next = part.next;
  }
  const auto by_tile = [](const model::TileRow& a, const model::TileRow& b) {
    return a.tile < b.tile;
  };
  std::sort(page.rows.begin(), page.rows.end(), by_tile);
  const auto beyond = [&page](const model::TileRow& row) {
    return page.next && row.tile >= *page.next;
  };
  page.rows.erase(std::remove_if(page.rows.begin(), page.rows.end(), beyond), page.rows.end());
  if (page.rows.size() > limit) {
    page.next = page.rows[limit].tile;
    page.rows.resize(limit);
  }
  co_return page;
}

awaitable<Result<std::vector<model::World>>> ShardedStore::worlds() {
  return stores_[0]->worlds();
}

awaitable<Result<model::World>> ShardedStore::create_world(model::WorldId id, std::string name) {
  HUNT_CO_TRY(world, co_await stores_[0]->create_world(id, std::move(name)));
  for (std::size_t shard = 1; shard < stores_.size(); ++shard) {
    HUNT_CO_CHECK(co_await stores_[shard]->create_world(world.id, world.name));
  }
  co_return world;
}

awaitable<Result<model::WorldStats>> ShardedStore::world_stats(model::WorldId world) {
  model::WorldStats sum;
  for (ports::WorldStore* store : stores_) {
    HUNT_CO_TRY(one, co_await store->world_stats(world));
    add(sum, one);
  }
  co_return sum;
}

void ShardedStore::keep_figures(const ports::Clock& clock) {
  figures_ = std::make_unique<WorldFigures>(
      clock, [this](model::WorldId world) { return world_stats(world); });
}

awaitable<Result<model::WorldStats>> ShardedStore::recent_world_stats(model::WorldId world) {
  return figures_ == nullptr ? world_stats(world) : figures_->of(world);
}

awaitable<Result<model::ShardMap>> ShardedStore::shard_map() {
  co_return *map();
}

}  // namespace hunt::service
