// The decision on a claim: may it have what lies on its tile? PROTOCOLS 3 and 4, over plain values.
//
// Not a transaction: a store reads, under its locks, what is asked for here, and writes what
// grant() gave. PostgreSQL decides in SQL; the contract of the stores holds it to this.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "model/claim.h"
#include "model/rules_timeline.h"
#include "model/spawn.h"

namespace hunt::model {

// What the ledger has of a claim's id.
struct LedgerEntry {
  bool aborted = false;
  std::string reward;
  std::string rules;
};

// What is so of a claim's tile now.
struct TileStock {
  bool owned = false;  // its range, by this store
  SpawnId spawn = 0;   // 0: none
  TimeWindow window;
  std::int64_t remaining = 0;
};

// What is there to tell without a decision: what the ledger has, whoever owns the tile by now; else
// whether another store has to be asked, and `nothing`.
[[nodiscard]] ClaimVerdict look_up(const Claim& claim, const std::optional<LedgerEntry>& known,
                                   bool owned);

// Says what grant() would. `rules`: what this store keeps of them; it fences claims that were
// rolled by others.
[[nodiscard]] ClaimVerdict can_grant(const Claim& claim, const std::optional<LedgerEntry>& known,
                                     const TileStock& tile, const RulesTimeline& rules,
                                     std::int64_t now_us);

// Does it: a grant that is new (ClaimVerdict::is_new) has taken one from the tile's stock, and is
// the caller's to write into the ledger.
[[nodiscard]] ClaimVerdict grant(const Claim& claim, const std::optional<LedgerEntry>& known,
                                 TileStock& tile, const RulesTimeline& rules, std::int64_t now_us);

}  // namespace hunt::model
