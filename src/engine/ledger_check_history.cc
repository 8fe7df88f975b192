#include "engine/ledger_check_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace hunt::engine {

void HistoryCheck::violated(LedgerRule rule, std::string sentence) {
  if (violations_.size() >= LedgerCheck::violations_kept_max) return;
  violations_.push_back({rule, std::move(sentence)});
}

void HistoryCheck::on_told(model::ClaimId claim, model::Outcome outcome,
                           const std::string& reward) {
  if (!model::is_terminal(outcome)) return;
  Told& told = told_[claim];
  if (outcome != model::Outcome::granted) return;
  if (told.granted && told.reward != reward) {
    violated(LedgerRule::told_one_item,
             fmt::format("claim {} was told \"{}\", then \"{}\"", model::format_claim_id(claim),
                         told.reward, reward));
  }
  told.granted = true;
  told.reward = reward;
}

void HistoryCheck::on_answered(model::ClaimId claim, model::Outcome outcome,
                               const std::string& reward) {
  if (outcome != model::Outcome::granted) return;
  const auto [at, inserted] = answered_.emplace(claim, reward);
  if (inserted || at->second == reward) return;
  violated(LedgerRule::told_one_item,
           fmt::format("claim {} was answered \"{}\", then \"{}\"", model::format_claim_id(claim),
                       at->second, reward));
}

void HistoryCheck::on_grant(const model::Grant& grant) {
  if (grant.aborted) return;
  granted_[grant.claim] = grant.reward;
  const Times* times = asked(grant.world, grant.tile, grant.player);
  if (times != nullptr) {
    check_as_of(grant, *times);
  } else {
    violated(LedgerRule::grant_asked,
             fmt::format("claim {} was granted, but player {} was never at its tile",
                         model::format_claim_id(grant.claim), model::format_uuid(grant.player)));
  }
  check_item(grant);
}

// The time of the decision, or that of a message that carried the position.
void HistoryCheck::check_as_of(const model::Grant& grant, const Times& times) {
  const bool now = times.asked && grant.as_of_us == grant.at_us;
  const bool then = std::find(times.as_ofs_us.begin(), times.as_ofs_us.end(), grant.as_of_us) !=
                    times.as_ofs_us.end();
  if (now || then) return;
  violated(LedgerRule::as_of_true,
           fmt::format("claim {} was judged as of {}, but no position that it can come from is of "
                       "that time",
                       model::format_claim_id(grant.claim), grant.as_of_us));
}

void HistoryCheck::check_item(const model::Grant& grant) {
  const auto rules = rules_.find(grant.rules);
  const auto table = tables_.find(grant.spawn);
  if (rules == rules_.end() || table == tables_.end()) {
    return violated(LedgerRule::item_true,
                    fmt::format("claim {} names rules \"{}\" or a spawn that never were",
                                model::format_claim_id(grant.claim), grant.rules));
  }
  const auto index = rules->second->find_table(table->second);
  std::string expected;
  if (index) {
    const model::EventRules& event = rules->second->events[rules->second->tables[*index].event];
    if (!event.in_world({grant.world, {}}) || !rollout_.has(event, grant.player)) {
      violated(LedgerRule::reach_true,
               fmt::format("claim {} was granted to player {} in world {}, for whom rules {} have "
                           "nothing",
                           model::format_claim_id(grant.claim), model::format_uuid(grant.player),
                           grant.world, grant.rules));
    }
    expected = roller_.reward(*rules->second, *index, grant.claim, grant.as_of_us);
  }
  if (index && expected == grant.reward) return;
  violated(LedgerRule::item_true,
           fmt::format("claim {} yielded \"{}\", but its roll is \"{}\"",
                       model::format_claim_id(grant.claim), grant.reward, expected));
}

void HistoryCheck::check_told(model::ClaimId claim, const std::string& reward) {
  const auto row = granted_.find(claim);
  if (row == granted_.end()) {
    violated(LedgerRule::told_is_granted,
             fmt::format("claim {} was told granted, but is not in the ledger",
                         model::format_claim_id(claim)));
  } else if (row->second != reward) {
    violated(LedgerRule::told_one_item,
             fmt::format("claim {} was told \"{}\", but the ledger says \"{}\"",
                         model::format_claim_id(claim), reward, row->second));
  }
}

std::vector<LedgerViolation> HistoryCheck::finish(bool drained) {
  for (const auto& [claim, told] : told_) {
    if (told.granted) check_told(claim, told.reward);
  }
  for (const auto& [claim, reward] : answered_) check_told(claim, reward);
  for (const auto& [claim, reward] : granted_) {
    if (!drained) break;
    const auto told = told_.find(claim);
    if (told != told_.end() && told->second.granted) continue;
    violated(LedgerRule::grant_told, fmt::format("claim {} is in the ledger, but nobody was told",
                                                 model::format_claim_id(claim)));
  }
  return std::move(violations_);
}

}  // namespace hunt::engine
