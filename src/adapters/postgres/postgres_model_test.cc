// Random concurrent schedules of grant calls on a real server, held to the simulator's store.
#include "adapters/postgres/postgres_schedule_test_support.h"

namespace hunt::postgres {
namespace {

TEST(PostgresModel, every_concurrent_schedule_has_an_order_that_the_simulator_gives_too) {
  schedule::play_schedules();
}

}  // namespace
}  // namespace hunt::postgres
