// answer(): positions to outcomes, from L1 alone: a plain synchronous loop over a batch.
//
// Not the claims (service/claim_desk.h takes the candidates from here) and never a wait: positions
// whose chunks are not usable come back as missed, with the chunks to load. No allocation once the
// Turn's vectors have grown. Pure: (L1, batch, moment) -> outcomes and Turn.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/l1.h"
#include "model/batch.h"
#include "model/claim.h"

namespace hunt::engine {

// A position on a tile with a spawn that the ledger is to be asked for.
struct Candidate {
  std::uint32_t position = 0;  // index into the batch
  std::uint32_t table = 0;     // index into the rules' tables; meaningless when refused
  model::SpawnId spawn = 0;
  // The rules give it no claim (their answer is the position's outcome): the ledger may know one
  // that was granted under other rules or at another time, and is never to grant it now.
  bool refused = false;
  model::Outcome cached = model::Outcome::found;  // found, or what L1 knows: sold_out, closed
};

// What one pass leaves behind; reused from batch to batch.
struct Turn {
  std::vector<std::uint32_t> missed;    // positions that wait for chunks
  std::vector<model::ChunkKey> wanted;  // the chunks they wait for (may repeat)
  std::vector<model::ChunkKey> aging;   // usable now, worth loading again in the background
  std::vector<Candidate> candidates;
  std::uint64_t on_loot = 0;  // answered positions on a tile that bears loot
};

// When and for whom a batch is answered. Units: now monotonic ns, as_of wall us.
struct Moment {
  std::int64_t now_ns = 0;
  std::int64_t as_of_us = 0;
  // Whoever asks wants to hear the ledger: on a tile with a spawn every position is a candidate.
  bool insists = false;
};

// Answers all positions of `batch` into `outcomes` (as many as positions). Candidates that are not
// refused get the outcome `found` for now; the caller turns it into what the claim came to.
// Clears and fills `turn`.
void answer(L1& l1, const model::Batch& batch, const Moment& moment,
            model::PositionOutcome* outcomes, Turn& turn);

// The same for the positions that an earlier pass missed (their indexes are in `turn.missed`).
// Candidates of the earlier pass must have been taken: they belong to the rules of that moment.
void answer_missed(L1& l1, const model::Batch& batch, const Moment& moment,
                   model::PositionOutcome* outcomes, Turn& turn);

// What rules, maybe others than L1's, say of a claim for a spawn of that table by a position of
// that kind: `found`, `closed`, or `nothing` as if the spawn were not there.
struct Judged {
  model::Outcome outcome = model::Outcome::found;  // it may be had; else their refusal
  std::uint32_t table = 0;                         // into their tables, but with `closed`
};
[[nodiscard]] Judged judge_claim(const L1& l1, const model::RuleSet& rules, std::string_view table,
                                 const model::Claim& claim, model::Kind kind,
                                 std::int64_t as_of_us);

}  // namespace hunt::engine
