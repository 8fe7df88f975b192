// The contracts of the store and its feed, over SQLite.
#include "adapters/sqlite/sqlite_test_support.h"
#include "ports/contract/change_feed_contract.h"
#include "ports/contract/hunt_store_contract.h"
#include "ports/contract/rules_store_contract.h"
#include "ports/contract/tile_store_contract.h"

namespace hunt::ports::contract {
namespace {

std::unique_ptr<StoreUnderTest> make_sqlite(ManualClock& clock) {
  return std::make_unique<sqlite::SqliteUnderTest>(clock);
}

const StoreFactory sqlite_factory{"file", make_sqlite};

INSTANTIATE_TEST_SUITE_P(Sqlite, HuntStoreContract, testing::Values(sqlite_factory),
                         name_of_factory);
INSTANTIATE_TEST_SUITE_P(Sqlite, RulesStoreContract, testing::Values(sqlite_factory),
                         name_of_factory);
INSTANTIATE_TEST_SUITE_P(Sqlite, TileStoreContract, testing::Values(sqlite_factory),
                         name_of_factory);
INSTANTIATE_TEST_SUITE_P(Sqlite, ChangeFeedContract, testing::Values(sqlite_factory),
                         name_of_factory);
INSTANTIATE_TEST_SUITE_P(Sqlite, FeedLossContract, testing::Values(sqlite_factory),
                         name_of_factory);

}  // namespace
}  // namespace hunt::ports::contract
