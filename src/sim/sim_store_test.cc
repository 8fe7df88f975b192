// The store contracts over the simulated store: what the simulator proves holds for the real ones
// only if both keep the same contract.
#include "sim/sim_store.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "ports/contract/change_feed_contract.h"
#include "ports/contract/hunt_store_contract.h"
#include "ports/contract/rules_store_contract.h"
#include "ports/contract/tile_store_contract.h"

namespace hunt::ports::contract {
namespace {

// Sleeping is yielding once: the clock of these tests stands still.
class YieldingTimer final : public Timer {
 public:
  boost::asio::awaitable<void> sleep_until(std::int64_t /*deadline_ns*/) override {
    auto executor = co_await boost::asio::this_coro::executor;
    co_await boost::asio::post(executor, boost::asio::use_awaitable);
  }
};

class SimUnderTest final : public StoreUnderTest {
 public:
  explicit SimUnderTest(ManualClock& clock) : store_(clock, timer_) {}
  HuntStore& store() override { return store_; }
  ChangeFeed& feed() override { return store_; }
  void reopen() override {}  // there is nothing to lose: it is all in memory
  void keep_copy() override { copy_ = store_.disk(); }
  void put_copy_back() override { store_.restore(copy_); }
  void set_range_state(model::WorldId world, model::TileId first, std::string state) override {
    store_.set_range_owned(world, first, state == "owned");
  }
  void abort_claim(const model::Claim& claim) override { store_.write_aborted(claim); }
  void forget_changes() override { store_.lose_slot(); }

 private:
  YieldingTimer timer_;
  sim::SimStore store_;
  sim::SimDisk copy_;
};

const StoreFactory sim_factory{"memory", [](ManualClock& clock) -> std::unique_ptr<StoreUnderTest> {
                                 return std::make_unique<SimUnderTest>(clock);
                               }};

INSTANTIATE_TEST_SUITE_P(Sim, HuntStoreContract, testing::Values(sim_factory), name_of_factory);
INSTANTIATE_TEST_SUITE_P(Sim, RulesStoreContract, testing::Values(sim_factory), name_of_factory);
INSTANTIATE_TEST_SUITE_P(Sim, TileStoreContract, testing::Values(sim_factory), name_of_factory);
INSTANTIATE_TEST_SUITE_P(Sim, FeedLossContract, testing::Values(sim_factory), name_of_factory);

}  // namespace
}  // namespace hunt::ports::contract
