// What happened to a claim, or to a player's: the question, what is known of it, and the answer.
//
// Not the decision and not the ledger: engine/explain.h makes the answer of these, service gathers
// them. Plain values.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/claim.h"
#include "model/rule_set.h"
#include "model/shard_map.h"
#include "model/spawn.h"

namespace hunt::model {

// Requires: a claim or a player, and a world with a tile.
struct Question {
  std::optional<ClaimId> claim;
  std::optional<PlayerId> player;  // with a claim: who says that it is theirs
  std::optional<WorldId> world;
  std::optional<Tile> tile;
  std::int64_t from_us = time_us_min;  // both ends included
  std::int64_t until_us = time_us_max;
};

// Positions of one player on one tile that came to the same, as the process remembers them that
// answered.
struct RecentClaim {
  PlayerId player;
  ClaimId claim;  // all zeros: it never became one
  TileId tile;
  std::int64_t first_us = 0;  // by which they were judged
  std::int64_t last_us = 0;
  WorldId world = 0;
  std::uint32_t times = 1;             // positions that were answered so; 0: none yet
  Outcome outcome = Outcome::nothing;  // found: no verdict yet; nothing: the spawn was gone
  bool repeat = false;                 // granted before, and told again

  [[nodiscard]] bool is_claim() const noexcept { return claim != ClaimId(); }
};

// Batches that were refused as a whole, unread: whose positions they had was not looked at.
struct ShedSpan {
  std::int64_t from_us = 0;
  std::int64_t until_us = 0;
  std::uint64_t positions = 0;
};

// What one process remembers of a claim or a player, and since when it remembers all.
struct Memory {
  std::vector<RecentClaim> claims;  // newest first. Bound: limits::stories_max
  std::vector<ShedSpan> shed_unread;
  std::int64_t verdicts_since_us = 0;  // what the store decided
  std::int64_t refusals_since_us = 0;  // what was refused from memory
  std::int64_t shed_since_us = 0;      // what was answered `busy`
  bool asked = false;                  // false: no process was asked, only stores
};

// A pick of the roll, in the order of the picks.
struct RollPick {
  std::string table;
  std::uint64_t number = 0;  // below `of`
  std::uint64_t of = 0;      // all weights of what can be drawn
  std::uint64_t weight = 0;  // of what was picked
  std::string picked;        // an item, a table, "nothing", "pool 2", "3 rolls of pool 2", "coin*7"
};

// A row of the ledger, and what else is known of it.
struct GrantFacts {
  Grant row;
  ShardId shard = 0;
  std::optional<std::uint64_t> told_to;  // of its ledger, see ports::StoreInfo
  // Of its spawn: how many had been granted with this one, of how many, and to whom first. 0: that
  // spawn is not on its tile any more. Nothing: not looked for.
  std::optional<std::uint64_t> place;
  std::uint32_t budget = 0;
  std::optional<Grant> first;
  std::vector<RollPick> roll;         // empty, with nothing rolled: see roll_unknown
  std::optional<std::string> rolled;  // the reward that the roll gives
  std::string roll_unknown;           // why the roll cannot be shown
};

// A tile as its store has it now.
struct TileFacts {
  WorldId world = 0;
  TileRow row;
  TimeWindow event;  // of its table, by the rules in force
  bool event_enabled = true;
  std::optional<Grant> last;  // the newest grant of its spawn
  std::uint64_t granted = 0;  // of its spawn
  bool in_world = true;       // its world is one of the event's
  bool in_rollout = true;     // the event is for whoever is asked about
  std::uint32_t rollout_percent = 100;
};

// All that was found.
struct ExplanationFacts {
  Question question;
  std::int64_t now_us = 0;
  std::vector<World> worlds;
  std::vector<GrantFacts> grants;  // newest first
  std::uint64_t grants_count = 0;  // of the player in the time asked for; more than are in `grants`
  std::int64_t back_to_us = time_us_min;  // older rows were not looked at
  std::vector<TileFacts> tiles;           // with a spawn; those that the question and memory name
  Memory memory;
  std::vector<std::string> missing;  // what could not be read, in sentences

  // With no name where the worlds could not be read.
  [[nodiscard]] World world_of(WorldId world) const {
    const auto found = std::find_if(worlds.begin(), worlds.end(),
                                    [world](const World& one) { return one.id == world; });
    return found == worlds.end() ? World{world, {}} : *found;
  }
  // nullptr: it was not read, or nothing lies there.
  [[nodiscard]] const TileFacts* tile_at(WorldId world, TileId tile) const {
    const auto found = std::find_if(tiles.begin(), tiles.end(), [&](const TileFacts& one) {
      return one.world == world && one.row.tile == tile;
    });
    return found == tiles.end() ? nullptr : &*found;
  }
  [[nodiscard]] bool has_grant(ClaimId claim) const {
    return std::any_of(grants.begin(), grants.end(),
                       [&](const GrantFacts& grant) { return grant.row.claim == claim; });
  }
};

// What it came to. The order is that of what is surest: from the ledger, from memory, concluded.
enum class Fate : std::uint8_t {
  granted,
  given_up,  // the ledger says that it is never to be granted
  lost,      // told as granted, and not in the ledger any more
  waiting,   // taken, and not decided yet
  sold_out,
  closed,
  gone,     // its spawn is not on the tile any more
  refused,  // by another rule of the event
  shed,     // answered `busy`
  unseen,   // nothing is known of it
};

[[nodiscard]] constexpr std::string_view name_of(Fate fate) noexcept {
  constexpr std::string_view names[] = {"granted", "given_up", "lost",    "waiting", "sold_out",
                                        "closed",  "gone",     "refused", "shed",    "unseen"};
  return names[static_cast<std::size_t>(fate)];
}

struct Story {
  Fate fate = Fate::unseen;
  bool certain = true;  // false: concluded from what lies there now, nobody saw it
  std::optional<ClaimId> claim;
  std::optional<PlayerId> player;
  std::optional<WorldId> world;
  Tile tile;                       // with a world
  std::int64_t at_us = 0;          // 0: not known
  std::string reward;              // with granted
  std::string rules;               // with granted
  std::optional<bool> told;        // with granted: to those who listen; nothing: not known
  std::string sentence;            // what happened, in one
  std::vector<std::string> lines;  // why, and what is to do
};

struct Explanation {
  std::string answer;              // the sentence of the first story
  bool complete = true;            // all ledgers could be read
  std::vector<Story> stories;      // newest first. At least one. Bound: limits::stories_max
  std::vector<std::string> notes;  // how far back was looked, in sentences
  std::vector<std::string> missing;
};

}  // namespace hunt::model
