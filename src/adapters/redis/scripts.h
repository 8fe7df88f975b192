// The scripts that keep the cache's rules inside Redis, where they are atomic (PROTOCOLS 6).
//
// Not a cache: redis_cache.h sends them and reads what they return. Reading needs none: HGETALL is
// atomic, too, and a fifth of the work (entry.h judges it by the same rules). One hash per chunk:
//   #    exp_ms|epoch|rows   the fill: until when it holds by the server's clock, of which epoch
//   x,y  V|at_ms|row         a change since, when it was written
//   e    the greatest epoch of the changes there, so that one look tells a complete entry
//   l    until when (ms) somebody has the lease
//   h    of which hunt all that is; of another one it is thrown away
// Each script takes the key and, first, "hunt|time": of which hunt it is, empty for none, and the
// time to go by, empty for the server's own.
#pragma once
#include <string>
#include <string_view>

namespace hunt::redis {

struct Script {
  std::string text;
  std::string sha1;
  std::string load;  // the SCRIPT LOAD command
};

// now, epoch_min, lease_ms, refresh_ms -> {given, now}. Gives the lease of an entry that is not
// complete, or due for a refresh, to whoever asks first.
[[nodiscard]] const Script& lease_script();
// now, exp_ms, epoch, kept_ms, life_ms, rows, {"x,y", V}… of the rows -> {accepted, changes
// dropped}
[[nodiscard]] const Script& fill_script();
// A fill that has ended goes: it must not be kept until the clock is set back.
// now, kept_ms, "x,y", V, epoch, row -> 1 when written, 0 when older than what is there
[[nodiscard]] const Script& update_script();
// Without a time: id, stores -> {id, stores} of whose hunt the keys are; the first who asks.
[[nodiscard]] const Script& owner_script();
// now, epoch_min, "x,y" -> {complete, fill or nothing, change or nothing}
[[nodiscard]] const Script& tile_script();

}  // namespace hunt::redis
