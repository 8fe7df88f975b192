#include "engine/fair_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "model/limits.h"

namespace hunt::engine {

FairCheck::FairCheck(Bytes event_seed, std::vector<const model::RuleSet*> sets)
    : roller_(event_seed), sets_(std::move(sets)) {}

void FairCheck::on_table(model::SpawnId spawn, const std::string& table,
                         std::int64_t buried_at_us) {
  tables_[spawn] = {table, buried_at_us};
}

void FairCheck::on_grant(const model::Grant& grant) {
  if (grant.aborted) return;
  const auto buried = tables_.find(grant.spawn);
  if (buried != tables_.end() && grant.as_of_us < buried->second.at_us) {
    violated(fmt::format("claim {} was granted as of {}, but its spawn was buried at {}",
                         model::format_claim_id(grant.claim), format_time_us(grant.as_of_us),
                         format_time_us(buried->second.at_us)),
             LedgerRule::as_of_in_time);
  }
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
  auto& latest_us = latest_us_.try_emplace(grant.rules, grant.as_of_us).first->second;
  latest_us = std::max(latest_us, grant.as_of_us);
  judge(**known, grant);
}

// A store refuses what was not rolled by its timeline, but processes of a release before there was
// one do not ask it, and an upgrade takes its time. From a full timeline turns may have gone.
void FairCheck::on_timeline(const model::RulesTimeline& timeline) {
  constexpr std::int64_t day_us = 86'400'000'000;
  const auto& turns = timeline.turns;
  if (turns.empty() || turns.size() >= limits::rules_turns_max) return;
  const std::int64_t began_us = turns.front().from_us;
  for (const auto& [version, latest_us] : latest_us_) {
    if (latest_us < began_us || timeline.find(version) != nullptr) continue;
    if (static_cast<std::uint64_t>(latest_us) - static_cast<std::uint64_t>(began_us) < day_us) {
      continue;
    }
    report_.not_in_timeline.insert(version);
  }
}

void FairCheck::judge(const model::RuleSet& set, const model::Grant& grant) {
  const auto named = tables_.find(grant.spawn);
  const auto table = named == tables_.end() ? std::nullopt : set.find_table(named->second.table);
  const bool given = table && gives(set, *table, grant);
  if (given && is_for(set, *table, grant)) {
    ++report_.rolled;
    return;
  }
  // People may give a tile another table, and what it had before is not kept.
  if (any_gives(set, grant)) {
    ++(named == tables_.end() ? report_.by_a_table : report_.by_another_table);
    return;
  }
  ++(named == tables_.end() ? report_.by_a_table : report_.rolled);
  const std::string claim = model::format_claim_id(grant.claim);
  if (named == tables_.end()) {
    return violated(fmt::format("claim {} was granted \"{}\", which no table of rules {} gives it",
                                claim, grant.reward, grant.rules));
  }
  if (!table) {
    return violated(
        fmt::format("claim {} was granted \"{}\" of \"{}\", a table that rules {} do "
                    "not have, and no other gives it",
                    claim, grant.reward, named->second.table, grant.rules));
  }
  if (given) {
    return violated(
        fmt::format("claim {} was granted to player {} in world {}, but rules {} have \"{}\" for "
                    "other players or worlds",
                    claim, model::format_uuid(grant.player), grant.world, grant.rules,
                    named->second.table),
        LedgerRule::reach_true);
  }
  violated(fmt::format("claim {} was granted \"{}\", but by rules {} its roll of \"{}\" is \"{}\"",
                       claim, grant.reward, grant.rules, named->second.table,
                       roller_.reward(set, *table, grant.claim, grant.as_of_us)));
}

bool FairCheck::any_gives(const model::RuleSet& set, const model::Grant& grant) {
  for (std::uint32_t i = 0; i < set.tables.size(); ++i) {
    if (gives(set, i, grant) && is_for(set, i, grant)) return true;
  }
  return false;
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
