// ClaimFeed: the newest claim events of this process, for its streams: grants in ledger order, and
// the refusals of the last moments.
//
// Not the ledger: who is further behind than what is kept here reads pages of the store. Grants are
// kept only as an unbroken run of each shard's cursors, so that nothing can be missing between two.
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

  // Ledgers: one of each shard; their cursors begin with the shard in the upper 16 bits.
  explicit ClaimFeed(std::size_t ledgers) : runs_(ledgers) {}

  // Takes what was told. Repeats are ignored; after a gap only what follows it is kept.
  void add(const std::vector<model::ClaimEvent>& events, std::int64_t now_ns);

  // Cursors of the oldest and the newest grant kept of a shard; 0 while there is none.
  [[nodiscard]] std::uint64_t first(std::size_t shard) const noexcept {
    return runs_[shard].grants.empty() ? 0 : runs_[shard].first;
  }
  [[nodiscard]] std::uint64_t last(std::size_t shard) const noexcept {
    return runs_[shard].grants.empty() ? 0 : runs_[shard].first + runs_[shard].grants.size() - 1;
  }
  struct Kept {
    Text text;
    std::uint32_t mark = 0;  // ports::mark_of()
  };
  // Requires: first() <= cursor <= last() of the shard.
  [[nodiscard]] const Kept& grant(std::size_t shard, std::uint64_t cursor) const;
  // One more with each time that another grant was told where one is kept: the ledger was restored,
  // and the places of its readers are void.
  [[nodiscard]] std::uint64_t restores(std::size_t shard) const noexcept {
    return runs_[shard].restores;
  }

  // The event of a claim refused within the last moments, or nothing: its refusal may be told
  // before the answer `found` has been sent.
  [[nodiscard]] Text refusal(model::ClaimId claim) const;

 private:
  struct Run {
    std::deque<Kept> grants;  // cursors first, first + 1, …
    std::uint64_t first = 0;
    std::uint64_t restores = 0;
  };
  void add_grant(const model::ClaimEvent& event);

  std::vector<Run> runs_;  // by shard
  std::unordered_map<model::ClaimId, Text, model::Id128Hash> refusals_;
  std::deque<std::pair<std::int64_t, model::ClaimId>> refused_;  // when, oldest first
};

}  // namespace hunt::http
