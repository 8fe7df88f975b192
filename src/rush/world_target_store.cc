// The target that is a store.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <iterator>
#include <optional>
#include <utility>

#include "adapters/system/system_clock.h"
#include "base/text.h"
#include "model/limits.h"
#include "node/open_store.h"
#include "rush/world_target.h"
#include "service/shard_maps.h"
#include "service/sharded_store.h"

namespace hunt::rush {
namespace {

// A store of one file commits them together: one wait for its disk instead of many. Others can
// write in between, which is why it is not all of the file.
constexpr std::size_t requests_at_once_sqlite = 16;

class StoreTarget final : public WorldTarget {
 public:
  Result<void> open(const std::vector<node::StoreUrl>& stores, bool read_only) {
    node::OpenStoreOptions how;
    how.read_only = read_only;
    if (stores.front().sqlite_path() != nullptr) requests_at_once_ = requests_at_once_sqlite;
    HUNT_TRY(opened, node::OpenStores::open(stores, clock_, how));
    open_.emplace(std::move(opened));
    whole_.emplace(open_->stores<ports::WorldStore>());
    whole_->set_map(open_->map());
    return {};
  }

  Result<void> expect(model::WorldId world, std::vector<model::TileId> tiles) override {
    if (open_->count() == 1) return {};
    std::vector<model::ChunkKey> loot;
    loot.reserve(tiles.size());
    for (const auto tile : tiles) loot.push_back(model::chunk_of(world, tile));
    const auto stores = open_->stores<ports::WorldStore>();
    HUNT_CHECK(node::run_here(service::split_evenly(stores, std::move(loot))));
    HUNT_TRY(map, node::run_here(service::agree_on_map(stores, true)));
    whole_->set_map(std::move(map));
    return {};
  }

  Result<std::vector<model::World>> worlds() override { return node::run_here(whole_->worlds()); }

  Result<model::World> create(model::WorldId id, const std::string& name) override {
    return node::run_here(whole_->create_world(id, name));
  }

  [[nodiscard]] std::size_t burials_max() const noexcept override {
    return requests_at_once_ * limits::tiles_per_request_max;
  }

  Result<void> bury(model::WorldId world, std::vector<model::Burial> burials,
                    BuryCount& count) override {
    boost::asio::io_context context;
    std::optional<Error> failed;
    for (std::size_t at = 0; at < burials.size(); at += limits::tiles_per_request_max) {
      const auto first = burials.begin() + static_cast<std::ptrdiff_t>(at);
      const std::size_t size = std::min(limits::tiles_per_request_max, burials.size() - at);
      std::vector<model::Burial> part(
          std::make_move_iterator(first),
          std::make_move_iterator(first + static_cast<std::ptrdiff_t>(size)));
      const auto done = [&count, &failed, at](const std::exception_ptr& failure,
                                              Result<std::vector<model::Buried>> buried) {
        if (failure) std::rethrow_exception(failure);
        if (!buried) {
          if (!failed) move_place(failed.emplace(std::move(buried).error()), at);
          return;
        }
        for (const model::Buried& one : *buried) ++(one.unchanged ? count.unchanged : count.buried);
      };
      boost::asio::co_spawn(context, whole_->bury(world, std::move(part)), done);
    }
    context.run();
    if (failed) return tl::unexpected<Error>(std::move(*failed));
    return {};
  }

  Result<model::TilePage> list(model::WorldId world, model::TileId from) override {
    return node::run_here(
        whole_->list_tiles(world, model::everywhere, from, limits::tiles_per_page_max));
  }

  Result<model::WorldStats> stats(model::WorldId world) override {
    return node::run_here(whole_->world_stats(world));
  }

  Result<std::vector<std::uint8_t>> event_seed() override {
    HUNT_TRY(secrets, node::run_here(open_->shard(0).store().secrets()));
    if (!secrets.seed_bytes.empty()) return std::move(secrets.seed_bytes);
    return fail(Errc::unauthorized,
                "the store's user may not read the event seed, from which the places follow: use "
                "one of the role hunt_ingest");
  }

 private:
  system::SystemClock clock_;
  std::optional<node::OpenStores> open_;
  std::optional<service::ShardedStore> whole_;
  std::size_t requests_at_once_ = 1;
};

}  // namespace

void move_place(Error& error, std::size_t part_begins) {
  constexpr std::string_view tiles = "tiles[";
  if (!error.field.starts_with(tiles)) return;
  const std::size_t end = error.field.find(']');
  const auto index = parse_u64(
      std::string_view(error.field).substr(tiles.size(), end - std::min(end, tiles.size())));
  if (!index) return;
  error.field = fmt::format("{}{}{}", tiles, *index + part_begins, error.field.substr(end));
}

Result<std::unique_ptr<WorldTarget>> open_store_target(const std::vector<node::StoreUrl>& stores,
                                                       bool read_only) {
  auto target = std::make_unique<StoreTarget>();
  HUNT_CHECK(target->open(stores, read_only));
  return target;
}

}  // namespace hunt::rush
