// RulesPlayer: designers and operators of a simulated run: they edit, roll back, stop and start,
// one after the other and against each other, with files of their own on each pod.
//
// Not the services that do it (service/rules_book.h) and not the checks (rules_check.h). Thread:
// the world's.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "simulation/cluster.h"
#include "simulation/run_rules.h"
#include "simulation/setup.h"
#include "simulation/watch.h"

namespace hunt::simulation {

class RulesPlayer {
 public:
  RulesPlayer(Cluster& cluster, Watch& watch);

  // One of the kinds that change rules. Nothing where no pod lives that it could be done with.
  void strike(const Fault& fault);
  // Starts what is stopped; to be repeated until nothing is.
  void start_all();

 private:
  struct Edit {
    std::uint64_t number = 0;
    std::uint64_t revision = 0;
  };
  void push(const Fault& fault);
  void age(const Fault& fault);
  void roll_back(const Fault& fault);
  void stop(const Fault& fault);
  void rival(const Fault& fault);
  void push_by_hand(std::size_t pod, std::uint64_t number);
  [[nodiscard]] model::RulesFiles files_of(std::uint64_t number) const {
    return run_rules_files(number, cluster_.setup.rollout);
  }
  [[nodiscard]] service::RulesOffer offer_of(std::uint64_t number, std::uint64_t revision) const {
    return run_rules_offer(number, revision, cluster_.setup.rollout);
  }
  [[nodiscard]] std::uint64_t new_number(std::uint64_t from);
  [[nodiscard]] std::optional<std::size_t> pod_near(std::uint64_t target);
  void set_files(std::size_t pod, service::RulesOffer offer, std::int64_t in_ns);
  // Asks the pod's book, as the admin API does.
  void ask(std::size_t pod, model::RulesChange change, model::RulesFiles files);
  [[nodiscard]] boost::asio::awaitable<void> asking(std::size_t pod, model::RulesChange change,
                                                    model::RulesFiles files);

  Cluster& cluster_;
  Watch& watch_;
  const bool locked_;  // files have revisions
  std::uint64_t revision_ = 0;
  std::vector<Edit> edits_;  // all that were made, the newest last
};

}  // namespace hunt::simulation
