// What all shards must agree on before the map: whose they are.
//
// Shard 0's hunt is the one. A shard that nobody has named yet takes it; one that is named
// otherwise is another hunt's, and nothing is done with the two together. The name is written to
// shard 0 first, which decides between two who give it a name at the same time.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/hunt.h"
#include "ports/hunt_store.h"

namespace hunt::service {

// The hunt of these stores, by shard, which all of them have on return. `name`: what it is to be
// called; empty for whoever does not mind. With `repair` off nothing is written: the name may be
// empty then. Errors: invalid_argument (not a name; the stores are of another hunt, or of several),
// and those of the stores.
[[nodiscard]] boost::asio::awaitable<Result<model::Hunt>> agree_on_hunt(
    std::vector<ports::HuntStore*> stores, std::string name, bool repair);

// The same for one shard alone, `shard` by number, of which `hunt` is that of `first`. Errors: as
// above.
[[nodiscard]] boost::asio::awaitable<Result<void>> join_hunt(ports::HuntStore& first,
                                                             ports::HuntStore& store,
                                                             std::size_t shard, model::Hunt hunt,
                                                             bool repair);

}  // namespace hunt::service
