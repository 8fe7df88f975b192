// FairCheck: rolls each grant of a ledger again, from the event seed and the rules, and looks
// whether they are for its player and world.
//
// Not the invariants of a ledger (ledger_check.h) and not a reader: whoever has a store feeds it.
// A grant of rules or of a seed that are not known is counted, and not judged. The ledger does not
// keep which table a spawn had: only its tile does, and people may change it there. So what is not
// the roll of the tile's table, and all of a spawn that was replaced, has to be what one of the
// tables gives. Lifetime: the sets outlive it. One thread.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/ledger_check.h"
#include "engine/roll.h"
#include "engine/rollout.h"
#include "model/claim.h"
#include "model/rule_set.h"
#include "model/rules_timeline.h"

namespace hunt::engine {

struct FairReport {
  std::uint64_t rolled = 0;      // rolled again from the table of their spawn
  std::uint64_t by_a_table = 0;  // of spawns that were replaced: held against all tables
  // Not what the table of their tile gives, but another one: it may have lain there before.
  std::uint64_t by_another_table = 0;
  std::uint64_t other_rules = 0;  // not judged
  std::uint64_t other_seed = 0;   // not judged
  // Of what was not judged, the first FairCheck::names_kept_max.
  std::set<std::string> versions;
  std::set<model::SeedId> seeds;
  // By which something was granted, though the store's timeline of rules, which is kept whole and
  // was a day old by then, does not have them.
  std::set<std::string> not_in_timeline;
  std::uint64_t violation_count = 0;
  std::vector<LedgerViolation> violations;  // the first LedgerCheck::violations_kept_max
  // Every grant was judged, and is what its claim gives.
  [[nodiscard]] bool clean() const noexcept {
    return violation_count == 0 && other_rules == 0 && other_seed == 0 && not_in_timeline.empty();
  }
};

class FairCheck {
 public:
  static constexpr std::size_t names_kept_max = 8;

  // `sets`: all versions that are known.
  FairCheck(Bytes event_seed, std::vector<const model::RuleSet*> sets);

  // Of the store; before the grants.
  void on_world(const model::World& world) { worlds_[world.id] = world; }
  // Of every spawn that is on its tile; before the grants.
  void on_table(model::SpawnId spawn, const std::string& table,
                std::int64_t buried_at_us = model::time_us_min);
  void on_grant(const model::Grant& grant);
  // Of the store, read after the grants; once.
  void on_timeline(const model::RulesTimeline& timeline);
  [[nodiscard]] const FairReport& report() const noexcept { return report_; }

 private:
  // By the rules of the grant.
  void judge(const model::RuleSet& set, const model::Grant& grant);
  [[nodiscard]] bool any_gives(const model::RuleSet& set, const model::Grant& grant);
  [[nodiscard]] bool gives(const model::RuleSet& set, std::uint32_t table,
                           const model::Grant& grant);
  // Whether the table's event is for the player and the world of the grant.
  [[nodiscard]] bool is_for(const model::RuleSet& set, std::uint32_t table,
                            const model::Grant& grant);
  void violated(std::string sentence, LedgerRule rule = LedgerRule::item_true);

  Roller roller_;
  Rollout rollout_;
  std::unordered_map<model::WorldId, model::World> worlds_;
  std::vector<const model::RuleSet*> sets_;
  struct Buried {
    std::string table;
    std::int64_t at_us = 0;
  };
  std::unordered_map<model::SpawnId, Buried> tables_;
  std::map<std::string, std::int64_t> latest_us_;  // as_of, by version
  FairReport report_;
};

}  // namespace hunt::engine
