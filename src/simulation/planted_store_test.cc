// The contracts check: a store that is broken between service and store fails their suites.
//
// Each bug stands around the simulated store. The suites are instantiated for the one that
// HUNT_PLANTED_STORE names, and run in a process of their own, which has to fail; with "none" it
// passes.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdlib>
#include <map>
#include <string>

#include "ports/contract/change_feed_contract.h"
#include "ports/contract/hunt_store_contract.h"
#include "ports/contract/rules_store_contract.h"
#include "sim/sim_store.h"
#include "simulation/planted_ports.h"

namespace hunt::ports::contract {
namespace {

using simulation::planted::Awaited;

class YieldingTimer final : public Timer {
 public:
  boost::asio::awaitable<void> sleep_until(std::int64_t /*deadline_ns*/) override {
    auto executor = co_await boost::asio::this_coro::executor;
    co_await boost::asio::post(executor, boost::asio::use_awaitable);
  }
};

class BrokenStore final : public simulation::planted::Store {
 public:
  BrokenStore(HuntStore& inside, std::string bug) : Store(inside), bug_(std::move(bug)) {}
  Awaited<model::GrantCall> grant_claims(std::vector<model::Claim> claims) override {
    if (bug_ == "ignores_as_of") {
      for (auto& claim : claims) claim.as_of_us.reset();
    }
    if (bug_ == "believes_everybody" || bug_ == "ignores_the_time_of_rules") {
      auto kept = co_await inside_.rules_timeline();
      if (!kept) co_return tl::unexpected<Error>(kept.error());
      for (auto& claim : claims) forge(claim, *kept);
    }
    auto call = co_await inside_.grant_claims(std::move(claims));
    if (!call) co_return call;
    for (auto& verdict : call->verdicts) spoil(verdict);
    co_return call;
  }

 private:
  // Takes it for rolled by who knows the timeline, or by what is in force.
  void forge(model::Claim& claim, const model::RulesTimeline& kept) const {
    if (bug_ == "believes_everybody") claim.rules_seq = kept.seq;
    const bool in_time = bug_ != "ignores_the_time_of_rules" || kept.turns.empty();
    if (!in_time) claim.rules = kept.turns.back().version;
  }
  void spoil(model::ClaimVerdict& verdict) {
    const bool refused = verdict.outcome != model::Outcome::granted && !verdict.moved;
    if (bug_ == "remembers_refusals") {
      const auto known = refused_.find(verdict.id);
      if (known != refused_.end()) verdict = known->second;
      if (refused) refused_.emplace(verdict.id, verdict);
    }
    if (bug_ == "refuses_repeats" && verdict.repeat) {
      const model::ClaimId id = verdict.id;
      verdict = {};
      verdict.id = id;
      verdict.outcome = model::Outcome::sold_out;
    }
    if (bug_ == "sold_out_is_closed" && verdict.outcome == model::Outcome::sold_out) {
      verdict.outcome = model::Outcome::closed;
    }
    if (bug_ == "closed_is_nothing" && verdict.outcome == model::Outcome::closed) {
      verdict.outcome = model::Outcome::nothing;
    }
    if (bug_ == "moved_is_nothing") verdict.moved = false;
    if (bug_ == "stale_is_nothing") verdict.stale = false;
  }

  const std::string bug_;
  std::map<model::ClaimId, model::ClaimVerdict> refused_;
};

class BrokenFeed final : public simulation::planted::Feed {
 public:
  BrokenFeed(ChangeFeed& inside, std::string bug) : Feed(inside), bug_(std::move(bug)) {}
  Awaited<model::FeedStart> resume() override {
    auto start = co_await inside_.resume();
    if (start && bug_ == "tells_from_now") start->cursor = (co_await inside_.now()).value();
    co_return start;
  }
  Awaited<model::FeedStart> repair() override {
    auto start = co_await inside_.repair();
    if (start && bug_ == "repairs_to_now") start->cursor = (co_await inside_.now()).value();
    co_return start;
  }
  Awaited<void> confirm(model::FeedCursor cursor) override {
    if (bug_ == "confirms_nothing") co_return Result<void>{};
    co_return co_await inside_.confirm(cursor);
  }

 private:
  const std::string bug_;
};

class PlantedUnderTest final : public StoreUnderTest {
 public:
  PlantedUnderTest(ManualClock& clock, const std::string& bug)
      : disk_(clock, timer_), store_(disk_, bug), feed_(disk_, bug) {}
  HuntStore& store() override { return store_; }
  ChangeFeed& feed() override { return feed_; }
  void reopen() override {}
  void keep_copy() override { copy_ = disk_.disk(); }
  void put_copy_back() override { disk_.restore(copy_); }
  void set_range_state(model::WorldId world, model::TileId first, std::string state) override {
    disk_.set_range_owned(world, first, state == "owned");
  }
  void abort_claim(const model::Claim& claim) override { disk_.write_aborted(claim); }
  void forget_changes() override { disk_.lose_slot(); }

 private:
  YieldingTimer timer_;
  sim::SimStore disk_;
  sim::SimDisk copy_;
  BrokenStore store_;
  BrokenFeed feed_;
};

std::vector<StoreFactory> planted_factories() {
  const char* bug = std::getenv("HUNT_PLANTED_STORE");
  if (bug == nullptr) return {};
  return {{"planted", [bug](ManualClock& clock) -> std::unique_ptr<StoreUnderTest> {
             return std::make_unique<PlantedUnderTest>(clock, bug);
           }}};
}

INSTANTIATE_TEST_SUITE_P(Planted, HuntStoreContract, testing::ValuesIn(planted_factories()),
                         name_of_factory);
INSTANTIATE_TEST_SUITE_P(Planted, RulesStoreContract, testing::ValuesIn(planted_factories()),
                         name_of_factory);
INSTANTIATE_TEST_SUITE_P(Planted, FeedLossContract, testing::ValuesIn(planted_factories()),
                         name_of_factory);

// Whether a process of its own passes the suites over that store.
bool passes(const std::string& bug) {
  std::array<char, 4'096> self{};
  const auto length = readlink("/proc/self/exe", self.data(), self.size() - 1);
  HUNT_ASSERT(length > 0);
  const std::string command = fmt::format(
      "HUNT_PLANTED_STORE={} '{}' --gtest_filter='Planted/*' >/dev/null 2>&1", bug, self.data());
  return std::system(command.c_str()) == 0;
}

TEST(PlantedStores, fail_the_contracts_of_the_store_and_the_feed) {
  EXPECT_TRUE(passes("none")) << "what is not broken passes";
  for (const char* bug : {"ignores_as_of", "remembers_refusals", "refuses_repeats",
                          "sold_out_is_closed", "closed_is_nothing", "moved_is_nothing",
                          "tells_from_now", "repairs_to_now", "confirms_nothing",
                          "believes_everybody", "ignores_the_time_of_rules", "stale_is_nothing"}) {
    EXPECT_FALSE(passes(bug)) << bug;
  }
}

}  // namespace
}  // namespace hunt::ports::contract
