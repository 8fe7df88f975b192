#include "rush/replay_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "model/reward.h"

namespace hunt::rush {

namespace {

using model::Outcome;

tl::unexpected<Error> too_many(std::string_view what, std::size_t count_max) {
  return fail(Errc::too_large, fmt::format("the recording has more than {} {}: record shorter",
                                           with_commas(count_max), what));
}

// A replay that ended early did not come to it.
bool is_left_out(const ReplayedClaim& claim, const ReplayFacts& facts) {
  return facts.ended_early && !claim.seen;
}

}  // namespace

std::string_view name_of(Why why) noexcept {
  constexpr std::string_view names[] = {"rules", "loot", "seed", "timing", "recording"};
  return names[static_cast<std::size_t>(why)];
}

Result<std::uint32_t> ReplayBook::number_of(std::string_view text) {
  const auto number = static_cast<std::uint32_t>(texts_.size());
  const auto [at, added] = numbers_.try_emplace(std::string(text), number);
  if (!added) return at->second;
  if (texts_.size() >= texts_max) return too_many("different rewards", texts_max);
  texts_.emplace_back(text);
  return number;
}

Result<ReplayedClaim*> ReplayBook::claim_at(model::ClaimId id) {
  if (auto* known = find(id)) return known;
  if (claims_.size() >= claims_max) return too_many("claims", claims_max);
  return &claims_[id];
}

ReplayedClaim* ReplayBook::find(model::ClaimId id) {
  const auto found = claims_.find(id);
  return found == claims_.end() ? nullptr : &found->second;
}

Result<void> ReplayBook::record(const model::ClaimEvent& event) {
  HUNT_TRY(reward, number_of(event.reward));
  HUNT_TRY(rules, number_of(event.rules));
  HUNT_TRY(claim, claim_at(event.claim));
  if (claim->then && claim->then->outcome == Outcome::granted) return {};
  claim->player = event.player;
  claim->world = event.world;
  claim->tile = model::tile_id_of(event.tile);
  claim->at_us = event.at_us;
  claim->cursor = event.cursor;
  claim->then = Came{event.outcome, reward, rules};
  return {};
}

Result<void> ReplayBook::replay(model::ClaimId id, const ReplayedClaim& claim, Outcome outcome,
                                std::string_view reward) {
  if (outcome != Outcome::granted && find(id) == nullptr) return {};
  HUNT_TRY(reward_text, number_of(reward));
  HUNT_TRY(kept, claim_at(id));
  kept->seen = true;
  if (!kept->then) {
    kept->player = claim.player;
    kept->world = claim.world;
    kept->tile = claim.tile;
    kept->spawn = claim.spawn;
    if (!kept->now) kept->repeat = claim.repeat;
  }
  if (kept->now && kept->now->outcome == Outcome::granted) return {};
  kept->now = Came{outcome, reward_text, 0};
  return {};
}

bool ReplayBook::is_same(const ReplayedClaim& claim) const noexcept {
  return claim.then && claim.now && claim.then->outcome == claim.now->outcome &&
         claim.then->reward == claim.now->reward;
}

std::string ReplayBook::text_of(const std::optional<Came>& came) const {
  if (!came) return {};
  std::string text(model::name_of(came->outcome));
  if (!texts_[came->reward].empty()) text += " " + texts_[came->reward];
  return text;
}

Why ReplayBook::why(const ReplayedClaim& claim, const ReplayFacts& facts,
                    bool all_by_these_rules) const {
  const bool lost_loot = facts.loot_known && claim.spawn < 0;
  if (lost_loot) return Why::loot;
  const std::string rules_then = claim.then ? texts_[claim.then->rules] : "";
  const bool same_rules =
      rules_then.empty() || facts.rules_now.empty() || rules_then == facts.rules_now;
  if (!claim.then) {
    // By the same rules and loot whoever finds it now found it then; and so did whoever has it.
    if (claim.repeat) return Why::recording;
    if (!all_by_these_rules) return Why::rules;
    return facts.loot_known ? Why::recording : Why::loot;
  }
  if (!claim.now) {
    if (!claim.seen) return Why::recording;
    if (!same_rules) return Why::rules;
    return facts.positions_shed ? Why::timing : Why::loot;
  }
  if (!same_rules) return Why::rules;
  if (claim.then->outcome == claim.now->outcome) return Why::seed;
  const bool of_time =
      claim.then->outcome == Outcome::closed || claim.now->outcome == Outcome::closed;
  return of_time ? Why::rules : Why::timing;
}

bool ReplayBook::all_by_rules(std::string_view version) const {
  if (version.empty()) return true;
  for (const auto& [id, claim] : claims_) {
    if (!claim.then) continue;
    const std::string& rules = texts_[claim.then->rules];
    if (!rules.empty() && rules != version) return false;
  }
  return true;
}

void ReplayBook::count_items(const ReplayFacts& facts, ReplayComparison& out) const {
  std::map<std::string, ItemChange> items;
  const auto add = [&](const std::optional<Came>& came, std::uint64_t ItemChange::*count) {
    if (!came || came->outcome != Outcome::granted) return;
    model::for_each_stack(texts_[came->reward], [&](const model::ItemStack& stack) {
      items[std::string(stack.item)].*count += stack.count;
    });
  };
  for (const auto& [id, claim] : claims_) {
    if (is_left_out(claim, facts)) continue;
    add(claim.then, &ItemChange::then);
    add(claim.now, &ItemChange::now);
  }
  for (auto& [name, item] : items) {
    if (item.then == item.now) continue;
    item.item = name;
    out.items.push_back(std::move(item));
  }
}

ReplayComparison ReplayBook::compare(const ReplayFacts& facts) const {
  ReplayComparison out;
  std::vector<std::pair<model::ClaimId, const ReplayedClaim*>> differ;
  std::set<std::string> rules;
  for (const auto& [id, claim] : claims_) {
    if (is_left_out(claim, facts)) continue;
    out.claims_then += claim.then.has_value();
    out.claims_now += claim.now.has_value();
    out.grants_then += claim.then && claim.then->outcome == Outcome::granted;
    out.grants_now += claim.now && claim.now->outcome == Outcome::granted;
    if (claim.then && !texts_[claim.then->rules].empty()) rules.insert(texts_[claim.then->rules]);
    if (is_same(claim)) {
      ++out.same;
    } else {
      differ.emplace_back(id, &claim);
    }
  }
  out.differ = differ.size();
  out.rules_then.assign(rules.begin(), rules.end());
  std::sort(differ.begin(), differ.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  const bool all_by_these_rules = all_by_rules(facts.rules_now);
  std::map<std::tuple<std::string, std::string, Why>, ReplayChange> changes;
  for (const auto& [id, claim] : differ) {
    ReplayChange& change = changes[{text_of(claim->then), text_of(claim->now),
                                    why(*claim, facts, all_by_these_rules)}];
    ++change.claims;
    if (change.examples.size() >= ReplayChange::examples_max) continue;
    change.examples.push_back({id, claim->player, claim->world, model::tile_of(claim->tile)});
  }
  for (auto& [key, change] : changes) {
    std::tie(change.then, change.now, change.why) = key;
    out.changes.push_back(std::move(change));
  }
  std::stable_sort(out.changes.begin(), out.changes.end(),
                   [](const auto& a, const auto& b) { return a.claims > b.claims; });
  if (out.changes.size() > ReplayComparison::changes_max) {
    out.changes.resize(ReplayComparison::changes_max);
  }
  count_items(facts, out);
  return out;
}

}  // namespace hunt::rush
