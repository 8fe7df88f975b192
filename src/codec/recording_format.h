// What the writer and the reader of a block's events agree on. Internal to them.
//
//   raw:    sizes of the four columns (numbers) | events | who | moves | jumps
//   event:  code u8, then numbers; `t` is the time since the event before, texts and players are
//           numbers from 0, each told once before it is used
//     player  pseudonym, 16 bytes
//     text    size, bytes
//     batch   t, server less the one before (signed), way, world, count
//     claim   t, outcome, world, x, y (signed), player, claim's pseudonym 16 bytes, reward, rules
//             (texts), ledger cursor, at_us (signed)
//     loot    t, world, x, y (signed), version, spawn, table (text), budget, opens, closes, buried
//             (signed, microseconds; of the first two the ends of time as 0 after a byte 0, others
//             after a byte 1), sold out
//     lost    t, batches
//   who:    of each position: the player's number less that of the one before plus one (signed)
//   moves:  (dx + 1) * 3 + dy + 1 where both are -1 to 1 since the player's last position, else 9;
//           10 more for a dig
//   jumps:  x, y less the last ones (signed), for each 9
#pragma once
#include <cstdint>

namespace hunt::codec {

enum class EventCode : std::uint8_t { player, text, batch, claim, loot, lost };

inline constexpr int move_jump = 9;
inline constexpr int move_dig = 10;

}  // namespace hunt::codec
