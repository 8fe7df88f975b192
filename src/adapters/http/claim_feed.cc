#include "adapters/http/claim_feed.h"

#include "base/result.h"
#include "codec/json_replies.h"
#include "model/limits.h"
#include "ports/ledgers.h"

namespace hunt::http {

namespace {

// Longer than an answer can be on its way to the lane of the streams; guess.
constexpr std::int64_t refusal_life_ns = 2'000'000'000;

}  // namespace

void ClaimFeed::add_grant(const model::ClaimEvent& event) {
  const std::size_t shard = runs_.size() == 1 ? 0 : event.cursor >> 48;
  if (shard >= runs_.size()) return;  // of a shard that this process has no store of
  auto& [grants, first, restores] = runs_[shard];
  const std::uint32_t mark = ports::mark_of(event.claim, event.at_us);
  if (!grants.empty() && event.cursor <= last(shard)) {
    // From before what is kept: told again by a relay that was restarted, for all we know.
    if (event.cursor < first || grant(shard, event.cursor).mark == mark) return;
    grants.clear();
    ++restores;
  }
  if (!grants.empty() && event.cursor != last(shard) + 1) grants.clear();
  if (grants.empty()) first = event.cursor;
  auto text = std::make_shared<std::string>();
  codec::write_grant_event(event, *text);
  grants.push_back({std::move(text), mark});
  if (grants.size() <= limits::stream_grants_kept_max) return;
  grants.pop_front();
  ++first;
}

void ClaimFeed::add(const std::vector<model::ClaimEvent>& events, std::int64_t now_ns) {
  for (const auto& event : events) {
    if (event.outcome == model::Outcome::granted) {
      if (event.cursor != 0) add_grant(event);  // without: a repeat, told from the ledger before
      continue;
    }
    auto text = std::make_shared<std::string>();
    codec::write_claim_event(event, *text);
    refusals_[event.claim] = std::move(text);
    refused_.emplace_back(now_ns, event.claim);
  }
  while (!refused_.empty() && (refused_.size() > limits::stream_refusals_kept_max ||
                               now_ns - refused_.front().first > refusal_life_ns)) {
    refusals_.erase(refused_.front().second);
    refused_.pop_front();
  }
}

const ClaimFeed::Kept& ClaimFeed::grant(std::size_t shard, std::uint64_t cursor) const {
  HUNT_ASSERT(cursor >= first(shard) && cursor <= last(shard));
  return runs_[shard].grants[static_cast<std::size_t>(cursor - runs_[shard].first)];
}

ClaimFeed::Text ClaimFeed::refusal(model::ClaimId claim) const {
  const auto found = refusals_.find(claim);
  return found == refusals_.end() ? nullptr : found->second;
}

}  // namespace hunt::http
