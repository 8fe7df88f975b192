// Watch: sees everything that a simulated run does and says which promise it broke.
//
// Not part of what is simulated: it looks into disks and logs that nobody else sees, takes no
// virtual time and changes nothing. The rules themselves are the engine's (ledger_check*.h), shared
// with `hunt audit`.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/ledger_check.h"
#include "engine/ledger_check_history.h"
#include "engine/ledger_check_refusals.h"
#include "engine/ledger_check_tiles.h"
#include "engine/rollout.h"
#include "simulation/cluster.h"
#include "simulation/rules_check.h"

namespace hunt::simulation {

// B2: while all is well a change is in every copy so soon after its commit.
inline constexpr std::int64_t visible_ns_max = 250'000'000;

class Watch {
 public:
  explicit Watch(Cluster& cluster);

  // From clients.
  void on_asked(const model::Batch& batch, bool stored = false);
  // What an ask of `sent_ns` (world time) was answered now.
  void on_answer(std::int64_t sent_ns, const model::Batch& batch, ports::Wait wait,
                 const model::BatchReply& reply);
  // An orchestrator's wall clock is wrong by so much for a while.
  void on_wrong_clock(std::int64_t error_us) {
    clock_low_us_ = std::min(clock_low_us_, error_us);
    clock_high_us_ = std::max(clock_high_us_, error_us);
    rules_.on_wrong_clock(error_us);
  }
  // What was answered by when: one entry a second.
  struct Second {
    std::uint64_t answers = 0;   // positions whose ask came to an end
    std::uint64_t terminal = 0;  // of these, with a terminal outcome
  };
  void on_no_answer(const model::Batch& batch) { this_second().answers += batch.positions.size(); }
  [[nodiscard]] const std::vector<Second>& seconds() const noexcept { return seconds_; }
  void on_rules(const model::RuleSetPtr& rules) { history_.on_rules(rules); }
  [[nodiscard]] RulesCheck& rules() noexcept { return rules_; }
  // Whether the main event may be for others than that player, or for other worlds, by now.
  [[nodiscard]] bool is_maybe_out(model::WorldId world, model::PlayerId player) {
    return may_be_out({}, world, player, cluster_.world.wall_us());
  }

  // The invariants of every ledger, now: each moment of a run is a snapshot.
  void check_ledgers();
  // The copies in the pods' memories, now.
  void check_copies();
  // All is well from now on: what changes now must be in every copy within B2.
  void watch_b2() { b2_from_ns_ = cluster_.world.now_ns(); }
  // Of these changes, those that are old enough, in the caches and in the pods' memories, now.
  void check_b2();
  // When the next of them is just old enough; INT64_MAX if none is on its way.
  [[nodiscard]] std::int64_t b2_due_ns() const noexcept;
  // A failover lost what the shard's disk does not hold any more.
  void on_failover(std::size_t shard);
  // Once, at the end. `drained`: nothing was left to do.
  void finish(bool drained);

  void violated(engine::LedgerRule rule, const std::string& sentence);
  [[nodiscard]] const std::vector<engine::LedgerViolation>& violations() const {
    return violations_;
  }
  [[nodiscard]] std::uint64_t claims() const noexcept { return history_.told_count(); }
  [[nodiscard]] bool was_told(model::ClaimId claim) const { return history_.was_told(claim); }
  [[nodiscard]] std::uint64_t told_positions() const noexcept { return positions_; }
  [[nodiscard]] std::size_t dead_letters() const noexcept { return dead_; }

 private:
  struct Owed {
    model::ShardId shard = 0;  // of the stream
    model::Batch batch;
    std::int64_t stored_ns = 0;
    std::int64_t acked_ns = 0;
  };
  void on_row(std::size_t shard, model::WorldId world, const model::TileRow& row);
  void on_fate(sim::StreamServer::Fate fate, sim::StreamServer::Key key,
               const sim::StreamServer::Message& message);
  [[nodiscard]] Second& this_second();
  [[nodiscard]] std::int64_t wall_start_us() const noexcept {
    return cluster_.world.wall_us() - cluster_.world.now_ns() / 1'000;
  }
  [[nodiscard]] engine::Question question(model::WorldId world, model::TileId tile,
                                          std::int64_t asked_ns) const;
  [[nodiscard]] bool may_be_out(const std::optional<model::SpawnId>& spawn, model::WorldId world,
                                model::PlayerId player, std::int64_t from_us);
  // Nothing: it may be of either event.
  [[nodiscard]] bool was_stopped(const std::optional<model::SpawnId>& spawn,
                                 const engine::Question& question);
  void on_stored_reply(const model::Batch& batch, const model::BatchReply& reply);
  void check_answers(std::int64_t asked_ns, bool insists, const model::Batch& batch,
                     const model::BatchReply& reply);
  void check_win(const engine::Question& question, const model::Position& position,
                 model::Outcome outcome);
  void check_log(const model::ClaimEvent& event);
  void check_ends();
  void check_owed(const Owed& owed);
  void check_passed_on(const Owed& owed, const model::Position& position);

  Cluster& cluster_;
  engine::HistoryCheck history_;
  engine::TileHistory tiles_;
  RulesCheck rules_;
  std::map<model::SpawnId, std::string> tables_;
  engine::RefusalCheck refusals_{tiles_};
  std::int64_t clock_low_us_ = 0;
  std::int64_t clock_high_us_ = 0;
  engine::ClaimIds claim_ids_;
  engine::Rollout rollout_;
  std::map<sim::StreamServer::Key, std::int64_t> stored_ns_;
  std::vector<Owed> owed_;
  // Each stored position, with its time and the first moment that its own shard's stream had it.
  using Stored = std::tuple<model::WorldId, model::TileId, model::PlayerId, std::int64_t>;
  std::map<Stored, std::int64_t> stored_by_owner_ns_;
  // By pod and tile: the order last seen in this life's memory.
  struct Seen {
    std::uint64_t life = 0;
    std::uint64_t evictions = 0;
    std::map<std::pair<model::WorldId, model::TileId>, std::uint64_t> orders;
  };
  std::vector<Seen> seen_;
  struct Changed {
    std::uint64_t order = 0;
    std::int64_t at_ns = 0;
  };
  std::int64_t b2_from_ns_ = INT64_MAX;
  std::int64_t b2_checked_ns_ = 0;
  std::map<std::pair<model::WorldId, model::TileId>, Changed> changed_;  // the first change since
  std::vector<Second> seconds_;
  std::vector<engine::LedgerViolation> violations_;
  std::uint64_t positions_ = 0;
  std::size_t dead_ = 0;
};

}  // namespace hunt::simulation
