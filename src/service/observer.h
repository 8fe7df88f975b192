// Observer: gathers the figures of all lanes for whoever shows them.
//
// Not on the hot path: each lane hands over a copy of its counters ten times a second, under a lock
// of its own, and readers merge the copies. So a figure is at most about 100 ms old. Thread: any.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/attribution.h"
#include "engine/why_history.h"
#include "model/rule_set.h"
#include "model/shard_map.h"
#include "model/spawn.h"
#include "ports/clock.h"
#include "ports/monitor.h"
#include "service/lane_metrics.h"
#include "service/tellings.h"

namespace hunt::service {

// What stays the same for the life of a process, or is set now and then by apps.
struct About {
  std::string version;
  std::string store;
  std::size_t shards = 0;              // whose relays should be heard; 0: nobody listens
  bool relays_here = false;            // this process has the relay
  std::size_t stores = 0;              // of this process: shards that can refuse
  std::vector<bool> stores_here = {};  // by shard: its server is on this machine
  bool cache_here = false;
  std::string process_id = {};  // random, of this start
};

// What is not as it should be though requests can be served. The key tells one from the next while
// its text counts the seconds.
struct Warning {
  std::string key;
  std::string text;
};

[[nodiscard]] std::string gap_text(model::ShardId shard);

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
  [[nodiscard]] Tellings& tellings() noexcept { return tellings_; }
  void heard_relay(model::ShardId shard);
  // A message of another process that nobody of this hunt signed.
  void count_distrusted_message();

  // From apps.
  void set_rules(const model::RuleSet& rules);
  void set_rules_state(model::RulesState state);
  // Of the thread that answers HTTP: over the last second, shares of a core; and the longest time
  // of late that it stood still.
  void set_front_load(double busy, double starved, std::int64_t stalled_ns);
  // How long somebody on this machine was ready without a core: a share of the last ten seconds.
  void set_cpu_pressure(double share);
  void set_not_ready(std::string reason);  // empty: ready
  // As long as it is up: why nothing of the rules in force is granted; empty: it is.
  void set_without_rules(std::string why);
  [[nodiscard]] bool heard_relays() const;  // of every shard, since the start
  // The parts that this process stands on, by the keys of their warnings; see parts().
  void set_parts(std::vector<std::string> names);
  // A warning of one part ("bus", "relay of shard 0"); empty: none, or it is over.
  void set_trouble(const std::string& part, std::string trouble);
  // The change feed of a shard had a gap, and was repaired just now.
  void count_gap(model::ShardId shard);
  // What a look at a whole store came to (ports::StoreCare::verify()); empty: all is well.
  void set_store_trouble(model::ShardId shard, const std::string& trouble);
  // What came of a burial; nullptr: it lies there. Of a full disk nobody else may hear, where
  // claims come seldom.
  void note_burial(model::ShardId shard, const Error* refused);
  // Open spawns by table, of one store: those whose table no rule has are warned of.
  void set_open_tables(model::ShardId shard, std::vector<model::TableCount> counts);

  // Each trouble by itself, in the order of their weight.
  [[nodiscard]] std::vector<Warning> warnings() const;

  // What the process is called ("pod-7:8080").
  void set_name(std::string name);
  // Keeps what why() says now, where ten seconds have passed. Called each second, by one thread
  // that is none of the lanes'.
  void remember_why();

  // Adds what the bus counts; called on any thread.
  void set_bus(std::function<void(model::Stats&)> add_to);
  // At which this process drains and ends.
  void set_memory_limit(std::uint64_t bytes);

  [[nodiscard]] model::Stats stats() const override;
  [[nodiscard]] model::LiveView live() override;
  [[nodiscard]] model::Why why() const override;
  [[nodiscard]] std::string why_evidence() const override;
  [[nodiscard]] model::Process process() const override;
  [[nodiscard]] model::WhyPast why_since(std::int64_t from_us) const override;
  [[nodiscard]] model::WhyPast why_at(std::int64_t at_us) const override;
  [[nodiscard]] std::string not_ready() const override;
  [[nodiscard]] std::string not_alive() const override;
  [[nodiscard]] std::string warning() const override;
  // The process itself, those of set_parts(), and whatever else is in trouble.
  [[nodiscard]] std::vector<Part> parts() const override;

 private:
  struct Lane;
  struct Look {
    std::int64_t at_ns = 0;
    std::int64_t answers_ns = 0;  // mean of the slowest 1 % then
    std::int64_t claims_ns = 0;
  };
  // The latencies since the start, and what was under way, as they were then.
  struct Moment {
    std::int64_t at_ns = 0;
    model::Latencies<Histogram> latencies;
    std::vector<std::int64_t> inflight_ns;  // of bounds()
  };
  // Without what was used lately.
  [[nodiscard]] std::vector<model::StageUse> bounds(std::int64_t now_ns) const;
  [[nodiscard]] engine::Evidence gather() const;
  // With what it was before, and with a lane that stands still.
  [[nodiscard]] engine::Evidence gather_all() const;
  // The lane that has not turned for the longest.
  struct Still {
    std::size_t lane = 0;
    std::int64_t ns = 0;
  };
  [[nodiscard]] Still longest_still() const;
  void remember_latencies();
  // Under the lock.
  [[nodiscard]] model::Latencies<Histogram> lately(model::Latencies<Histogram> all) const;
  void add_used_lately(std::vector<model::StageUse>& bounds, std::int64_t now_ns) const;
  void remember_tail();
  // Of the relay that was not heard for the longest.
  struct Silence {
    model::ShardId shard = 0;
    std::int64_t ns = 0;
  };
  [[nodiscard]] Silence silence() const;
  [[nodiscard]] std::vector<engine::NotTold> not_told() const;  // under the lock
  [[nodiscard]] std::vector<model::StoreFailing> stores_failing() const;
  // Under the lock:
  void find_missing_tables();
  [[nodiscard]] std::uint64_t rules_pending_seconds() const;

  const ports::Clock& clock_;
  const About about_;
  const std::int64_t started_ns_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  mutable Tellings tellings_;
  mutable std::mutex mutex_;  // for all below
  std::string rules_;
  std::string event_;
  model::Counts counted_;  // here, not by a lane
  std::string not_ready_ = "starting";
  std::string without_rules_;
  double cpu_pressure_ = 0;
  double front_busy_ = 0;
  std::int64_t front_stalled_ns_ = 0;
  double front_starved_ = 0;
  std::function<void(model::Stats&)> add_bus_to_;
  std::uint64_t memory_limit_bytes_ = 0;
  std::map<std::string, std::string> troubles_;  // by part
  std::vector<std::string> part_names_;
  struct StoreTrouble {
    std::string text;
    std::int64_t since_ns = 0;
  };
  std::map<model::ShardId, std::int64_t> gap_ns_;  // the last one of each shard
  struct Refused {
    std::int64_t at_ns = 0;
    std::string why;
  };
  std::map<model::ShardId, Refused> burials_refused_;        // the last one, of each shard
  std::vector<StoreTrouble> store_troubles_;                 // by shard
  std::vector<std::vector<model::TableCount>> open_tables_;  // by shard
  std::vector<std::string> table_names_;                     // of the rules
  std::vector<model::TableCount> tables_missing_;
  std::deque<model::ClaimEvent> finds_;
  std::int64_t watched_ns_ = INT64_MIN;
  std::deque<Moment> moments_;  // one each second, for ten seconds
  model::Process process_;
  engine::WhyHistory history_;
  std::deque<Look> looks_;                    // one every ten seconds, for an hour
  std::vector<std::int64_t> relay_heard_ns_;  // by shard
};

}  // namespace hunt::service
