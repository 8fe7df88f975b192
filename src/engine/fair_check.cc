#include "engine/fair_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace hunt::engine {

FairCheck::FairCheck(Bytes event_seed, std::vector<const model::RuleSet*> sets)
    : roller_(event_seed), sets_(std::move(sets)) {}

void FairCheck::on_table(model::SpawnId spawn, const std::string& table) {
  tables_[spawn] = table;
}

void FairCheck::on_grant(const model::Grant& grant) {
  if (grant.aborted) return;
  if (grant.seed != roller_.seed_id()) {
    ++report_.other_seed;
    if (report_.seeds.size() < names_kept_max) report_.seeds.insert(grant.seed);
    return;
  }
  const auto known = std::find_if(sets_.begin(), sets_.end(),
                                  [&](const auto* set) { return set->version == grant.rules; });
  if (known == sets_.end()) {
    ++report_.other_rules;
    if (report_.versions.size() < names_kept_max) report_.versions.insert(grant.rules);
    return;
  }
  const model::RuleSet& set = **known;
  const auto named = tables_.find(grant.spawn);
  const auto table = named == tables_.end() ? std::nullopt : set.find_table(named->second);
  if (table) {
    ++report_.rolled;
    if (gives(set, *table, grant) && !is_for(set, *table, grant)) {
      return violated(
          fmt::format("claim {} was granted to player {} in world {}, but rules {} have \"{}\" for "
                      "other players or worlds",
                      model::format_claim_id(grant.claim), model::format_uuid(grant.player),
                      grant.world, grant.rules, named->second),
          LedgerRule::reach_true);
    }
    if (gives(set, *table, grant)) return;
    violated(
        fmt::format("claim {} was granted \"{}\", but by rules {} its roll of \"{}\" is \"{}\"",
                    model::format_claim_id(grant.claim), grant.reward, grant.rules, named->second,
                    roller_.reward(set, *table, grant.claim, grant.as_of_us)));
    return;
  }
  if (named != tables_.end()) {
    ++report_.rolled;
    violated(fmt::format("claim {} was granted \"{}\" of \"{}\", a table that rules {} do not have",
                         model::format_claim_id(grant.claim), grant.reward, named->second,
                         grant.rules));
    return;
  }
  ++report_.by_a_table;
  for (std::uint32_t i = 0; i < set.tables.size(); ++i) {
    if (gives(set, i, grant) && is_for(set, i, grant)) return;
  }
  violated(fmt::format("claim {} was granted \"{}\", which no table of rules {} gives it",
                       model::format_claim_id(grant.claim), grant.reward, grant.rules));
}

bool FairCheck::gives(const model::RuleSet& set, std::uint32_t table, const model::Grant& grant) {
  return roller_.reward(set, table, grant.claim, grant.as_of_us) == grant.reward;
}

bool FairCheck::is_for(const model::RuleSet& set, std::uint32_t table, const model::Grant& grant) {
  const model::EventRules& event = set.events[set.tables[table].event];
  const auto world = worlds_.find(grant.world);
  const bool in_world =
      event.in_world(world == worlds_.end() ? model::World{grant.world, {}} : world->second);
  return in_world && rollout_.has(event, grant.player);
}

void FairCheck::violated(std::string sentence, LedgerRule rule) {
  ++report_.violation_count;
  if (report_.violations.size() < LedgerCheck::violations_kept_max) {
    report_.violations.push_back({rule, std::move(sentence)});
  }
}

}  // namespace hunt::engine
