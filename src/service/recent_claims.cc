#include "service/recent_claims.h"

#include <algorithm>

#include "model/limits.h"

namespace hunt::service {

namespace {

// Refused batches that are no further apart are one span.
constexpr std::int64_t span_gap_us = 5'000'000;

std::size_t hint_of(const model::RecentClaim& what) noexcept {
  return model::Id128Hash{}({what.player.high ^ what.tile.value, what.player.low ^ what.world}) %
         limits::recent_claims_max;
}

bool same_place(const model::RecentClaim& a, const model::RecentClaim& b) noexcept {
  return a.player == b.player && a.tile == b.tile && a.world == b.world;
}

bool lasts(model::Outcome outcome) noexcept {
  return outcome == model::Outcome::granted || outcome == model::Outcome::sold_out;
}

// Whether `now` is one more of `before`, or what became of it, or was told late that it is on its
// way.
bool goes_on(const model::RecentClaim& before, const model::RecentClaim& now) noexcept {
  if (!same_place(before, now) || before.claim != now.claim) return false;
  if (before.outcome == now.outcome || before.outcome == model::Outcome::found) return true;
  return now.outcome == model::Outcome::found && lasts(before.outcome);
}

bool is_asked_for(const model::RecentClaim& entry, const model::Question& question) noexcept {
  if (question.claim) return entry.claim == *question.claim;
  if (entry.player != *question.player) return false;
  if (question.world && entry.world != *question.world) return false;
  if (question.tile && entry.tile != model::tile_id_of(*question.tile)) return false;
  return entry.last_us >= question.from_us && entry.first_us <= question.until_us;
}

// Nothing or a hint: one comparison, since this is asked of every position.
constexpr bool is_plain(model::Outcome outcome) noexcept {
  return outcome < model::Outcome::found;
}
static_assert(is_plain(model::Outcome::nothing) && is_plain(model::Outcome::hint));

model::RecentClaim entry_of(model::WorldId world, const model::Position& position,
                            model::Outcome outcome, std::int64_t at_us) noexcept {
  model::RecentClaim entry;
  entry.player = position.player;
  entry.tile = model::tile_id_of(position.tile);
  entry.first_us = at_us;
  entry.last_us = at_us;
  entry.world = world;
  entry.outcome = outcome;
  return entry;
}

}  // namespace

RecentClaims::Ring::Ring(std::int64_t now_us)
    : hints_(limits::recent_claims_max), since_us_(now_us) {}

// An entry that is about to be forgotten is not gone on with: what it said last would go with it.
model::RecentClaim* RecentClaims::Ring::young_entry(std::uint32_t slot) noexcept {
  if (slot >= entries_.size()) return nullptr;
  const std::size_t age =
      (next_ + limits::recent_claims_max - 1 - slot) % limits::recent_claims_max;
  return age < limits::recent_claims_max / 2 ? &entries_[slot] : nullptr;
}

void RecentClaims::Ring::note(const model::RecentClaim& what) {
  std::uint32_t& hint = hints_[hint_of(what)];
  if (auto* before = young_entry(hint); before != nullptr && goes_on(*before, what)) {
    before->times += what.times;
    if (what.outcome != model::Outcome::found) before->outcome = what.outcome;
    before->repeat = before->repeat || what.repeat;
    before->last_us = std::max(before->last_us, what.last_us);
    return;
  }
  if (entries_.size() < limits::recent_claims_max) {
    entries_.push_back(what);
  } else {
    since_us_ = std::max(since_us_, entries_[next_].last_us + 1);
    entries_[next_] = what;
  }
  hint = static_cast<std::uint32_t>(next_);
  next_ = (next_ + 1) % limits::recent_claims_max;
}

void RecentClaims::Ring::recall(const model::Question& question,
                                std::vector<model::RecentClaim>& to) const {
  for (const auto& entry : entries_) {
    if (is_asked_for(entry, question)) to.push_back(entry);
  }
}

RecentClaims::RecentClaims(std::int64_t now_us)
    : verdicts_(now_us), refusals_(now_us), shed_(now_us), shed_unread_since_us_(now_us) {}

RecentClaims::Ring& RecentClaims::ring_of(const model::RecentClaim& what) noexcept {
  if (what.outcome == model::Outcome::busy) return shed_;
  return what.is_claim() ? verdicts_ : refusals_;
}

void RecentClaims::note(const model::Batch& batch, const model::BatchReply& reply,
                        std::int64_t as_of_us) {
  std::unique_lock lock(mutex_, std::defer_lock);
  const std::size_t count = reply.outcomes.size();
  const model::PositionOutcome* outcomes = reply.outcomes.data();
  for (std::size_t i = 0; i < count; ++i) {
    const model::PositionOutcome& outcome = outcomes[i];
    if (is_plain(outcome.outcome)) continue;
    if (!lock.owns_lock()) lock.lock();
    auto entry = entry_of(batch.world, batch.positions[i], outcome.outcome, as_of_us);
    if (outcome.claim_index >= 0) {
      const auto& claim = reply.claims[static_cast<std::size_t>(outcome.claim_index)];
      entry.claim = claim.claim;
      entry.repeat = claim.repeat;
    }
    ring_of(entry).note(entry);
  }
}

void RecentClaims::note(const model::Claim& claim, const model::ClaimVerdict& verdict,
                        std::int64_t now_us) {
  model::Position position;
  position.player = claim.player;
  position.tile = model::tile_of(claim.tile);
  auto entry = entry_of(claim.world, position, verdict.outcome, claim.judged_at_us(now_us));
  entry.claim = claim.id;
  entry.repeat = verdict.repeat;
  entry.times = 0;  // whoever asked is noted when answered
  const std::lock_guard lock(mutex_);
  verdicts_.note(entry);
}

void RecentClaims::note_busy(model::WorldId world, const model::Position& position,
                             std::int64_t now_us) {
  const std::lock_guard lock(mutex_);
  shed_.note(entry_of(world, position, model::Outcome::busy, now_us));
}

void RecentClaims::note_refused(std::uint64_t positions, std::int64_t now_us) {
  const std::lock_guard lock(mutex_);
  if (!shed_unread_.empty() && now_us - shed_unread_.back().until_us <= span_gap_us) {
    shed_unread_.back().until_us = std::max(shed_unread_.back().until_us, now_us);
    shed_unread_.back().positions += positions;
    return;
  }
  if (shed_unread_.size() == limits::shed_spans_max) {
    shed_unread_since_us_ = shed_unread_.front().until_us + 1;
    shed_unread_.pop_front();
  }
  shed_unread_.push_back({now_us, now_us, positions});
}

void RecentClaims::recall(const model::Question& question, model::Memory& to) const {
  const std::lock_guard lock(mutex_);
  verdicts_.recall(question, to.claims);
  refusals_.recall(question, to.claims);
  shed_.recall(question, to.claims);
  for (const auto& span : shed_unread_) {
    const bool then = span.until_us >= question.from_us && span.from_us <= question.until_us;
    if (then) to.shed_unread.push_back(span);
  }
  const auto newest_first = [](const auto& a, const auto& b) { return a.last_us > b.last_us; };
  std::stable_sort(to.claims.begin(), to.claims.end(), newest_first);
  if (to.claims.size() > limits::stories_max) to.claims.resize(limits::stories_max);
  to.verdicts_since_us = std::max(to.verdicts_since_us, verdicts_.since_us());
  to.refusals_since_us = std::max(to.refusals_since_us, refusals_.since_us());
  to.shed_since_us = std::max({to.shed_since_us, shed_.since_us(), shed_unread_since_us_});
  to.asked = true;
}

}  // namespace hunt::service
