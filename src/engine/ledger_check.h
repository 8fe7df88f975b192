// LedgerCheck: checks the invariants of a ledger that is shown to it row by row.
//
// Not a reader: whoever has a store feeds it (hunt audit, the tests, the simulator's checkers).
// Shape: one consistent snapshot, every spawn before any grant; several stores may follow each
// other when each is given its own object. Memory: about 100 bytes per spawn and per grant.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/claim_id.h"
#include "model/claim.h"
#include "model/ids.h"
#include "model/spawn.h"

namespace hunt::engine {

struct LedgerSpawn {
  model::SpawnId spawn = 0;
  std::uint32_t budget = 0;
  std::int64_t remaining = 0;
  bool done = false;      // its tile has another spawn now, or none
  bool sold_out = false;  // as the tile says; false when done
  // Where it was buried; world 0: that is not known.
  model::WorldId world = 0;
  model::TileId tile{};
  bool unplaced = false;  // there is stock of it, and no tile has or had it
};

enum class LedgerRule : std::uint8_t {
  spawn_once,             // a spawn id stands for one burial
  stock_in_bounds,        // 0 <= remaining <= budget
  conserved,              // budget = remaining + granted
  sold_out_true,          // an open spawn says sold_out exactly when nothing remains
  grant_has_spawn,        // a grant is of a spawn that exists
  claim_id_true,          // a claim's id follows from its parts
  claim_once,             // at most one row per claim
  player_once_per_spawn,  // at most one grant per player and spawn
  cursor_rises,           // rows come in ledger order
  // Of a watched run (ledger_check_history.h, ledger_check_tiles.h).
  told_is_granted,  // who was told granted is in the ledger
  told_one_item,    // the same claim is told the same reward, the ledger's
  grant_told,       // every grant is told in the end
  grant_asked,      // nobody is granted what he did not ask for
  item_true,        // a reward is the roll of its claim under its rules
  accepted_told,    // every claim of an accepted position ends in a told outcome
  version_rises,    // no host's copy of a tile goes back
  stale_bounded,    // no answer is older than the promise
  refusal_true,     // a refusal is one that the store could have given (ledger_check_refusals.h)
  win_for_ever,     // who won and insists is not refused any more
  as_of_true,       // a stored position is judged as of when it was accepted
  copy_in_time,     // a copy ends within its life of the read of the store that it came from
  rules_in_time,    // a reward is rolled by the rules in force as of its claim
  reach_true,       // a grant is of a player and a world that its rules are for
  rules_agree,      // whoever knows as many changes of the rules knows the same ones
  stop_holds,       // nothing of an event is granted once its stop was acknowledged
  revision_rises,   // files of an older revision never replace newer rules
  rules_due,        // what was asked for is in force within its bound, and in the end everywhere
  // Of every ledger again.
  grant_in_place,  // a grant is of the world and tile where its spawn was buried
  stock_has_tile,  // stock is of a spawn that is on a tile
  world_exists,    // a spawn is of a world that the store has
  as_of_in_time,  // no grant is judged as of a time after the store wrote it, but for its tolerance
};
[[nodiscard]] std::string_view name_of(LedgerRule rule) noexcept;

struct LedgerViolation {
  LedgerRule rule = LedgerRule::conserved;
  std::string sentence;  // which row breaks it, and how
};

struct LedgerReport {
  std::uint64_t spawns = 0;
  std::uint64_t grants = 0;
  std::uint64_t aborted = 0;
  std::uint64_t violation_count = 0;        // all of them
  std::vector<LedgerViolation> violations;  // the first LedgerCheck::violations_kept_max
  [[nodiscard]] bool clean() const noexcept { return violation_count == 0; }
};

class LedgerCheck {
 public:
  // A broken ledger may be broken in every row; people read the first ones.
  static constexpr std::size_t violations_kept_max = 100;

  void on_spawn(const LedgerSpawn& spawn);
  void on_grant(const model::Grant& grant);
  // All worlds, read after the rows, or not at all. Worlds are never deleted.
  void on_worlds(const std::vector<model::World>& worlds);
  // Call once, after the last row.
  [[nodiscard]] LedgerReport finish();

 private:
  struct Account {
    std::uint32_t budget = 0;
    std::int64_t remaining = 0;
    std::int64_t granted = 0;
    model::WorldId world = 0;
    model::TileId tile{};
  };
  // (spawn, player) as one key; players are 128 bits, so the pair is compared whole.
  struct Taker {
    model::SpawnId spawn = 0;
    model::PlayerId player;
    friend bool operator==(const Taker&, const Taker&) = default;
  };
  struct TakerHash {
    [[nodiscard]] std::size_t operator()(const Taker& taker) const noexcept {
      return model::Id128Hash()({taker.player.high ^ taker.spawn, taker.player.low});
    }
  };

  void violated(LedgerRule rule, std::string sentence);
  void check_identity(const model::Grant& grant);
  void check_place(const model::Grant& grant, const Account& account);
  void check_time(const model::Grant& grant);

  ClaimIds claim_ids_;
  LedgerReport report_;
  std::uint64_t last_cursor_ = 0;
  std::unordered_map<model::SpawnId, Account> accounts_;
  std::vector<model::SpawnId> order_;  // of the spawns, so that reports do not depend on hashing
  std::unordered_set<model::ClaimId, model::Id128Hash> claims_;
  std::unordered_set<Taker, TakerHash> takers_;
};

}  // namespace hunt::engine
