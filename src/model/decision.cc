#include "model/decision.h"

#include "model/limits.h"

namespace hunt::model {
namespace {

// Of a claim that is not in the ledger, on a tile of this store.
Outcome judge(const Claim& claim, const TileStock& tile, std::int64_t now_us) {
  if (claim.spawn == 0 || claim.spawn != tile.spawn) return Outcome::nothing;
  const std::int64_t as_of_us = claim.judged_at_us(now_us);
  if (!tile.window.holds(as_of_us)) return Outcome::closed;
  if (as_of_us > now_us + limits::as_of_ahead_us_max) return Outcome::closed;
  return tile.remaining > 0 ? Outcome::granted : Outcome::sold_out;
}

}  // namespace

ClaimVerdict look_up(const Claim& claim, const std::optional<LedgerEntry>& known, bool owned) {
  ClaimVerdict verdict;
  verdict.id = claim.id;
  if (!known) {
    verdict.moved = !owned;
  } else if (known->aborted) {
    verdict.outcome = Outcome::expired;
  } else {
    verdict.outcome = Outcome::granted;
    verdict.repeat = true;
    verdict.reward = known->reward;
    verdict.rules = known->rules;
  }
  return verdict;
}

ClaimVerdict can_grant(const Claim& claim, const std::optional<LedgerEntry>& known,
                       const TileStock& tile, const RulesTimeline& rules, std::int64_t now_us) {
  ClaimVerdict verdict = look_up(claim, known, tile.owned);
  if (known || verdict.moved) return verdict;
  verdict.stale = is_stale(claim, rules, now_us);
  if (verdict.stale) {
    // What whoever rolls it again should take: this clock decides.
    if (!rules.turns.empty()) verdict.rules = rules.at(claim.judged_at_us(now_us)).version;
    return verdict;
  }
  verdict.outcome = judge(claim, tile, now_us);
  if (verdict.outcome != Outcome::granted) return verdict;
  verdict.reward = claim.reward;
  verdict.rules = claim.rules;
  return verdict;
}

ClaimVerdict grant(const Claim& claim, const std::optional<LedgerEntry>& known, TileStock& tile,
                   const RulesTimeline& rules, std::int64_t now_us) {
  ClaimVerdict verdict = can_grant(claim, known, tile, rules, now_us);
  if (verdict.is_new()) --tile.remaining;
  return verdict;
}

}  // namespace hunt::model
