// ClaimFeed: the newest claim events of this process, for its streams: grants in ledger order, and
// the refusals of the last moments.
//
// Not the ledger: who is further behind than what is kept here reads pages of the store. Grants are
// kept only as an unbroken run of cursors, so that nothing can be missing between two of them.
// Thread: the server's lane.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/claim.h"

namespace hunt::http {

class ClaimFeed {
 public:
  // Written once, sent to every stream.
  using Text = std::shared_ptr<const std::string>;

  // Takes what was told. Repeats are ignored; after a gap only what follows it is kept.
  void add(const std::vector<model::ClaimEvent>& events, std::int64_t now_ns);

  // Cursors of the oldest and the newest grant kept; 0 while there is none.
  [[nodiscard]] std::uint64_t first() const noexcept { return grants_.empty() ? 0 : first_; }
  [[nodiscard]] std::uint64_t last() const noexcept {
    return grants_.empty() ? 0 : first_ + grants_.size() - 1;
  }
  // Requires: first() <= cursor <= last().
  [[nodiscard]] const Text& grant(std::uint64_t cursor) const;

  // The event of a claim refused within the last moments, or nothing: its refusal may be told
  // before the answer `found` has been sent.
  [[nodiscard]] Text refusal(model::ClaimId claim) const;

 private:
  void add_grant(const model::ClaimEvent& event);

  std::deque<Text> grants_;  // cursors first_, first_ + 1, …
  std::uint64_t first_ = 0;
  std::unordered_map<model::ClaimId, Text, model::Id128Hash> refusals_;
  std::deque<std::pair<std::int64_t, model::ClaimId>> refused_;  // when, oldest first
};

}  // namespace hunt::http
