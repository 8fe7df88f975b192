#include "ports/hunt_store.h"

namespace hunt::ports {

boost::asio::awaitable<Result<model::ShardMap>> HuntStore::shard_map() {
  co_return model::ShardMap();
}

boost::asio::awaitable<Result<void>> HuntStore::set_shard_map(model::ShardMap /*map*/) {
  co_return fail(Errc::unsupported,
                 "this store cannot be one of several: it keeps no shard map (PostgreSQL does)",
                 "store");
}

}  // namespace hunt::ports
