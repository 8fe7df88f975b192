// Tellings: of granted claims, how long after the verdict they were told on the bus.
//
// Not who tells them (relay.h): a process hears them as everybody does, and knows its own. Who does
// not listen waits for none before it has heard one. Thread: any.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "engine/timeline.h"
#include "model/claim.h"
#include "ports/clock.h"

namespace hunt::service {

class Tellings {
 public:
  static constexpr std::size_t expected_max = 4'096;  // more are not looked at
  // What is not heard by then is given up: it may have been lost on its way to us.
  static constexpr std::int64_t waited_ns_max = 10'000'000'000;

  Tellings(const ports::Clock& clock, bool listens) : clock_(clock), hears_(listens) {}

  // Before the store is asked: what it grants may be heard before it has answered.
  void expect(const std::vector<model::ClaimId>& ids);
  // The store granted it just now. False: nobody waits for that to be told, or it was already.
  [[nodiscard]] bool granted(model::ClaimId id, const engine::Timeline& timeline);
  // It granted nothing, or nobody knows.
  void forget(model::ClaimId id);
  void told(model::ClaimId id);

  // Those told in the last nine to ten seconds, and those that wait to be; each a fair sample.
  [[nodiscard]] std::vector<engine::Timeline> samples();

 private:
  struct Expected {
    bool told = false;
    std::int64_t granted_ns = 0;  // 0: not yet
    engine::Timeline timeline;
  };
  using Claims = std::unordered_map<model::ClaimId, Expected, model::Id128Hash>;
  void give_up(std::int64_t now_ns);

  const ports::Clock& clock_;
  std::atomic<bool> hears_;  // who never hears takes no lock
  std::mutex mutex_;         // for all below
  Claims expected_;
  std::int64_t gave_up_ns_ = 0;  // it looked for those that were lost
  engine::Reservoir told_{0};
};

}  // namespace hunt::service
