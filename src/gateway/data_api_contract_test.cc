// The contracts of the store over a gateway, in front of a real PostgreSQL server; and random
// schedules, held to the simulator's store.
#include "adapters/postgres/postgres_schedule_test_support.h"
#include "gateway/gateway_test_support.h"
#include "ports/contract/hunt_store_contract.h"
#include "ports/contract/rules_store_contract.h"
#include "ports/contract/tile_store_contract.h"

namespace hunt::ports::contract {
namespace {

// Made when it is first asked for, and ended before the process begins to end: its thread uses
// OpenSSL, which ends its own things then.
class SharedGateway final : public ::testing::Environment {
 public:
  gateway::TestGateway& get() {
    if (!gateway_) gateway_.emplace(postgres::TestServer::shared().url("postgres"));
    return *gateway_;
  }
  void TearDown() override { gateway_.reset(); }

 private:
  std::optional<gateway::TestGateway> gateway_;
};
auto* const shared = new SharedGateway;  // gtest deletes it
[[maybe_unused]] const auto* const registered = ::testing::AddGlobalTestEnvironment(shared);

gateway::TestGateway& shared_gateway() {
  return shared->get();
}

std::unique_ptr<StoreUnderTest> make_data_api(ManualClock& clock) {
  return std::make_unique<postgres::PostgresUnderTest>(clock, shared_gateway().opener());
}

const StoreFactory data_api_factory{"gateway", make_data_api};

INSTANTIATE_TEST_SUITE_P(DataApi, HuntStoreContract, ::testing::Values(data_api_factory),
                         name_of_factory);
INSTANTIATE_TEST_SUITE_P(DataApi, RulesStoreContract, ::testing::Values(data_api_factory),
                         name_of_factory);
INSTANTIATE_TEST_SUITE_P(DataApi, TileStoreContract, ::testing::Values(data_api_factory),
                         name_of_factory);

TEST(DataApiModel, every_concurrent_schedule_has_an_order_that_the_simulator_gives_too) {
  postgres::schedule::play_schedules(shared_gateway().opener());
}

}  // namespace
}  // namespace hunt::ports::contract
