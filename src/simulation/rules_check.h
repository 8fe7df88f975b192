// RulesCheck: holds every store and every pod of a simulated run to what is promised of rules: one
// version at one moment, stops that hold, no way back by accident, all of it everywhere in the end.
//
// Not the checks of rewards (watch.h) and not who changes rules (rules_player.h). Shard 0 decides,
// so what it has taken is the truth here. Sees everything, takes no virtual time. Runs whose rules
// do not change have none of it. Thread: the world's.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/ledger_check.h"
#include "ports/rules_desk.h"
#include "simulation/cluster.h"

namespace hunt::simulation {

class RulesCheck {
 public:
  using Violated = std::function<void(engine::LedgerRule, const std::string&)>;
  RulesCheck(Cluster& cluster, Violated violated)
      : cluster_(cluster), violated_(std::move(violated)) {}

  // A store has taken this.
  void on_timeline(std::size_t shard, const model::RulesTimeline& timeline);
  // A row was committed, of a table of that event.
  void on_grant(std::size_t shard, const model::Grant& grant, const model::Claim& claim,
                std::string_view event);
  // A failover lost what the shard's disk does not hold any more.
  void on_failover(std::size_t shard);
  // A pod has answered whoever asked for the change that it is done.
  void on_acknowledged(const model::RulesChange& change, const ports::RulesChanged& done);

  // An orchestrator's wall clock is wrong by so much for a while.
  void on_wrong_clock(std::int64_t error_us) {
    clock_high_us_ = std::max(clock_high_us_, error_us);
  }

  // What pods believe, now; to be called every few hundred milliseconds.
  void look();
  // Whether any event is stopped for any store or pod, now.
  [[nodiscard]] bool anything_stopped() { return !stopped_now().empty(); }
  // Whether this one was for anybody, at some moment between these: then `closed` is a true answer.
  [[nodiscard]] bool could_be_stopped(std::string_view event, std::int64_t from_ns,
                                      std::int64_t until_ns);
  // Whether `is_it` of some version by which a process may have judged what was asked since then.
  // Who is late hears of a change within seconds, but for a pause.
  [[nodiscard]] bool any_since(std::int64_t from_us,
                               const std::function<bool(const std::string& version)>& is_it) const;
  // Once, at the end. All was well for a while: everybody has to have the same.
  void finish_settled();

 private:
  [[nodiscard]] const model::RulesTimeline& kept_by(std::size_t shard) const {
    return cluster_.shards[shard]->disk().disk().rules_;
  }
  void check_files(const model::RulesTimeline& before, const model::RulesTimeline& after);
  void check_stop(const std::string& event, const ports::RulesChanged& done);
  void check_pod(std::size_t pod);
  void check_settled_pod(std::size_t pod);
  void note_stopped();
  [[nodiscard]] std::set<std::string> stopped_now();

  Cluster& cluster_;
  const Violated violated_;
  std::int64_t clock_high_us_ = 0;
  std::map<std::uint64_t, model::RulesTimeline> decided_;  // by seq
  // All that shard 0 ever took, also what a failover lost; when, by the world's clock.
  std::vector<std::pair<std::int64_t, model::RulesTimeline>> taken_;
  struct Stop {
    std::uint64_t seq = 0;
    std::set<std::size_t> shards;  // that have it
  };
  std::map<std::string, Stop, std::less<>> stops_;  // acknowledged, by event
  // When each event was, for anybody: from, until.
  std::map<std::string, std::vector<std::pair<std::int64_t, std::int64_t>>, std::less<>> stopped_;
};

}  // namespace hunt::simulation
