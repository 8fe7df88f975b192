// RecentClaims: what one lane remembers of the claims, refusals and sheds of a while, for support.
//
// Not the ledger and not the memory that answers (engine/claim_memo.h): nothing is decided by it.
// Three rings of fixed size, so that many refusals push out no grant; what comes again on the same
// tile is counted and not kept twice. It says since when it remembers all. No allocation once the
// rings are full. Positions that came to nothing or a hint cost one comparison. Threads: written by
// its lane, read by any.
#pragma once
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "model/batch.h"
#include "model/claim.h"
#include "model/explanation.h"

namespace hunt::service {

class RecentClaims {
 public:
  // `now_us`: it remembers all since then.
  explicit RecentClaims(std::int64_t now_us);

  // The answers of a batch that was judged as of then, but for `nothing` and hints.
  void note(const model::Batch& batch, const model::BatchReply& reply, std::int64_t as_of_us);
  // The store's verdict on a claim that was `found`.
  void note(const model::Claim& claim, const model::ClaimVerdict& verdict, std::int64_t now_us);
  // A step that came too late.
  void note_busy(model::WorldId world, const model::Position& position, std::int64_t now_us);
  // A batch that was refused as a whole.
  void note_refused(std::uint64_t positions, std::int64_t now_us);

  // Adds what is known of the question's claim or player to `to`, and how far back that goes: where
  // several lanes are asked, to the latest of them.
  void recall(const model::Question& question, model::Memory& to) const;

 private:
  class Ring {
   public:
    explicit Ring(std::int64_t now_us);
    void note(const model::RecentClaim& what);
    void recall(const model::Question& question, std::vector<model::RecentClaim>& to) const;
    [[nodiscard]] std::int64_t since_us() const noexcept { return since_us_; }

   private:
    [[nodiscard]] model::RecentClaim* young_entry(std::uint32_t slot) noexcept;

    std::vector<model::RecentClaim> entries_;
    std::vector<std::uint32_t> hints_;  // by player and tile: where such an entry was put last
    std::size_t next_ = 0;
    std::int64_t since_us_;
  };
  [[nodiscard]] Ring& ring_of(const model::RecentClaim& what) noexcept;

  mutable std::mutex mutex_;  // for all below
  Ring verdicts_;
  Ring refusals_;
  Ring shed_;
  std::deque<model::ShedSpan> shed_unread_;
  std::int64_t shed_unread_since_us_;
};

}  // namespace hunt::service
