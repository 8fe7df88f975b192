// HistoryCheck: holds what was asked, accepted and told against the rows of the ledger.
//
// Not a recorder and not the check of a single ledger (ledger_check.h): whoever watched a run (the
// simulator, a chaos run) shows it what happened, then every row of every shard, then asks
// finish(). Memory: about 150 bytes per claim.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/claim_id.h"
#include "engine/ledger_check.h"
#include "engine/roll.h"
#include "engine/rollout.h"
#include "model/claim.h"
#include "model/rule_set.h"

namespace hunt::engine {

class HistoryCheck {
 public:
  explicit HistoryCheck(Bytes event_seed) : roller_(event_seed) {}

  // A client sent a position there: a claim on that tile may follow. `at_ns`: of the watcher's
  // clock. A stored one is judged as of when it was accepted, which on_stored() says.
  struct Times {
    std::int64_t first_ns = 0;
    bool asked = false;                   // over a path where the store's own clock counts
    std::vector<std::int64_t> as_ofs_us;  // of what was stored
  };
  void on_asked(model::WorldId world, model::TileId tile, model::PlayerId player,
                std::int64_t at_ns, bool stored = false) {
    Times& times = asked_.try_emplace({world, tile, player}, Times{at_ns, false, {}}).first->second;
    times.asked = times.asked || !stored;
  }
  void on_stored(model::WorldId world, model::TileId tile, model::PlayerId player,
                 std::int64_t as_of_us) {
    const auto at = asked_.find({world, tile, player});
    if (at != asked_.end()) at->second.as_ofs_us.push_back(as_of_us);
  }
  // Nothing when he was never there.
  [[nodiscard]] const Times* asked(model::WorldId world, model::TileId tile,
                                   model::PlayerId player) const {
    const auto at = asked_.find({world, tile, player});
    return at == asked_.end() ? nullptr : &at->second;
  }
  // The log of claims was told this.
  void on_told(model::ClaimId claim, model::Outcome outcome, const std::string& reward);
  // A client was answered this: it has to be true, but the log is still owed its event.
  void on_answered(model::ClaimId claim, model::Outcome outcome, const std::string& reward);
  // Rules that were in force, and burials: what a reward must follow from.
  void on_rules(const std::shared_ptr<const model::RuleSet>& rules) {
    rules_[rules->version] = rules;
  }
  // Requires: on_rules() had it.
  [[nodiscard]] const model::RuleSet& rules_of(const std::string& version) const {
    return *rules_.at(version);
  }
  void on_burial(model::SpawnId spawn, const std::string& table) { tables_[spawn] = table; }

  // A row of a ledger, after all of the above.
  void on_grant(const model::Grant& grant);

  // `drained`: everything accepted must have been told by now. Call once, at the end.
  [[nodiscard]] std::vector<LedgerViolation> finish(bool drained);

  [[nodiscard]] std::size_t told_count() const noexcept { return told_.size(); }
  [[nodiscard]] bool was_told(model::ClaimId claim) const { return told_.contains(claim); }

 private:
  struct Asked {
    model::WorldId world = 0;
    model::TileId tile;
    model::PlayerId player;
    friend auto operator<=>(const Asked&, const Asked&) = default;
  };
  struct Told {
    bool granted = false;
    std::string reward;  // when granted
  };
  void violated(LedgerRule rule, std::string sentence);
  void check_item(const model::Grant& grant);
  void check_as_of(const model::Grant& grant, const Times& times);
  void check_told(model::ClaimId claim, const std::string& reward);

  Roller roller_;
  Rollout rollout_;
  std::map<Asked, Times> asked_;
  std::map<model::ClaimId, Told> told_;
  std::map<model::ClaimId, std::string> answered_;  // granted, with the reward
  std::map<model::ClaimId, std::string> granted_;   // by the ledger, with the reward
  std::map<std::string, std::shared_ptr<const model::RuleSet>> rules_;
  std::map<model::SpawnId, std::string> tables_;
  std::vector<LedgerViolation> violations_;
};

}  // namespace hunt::engine
