// The checks check, of rules: a version that is used outside of its time, a stop that does not
// hold, an older revision that wins and a pod that stays behind are found within 200 seeds.
//
// Those of the service are in planted_service_test.cc.
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "simulation/planted_ports.h"
#include "simulation/planted_support.h"

namespace hunt::simulation {
namespace {

using engine::LedgerRule;
using planted::Awaited;

// A store without the fence: whoever has not heard of new rules goes on with the old ones.
class NoFence final : public planted::Store {
 public:
  explicit NoFence(sim::SimStore& disk) : Store(disk) {
    tamper(disk, [](sim::SimDisk& of) { of.fenced_ = false; });
  }
};

TEST(SimPlantedRules, finds_a_version_that_is_used_outside_of_its_time) {
  Hooks hooks;
  hooks.server = [](sim::SimStore& disk) { return std::make_unique<NoFence>(disk); };
  expect_found(hooks, LedgerRule::rules_in_time);
}

TEST(SimPlantedRules, finds_an_event_that_is_granted_after_its_stop) {
  Hooks hooks;
  hooks.server = [](sim::SimStore& disk) { return std::make_unique<NoFence>(disk); };
  expect_found(hooks, LedgerRule::stop_holds);
}

// The fence looks at the version alone, which a stop does not change.
class AnyChange final : public planted::Store {
 public:
  explicit AnyChange(sim::SimStore& disk) : Store(disk), disk_(disk) {}
  Awaited<model::GrantCall> grant_claims(std::vector<model::Claim> claims) override {
    for (auto& claim : claims) claim.rules_seq = disk_.disk().rules_.seq;
    return inside_.grant_claims(std::move(claims));
  }

 private:
  sim::SimStore& disk_;
};

TEST(SimPlantedRules, finds_a_fence_that_only_compares_versions) {
  Hooks hooks;
  hooks.server = [](sim::SimStore& disk) { return std::make_unique<AnyChange>(disk); };
  expect_found(hooks, LedgerRule::stop_holds);
}

// Says that a shard has the change when it is sent.
class AnswersEarly final : public planted::Store {
 public:
  AnswersEarly(ports::HuntStore& inside, sim::Host& host) : Store(inside), host_(host) {}
  Awaited<void> set_rules_timeline(model::RulesTimeline timeline,
                                   std::vector<model::RulesOf> sets) override {
    host_.spawn(set_later(std::move(timeline), std::move(sets)));
    co_return Result<void>{};
  }

 private:
  boost::asio::awaitable<void> set_later(model::RulesTimeline timeline,
                                         std::vector<model::RulesOf> sets) {
    static_cast<void>(co_await inside_.set_rules_timeline(std::move(timeline), std::move(sets)));
  }
  sim::Host& host_;
};

TEST(SimPlantedRules, finds_a_stop_that_is_told_before_the_fence_holds) {
  Hooks hooks;
  hooks.pod_store = [](ports::HuntStore& store, sim::Host& host) {
    return std::make_unique<AnswersEarly>(store, host);
  };
  expect_found(hooks, LedgerRule::stop_holds);
}

// Goes on with what it read first.
class LooksOnce final : public planted::Store {
 public:
  using Store::Store;
  Awaited<model::RulesTimeline> rules_timeline() override {
    if (known_) co_return *known_;
    auto found = co_await inside_.rules_timeline();
    if (found && found->seq > 0) known_ = *found;
    co_return found;
  }

 private:
  std::optional<model::RulesTimeline> known_;
};

TEST(SimPlantedRules, finds_a_pod_that_does_not_follow) {
  Hooks hooks;
  hooks.pod_store = [](ports::HuntStore& store, sim::Host&) {
    return std::make_unique<LooksOnce>(store);
  };
  expect_found(hooks, LedgerRule::rules_due);
}

}  // namespace
}  // namespace hunt::simulation
