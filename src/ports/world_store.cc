#include "ports/world_store.h"

namespace hunt::ports {

boost::asio::awaitable<Result<model::WorldStats>> WorldStore::recent_world_stats(
    model::WorldId world) {
  return world_stats(world);
}

boost::asio::awaitable<Result<model::StoreDoing>> WorldStore::doing() {
  const model::ClaimId nobodys;
  const auto found = co_await find_grant(nobodys);
  if (!found) co_return tl::unexpected<Error>(found.error());
  co_return model::StoreDoing();
}

boost::asio::awaitable<Result<model::ShardMap>> WorldStore::shard_map() {
  co_return model::ShardMap();
}

boost::asio::awaitable<Result<void>> WorldStore::set_shard_map(model::ShardMap /*map*/) {
  co_return fail(Errc::unsupported,
                 "this store cannot be one of several: it keeps no shard map (PostgreSQL does)",
                 "store");
}

}  // namespace hunt::ports
