// What a hunt's stores know that rules files can be held against.
//
// Not the rules in force (those are asked of a server).
#pragma once
#include <vector>

#include "base/result.h"
#include "model/spawn.h"
#include "node/store_url.h"

namespace hunt::apps {

struct StoreFacts {
  std::vector<model::World> worlds;
  std::vector<model::TableCount> open_tables;  // of all shards, by name
};

// Reads only. Errors: those of the stores.
[[nodiscard]] Result<StoreFacts> facts_of_store(const std::vector<node::StoreUrl>& stores);

}  // namespace hunt::apps
