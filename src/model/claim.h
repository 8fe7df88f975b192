// Claims and grants: a player's right to one grant from a spawn, and the ledger's row when it won.
//
// Not the decision (decision.h) and not the roll (engine/roll.h).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/batch.h"
#include "model/call_times.h"
#include "model/ids.h"
#include "model/tile.h"

namespace hunt::model {

struct Claim {
  ClaimId id;
  WorldId world = 0;
  TileId tile;
  SpawnId spawn = 0;
  PlayerId player;
  std::string reward;  // what the roll gave: model/reward.h; the ledger keeps the first one told
  std::string rules;   // rules version, 16 hexadecimal digits
  std::uint64_t rules_seq = 0;  // of the timeline that whoever rolled it knew; not kept
  SeedId seed = 0;
  std::optional<std::int64_t> as_of_us;  // nothing: the shard's now()

  [[nodiscard]] std::int64_t judged_at_us(std::int64_t now_us) const noexcept {
    return as_of_us.value_or(now_us);
  }
};

// What grant_claims says of one claim. `outcome` is one of granted, sold_out, closed, expired
// (an aborted row is in the ledger), nothing (the spawn is not on the tile any more).
struct ClaimVerdict {
  ClaimId id;
  Outcome outcome = Outcome::nothing;
  bool repeat = false;  // granted by an earlier call
  bool moved = false;   // this shard does not own the tile's range: ask the owner; outcome is void
  std::string reward;   // with granted: as stored
  std::string rules;    // with granted: as stored
  // It was rolled by rules that are not in force: look at the timeline and roll it again; outcome
  // is void.
  bool stale = false;

  [[nodiscard]] bool is_new() const noexcept { return outcome == Outcome::granted && !repeat; }
};

struct GrantCall {
  std::vector<ClaimVerdict> verdicts;  // in the order of the claims
  CallTimes times;
};

// A row of the ledger.
struct Grant {
  std::uint64_t cursor = 0;  // position in ledger order, per store
  ClaimId claim;
  bool aborted = false;  // written by the reaper instead of a grant
  WorldId world = 0;
  TileId tile;
  SpawnId spawn = 0;
  PlayerId player;
  std::string reward;
  std::string rules;
  SeedId seed = 0;
  std::int64_t as_of_us = 0;
  std::int64_t at_us = 0;
};

// What is looked for in a ledger: rows of a player, or of a spawn, or of both.
struct GrantSearch {
  std::optional<PlayerId> player;
  std::optional<SpawnId> spawn;
  std::int64_t from_us = INT64_MIN;  // when it was granted, both ends included
  std::int64_t until_us = INT64_MAX;
  std::optional<WorldId> world;
  std::optional<TileId> tile;
  std::uint64_t last = UINT64_MAX;  // no row behind that cursor
};

struct GrantsFound {
  std::vector<Grant> newest;    // newest first, aborted ones too. Bound: limits::grants_found_max
  std::optional<Grant> oldest;  // of all that were found
  std::uint64_t count = 0;
  std::int64_t back_to_us = 0;  // rows from before were not looked at; from_us: all were
};

struct GrantPage {
  std::vector<Grant> grants;  // granted ones only, in ledger order
  std::uint64_t next = 0;     // the cursor to ask after next time
};

// A terminal outcome as it is told to game servers (`hunt.claims.<world>`).
struct ClaimEvent {
  ClaimId claim;
  Outcome outcome = Outcome::granted;
  WorldId world = 0;
  Tile tile;
  PlayerId player;
  std::string reward;
  std::string rules;
  std::uint64_t cursor = 0;  // ledger cursor, with granted
  std::int64_t at_us = 0;
};

// A ledger's row as it is told; an aborted one is told `expired`.
[[nodiscard]] inline ClaimEvent event_of(const Grant& grant) {
  ClaimEvent event;
  event.claim = grant.claim;
  event.outcome = grant.aborted ? Outcome::expired : Outcome::granted;
  event.world = grant.world;
  event.tile = tile_of(grant.tile);
  event.player = grant.player;
  if (!grant.aborted) event.reward = grant.reward;
  event.rules = grant.rules;
  event.cursor = grant.cursor;
  event.at_us = grant.at_us;
  return event;
}

}  // namespace hunt::model
