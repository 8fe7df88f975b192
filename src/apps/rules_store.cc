#include "apps/rules_store.h"

#include <map>
#include <string>

#include "adapters/system/system_clock.h"
#include "node/open_store.h"

namespace hunt::apps {

Result<StoreFacts> facts_of_store(const std::vector<node::StoreUrl>& stores) {
  const system::SystemClock clock;
  node::OpenStoreOptions how;
  how.read_only = true;
  HUNT_TRY(open, node::OpenStores::open(stores, clock, how));
  StoreFacts facts;
  std::map<std::string, std::uint64_t> spawns;
  for (std::size_t shard = 0; shard < open.count(); ++shard) {
    ports::HuntStore& store = open.shard(shard).store();
    if (shard == 0) {  // they are in every shard
      HUNT_TRY(worlds, node::run_here(store.worlds()));
      facts.worlds = std::move(worlds);
    }
    HUNT_TRY(tables, node::run_here(store.open_tables()));
    for (const auto& one : tables) spawns[one.table] += one.spawns;
  }
  for (const auto& [table, count] : spawns) facts.open_tables.push_back({table, count});
  return facts;
}

}  // namespace hunt::apps
