// The target that is a store.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <limits>
#include <utility>

#include "adapters/system/system_clock.h"
#include "apps/open_store.h"
#include "apps/world_target.h"
#include "model/limits.h"

namespace hunt::apps {
namespace {

constexpr model::TileRect everywhere{
    {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::min()},
    {std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::max()}};

template <class T>
Result<T> run_here(boost::asio::awaitable<Result<T>> call) {
  Result<T> out;
  boost::asio::io_context context;
  auto done = [&out](const std::exception_ptr& failure, Result<T> result) {
    if (failure) std::rethrow_exception(failure);
    out = std::move(result);
  };
  boost::asio::co_spawn(context, std::move(call), std::move(done));
  context.run();
  return out;
}

class StoreTarget final : public WorldTarget {
 public:
  Result<void> open(const std::string& store_url, bool read_only) {
    OpenStoreOptions how;
    how.read_only = read_only;
    HUNT_TRY(opened, OpenStore::open(store_url, clock_, how));
    open_ = std::move(opened);
    return {};
  }

  Result<std::vector<model::World>> worlds() override { return run_here(open_->store().worlds()); }

  Result<model::World> create(model::WorldId id, const std::string& name) override {
    return run_here(open_->store().create_world(id, name));
  }

  Result<void> bury(model::WorldId world, std::vector<model::Burial> burials,
                    BuryCount& count) override {
    HUNT_TRY(buried, run_here(open_->store().bury(world, std::move(burials))));
    for (const model::Buried& one : buried) ++(one.unchanged ? count.unchanged : count.buried);
    return {};
  }

  Result<model::TilePage> list(model::WorldId world, model::TileId from) override {
    return run_here(open_->store().list_tiles(world, everywhere, from, limits::tiles_per_page_max));
  }

  Result<model::WorldStats> stats(model::WorldId world) override {
    return run_here(open_->store().world_stats(world));
  }

 private:
  system::SystemClock clock_;
  std::unique_ptr<OpenStore> open_;
};

}  // namespace

Result<std::unique_ptr<WorldTarget>> open_store_target(const std::string& store_url,
                                                       bool read_only) {
  auto target = std::make_unique<StoreTarget>();
  HUNT_CHECK(target->open(store_url, read_only));
  return target;
}

}  // namespace hunt::apps
