// A batch of positions in and its outcomes out: what game servers send and get.
//
// Not the wire form (codec/). Positions of a batch are of one world, from one game server tick.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"
#include "model/tile.h"

namespace hunt::model {

enum class Kind : std::uint8_t { step, dig };

struct Position {
  PlayerId player;
  Tile tile;
  Kind kind = Kind::step;
  std::uint64_t seq = 0;        // per player, from the sender; 0 when not given
  std::int64_t sent_at_us = 0;  // the sender's wall clock; 0 when not given
};

struct Batch {
  WorldId world = 1;
  std::vector<Position> positions;  // Bound: limits::batch_positions_max
  // The stored timestamp of the message that carried it; nothing on ask and HTTP, where the
  // deciding shard's own clock counts (PROTOCOLS 3). Units: wall microseconds.
  std::optional<std::int64_t> as_of_us;
  // When this process took it, monotonic; 0 when it is handled at once.
  std::int64_t received_ns = 0;
  // What the way takes besides, there and back, as whoever took the batch knows it: the HTTP
  // thread; the bus, and in it the wait of what is stored. For the time-line alone.
  std::int64_t front_ns = 0;
  std::int64_t bus_way_ns = 0;
  std::int64_t bus_wait_ns = 0;
};

// What a position, or later its claim, came to. docs/REFERENCE.md says what a game does with each.
enum class Outcome : std::uint8_t {
  nothing,
  hint,
  found,    // provisional: a claim is on its way
  granted,  // the only outcome that is for ever
  sold_out,
  capped,
  cooldown,
  closed,
  rejected,
  expired,
  busy,  // shed or the store cannot answer now; try again after retry_after_ms
};
inline constexpr std::size_t outcome_count = 11;

[[nodiscard]] constexpr std::string_view name_of(Outcome outcome) noexcept {
  constexpr std::string_view names[outcome_count] = {"nothing",  "hint",    "found",    "granted",
                                                     "sold_out", "capped",  "cooldown", "closed",
                                                     "rejected", "expired", "busy"};
  return names[static_cast<std::size_t>(outcome)];
}

[[nodiscard]] constexpr bool is_terminal(Outcome outcome) noexcept {
  return outcome != Outcome::found && outcome != Outcome::busy;
}

// Eight bytes a position, so that answering `nothing` writes one word.
struct PositionOutcome {
  Outcome outcome = Outcome::nothing;
  std::uint16_t distance = 0;     // hint: upper edge of the distance band, in tiles
  std::int32_t claim_index = -1;  // into BatchReply::claims, or -1
};

// The part of an outcome that only claims have.
struct ClaimAnswer {
  ClaimId claim;
  std::string reward;   // only with `granted`, from the ledger: model/reward.h
  bool repeat = false;  // granted before, told again
};

struct BatchReply {
  std::vector<PositionOutcome> outcomes;  // in the order of Batch::positions
  std::vector<ClaimAnswer> claims;
};

}  // namespace hunt::model
