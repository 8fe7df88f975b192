// answer(): positions to outcomes, from L1 alone: a plain synchronous loop over a batch.
//
// Not the claims (service/claim_desk.h takes the candidates from here) and never a wait: positions
// whose chunks are not usable come back as missed, with the chunks to load. No allocation once the
// Turn's vectors have grown. Pure: (L1, batch, now, as_of) -> outcomes and Turn.
#pragma once
#include <cstdint>
#include <vector>

#include "engine/l1.h"
#include "model/batch.h"

namespace hunt::engine {

// A position on a tile whose spawn the position triggers. What the ledger is to be asked for.
struct Candidate {
  std::uint32_t position = 0;  // index into the batch
  std::uint32_t table = 0;     // index into the rules' tables
  model::SpawnId spawn = 0;
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

// Answers all positions of `batch` into `outcomes` (as many as positions). Candidates get the
// outcome `found` for now; the caller turns it into what the claim came to.
// Units: now monotonic ns, as_of wall us. Clears and fills `turn`.
void answer(L1& l1, const model::Batch& batch, std::int64_t now_ns, std::int64_t as_of_us,
            model::PositionOutcome* outcomes, Turn& turn);

// The same for the positions that an earlier pass missed (their indexes are in `turn.missed`).
// Candidates of the earlier pass must have been taken: they belong to the rules of that moment.
void answer_missed(L1& l1, const model::Batch& batch, std::int64_t now_ns, std::int64_t as_of_us,
                   model::PositionOutcome* outcomes, Turn& turn);

}  // namespace hunt::engine
