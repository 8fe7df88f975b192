// The contracts of the store and its feed, over a real PostgreSQL server.
#include "adapters/postgres/postgres_test_support.h"
#include "ports/contract/change_feed_contract.h"
#include "ports/contract/hunt_store_contract.h"
#include "ports/contract/rules_store_contract.h"
#include "ports/contract/tile_store_contract.h"

namespace hunt::ports::contract {
namespace {

std::unique_ptr<StoreUnderTest> make_postgres(ManualClock& clock) {
  return std::make_unique<postgres::PostgresUnderTest>(clock);
}

const StoreFactory postgres_factory{"server", make_postgres};

INSTANTIATE_TEST_SUITE_P(Postgres, HuntStoreContract, ::testing::Values(postgres_factory),
                         name_of_factory);
INSTANTIATE_TEST_SUITE_P(Postgres, RulesStoreContract, ::testing::Values(postgres_factory),
                         name_of_factory);
INSTANTIATE_TEST_SUITE_P(Postgres, TileStoreContract, ::testing::Values(postgres_factory),
                         name_of_factory);
INSTANTIATE_TEST_SUITE_P(Postgres, ChangeFeedContract, ::testing::Values(postgres_factory),
                         name_of_factory);
INSTANTIATE_TEST_SUITE_P(Postgres, FeedLossContract, ::testing::Values(postgres_factory),
                         name_of_factory);

}  // namespace
}  // namespace hunt::ports::contract
