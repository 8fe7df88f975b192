// Observer: gathers the figures of all lanes for whoever shows them.
//
// Not on the hot path: each lane hands over a copy of its counters ten times a second, under a lock
// of its own, and readers merge the copies. So a figure is at most about 100 ms old. Thread: any.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/attribution.h"
#include "ports/clock.h"
#include "ports/monitor.h"
#include "service/lane_metrics.h"

namespace hunt::service {

// What stays the same for the life of a process, or is set now and then by apps.
struct About {
  std::string version;
  std::string store;
  std::size_t shards = 0;    // whose relays should be heard; 0: nobody listens
  bool relays_here = false;  // this process has the relay
};

// A lane's part of the live view.
struct LiveSample {
  std::vector<model::LivePlayer> players;
  std::vector<model::Tile> loot_open;
  std::vector<model::Tile> loot_gone;
};

class Observer final : public ports::Monitor {
 public:
  Observer(const ports::Clock& clock, std::size_t lane_count, About about);
  ~Observer() override;

  // From the lanes.
  void publish(std::size_t lane, const LaneMetrics& metrics);
  void publish(std::size_t lane, LiveSample sample);
  void publish(std::size_t lane, engine::Evidence evidence);
  [[nodiscard]] bool watched() const;  // somebody asked for live() in the last five seconds
  void on_finds(const std::vector<model::ClaimEvent>& events);
  void heard_relay(model::ShardId shard);

  // From apps.
  void set_rules(const model::RuleSet& rules);
  void set_rules_rejected(std::uint64_t count);
  void set_not_ready(std::string reason);   // empty: ready
  [[nodiscard]] bool heard_relays() const;  // of every shard, since the start
  void set_trouble(std::string trouble);    // a warning, worse than any other; empty: none

  [[nodiscard]] model::Stats stats() const override;
  [[nodiscard]] model::LiveView live() override;
  [[nodiscard]] model::Why why() const override;
  [[nodiscard]] std::string not_ready() const override;
  [[nodiscard]] std::string warning() const override;

 private:
  struct Lane;
  struct Look {
    std::int64_t at_ns = 0;
    std::int64_t answers_ns = 0;  // mean of the slowest 1 % then
    std::int64_t claims_ns = 0;
  };
  [[nodiscard]] engine::Evidence gather() const;
  void remember_tail();
  // Of the relay that was not heard for the longest.
  struct Silence {
    model::ShardId shard = 0;
    std::int64_t ns = 0;
  };
  [[nodiscard]] Silence silence() const;

  const ports::Clock& clock_;
  const About about_;
  const std::int64_t started_ns_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  mutable std::mutex mutex_;  // for all below
  std::string rules_;
  std::string event_;
  std::uint64_t rules_rejected_ = 0;
  std::string not_ready_ = "starting";
  std::string trouble_;
  std::deque<model::ClaimEvent> finds_;
  std::int64_t watched_ns_ = INT64_MIN;
  std::deque<Look> looks_;                    // one every ten seconds, for ten minutes
  std::vector<std::int64_t> relay_heard_ns_;  // by shard
};

}  // namespace hunt::service
