// The target that is a store.
#include <optional>
#include <utility>

#include "adapters/system/system_clock.h"
#include "apps/open_store.h"
#include "apps/world_target.h"
#include "model/limits.h"
#include "service/shard_maps.h"
#include "service/sharded_store.h"

namespace hunt::apps {
namespace {

class StoreTarget final : public WorldTarget {
 public:
  Result<void> open(const std::vector<std::string>& store_urls, bool read_only) {
    OpenStoreOptions how;
    how.read_only = read_only;
    HUNT_TRY(opened, OpenStores::open(store_urls, clock_, how));
    open_.emplace(std::move(opened));
    whole_.emplace(open_->stores());
    whole_->set_map(open_->map());
    return {};
  }

  Result<void> expect(model::WorldId world, const std::vector<model::Burial>& burials) override {
    if (open_->count() == 1) return {};
    std::vector<model::ChunkKey> loot;
    for (const auto& burial : burials) {
      loot.push_back(model::chunk_of(world, model::tile_id_of(burial.tile)));
    }
    HUNT_CHECK(run_here(service::split_evenly(open_->stores(), std::move(loot))));
    HUNT_TRY(map, run_here(service::agree_on_map(open_->stores(), true)));
    whole_->set_map(std::move(map));
    return {};
  }

  Result<std::vector<model::World>> worlds() override { return run_here(whole_->worlds()); }

  Result<model::World> create(model::WorldId id, const std::string& name) override {
    return run_here(whole_->create_world(id, name));
  }

  Result<void> bury(model::WorldId world, std::vector<model::Burial> burials,
                    BuryCount& count) override {
    HUNT_TRY(buried, run_here(whole_->bury(world, std::move(burials))));
    for (const model::Buried& one : buried) ++(one.unchanged ? count.unchanged : count.buried);
    return {};
  }

  Result<model::TilePage> list(model::WorldId world, model::TileId from) override {
    return run_here(whole_->list_tiles(world, model::everywhere, from, limits::tiles_per_page_max));
  }

  Result<model::WorldStats> stats(model::WorldId world) override {
    return run_here(whole_->world_stats(world));
  }

 private:
  system::SystemClock clock_;
  std::optional<OpenStores> open_;
  std::optional<service::ShardedStore> whole_;
};

}  // namespace

Result<std::unique_ptr<WorldTarget>> open_store_target(const std::vector<std::string>& store_urls,
                                                       bool read_only) {
  auto target = std::make_unique<StoreTarget>();
  HUNT_CHECK(target->open(store_urls, read_only));
  return target;
}

}  // namespace hunt::apps
