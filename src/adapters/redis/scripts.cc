#include "adapters/redis/scripts.h"

#include <initializer_list>

#include "adapters/redis/message.h"
#include "adapters/redis/sha1.h"
#include "model/limits.h"
#include "model/outside.h"

namespace hunt::redis {

// Each is a file of scripts/ (hunt_embed() of cmake/hunt.cmake), some of them the beginning of
// others.
extern const char scripts_now_lua[];
extern const char scripts_claim_lua[];
extern const char scripts_complete_lua[];
extern const char scripts_lease_lua[];
extern const char scripts_fill_lua[];
extern const char scripts_update_lua[];
extern const char scripts_tile_lua[];
extern const char scripts_owner_lua[];

namespace {

// 2^53 and 2^13: what numbers may be (model/limits.h); 30,000: the life of a chunk; 5,000: of a
// lease. What is above was not written by these scripts, or before the clock was set back.
static_assert(limits::epoch_max == 8'191 && limits::chunk_life_ns == 30'000'000'000 &&
              limits::cache_lease_ns_max == 5'000'000'000);

Script make(std::initializer_list<std::string_view> parts) {
  Script script;
  for (const auto part : parts) script.text.append(part);
  script.sha1 = sha1_hex(script.text);
  CommandWriter load(3);
  script.load = load.add("SCRIPT").add("LOAD").add(script.text).take();
  return script;
}

}  // namespace

const Script& lease_script() {
  static const Script script =
      make({scripts_now_lua, scripts_claim_lua, scripts_complete_lua, scripts_lease_lua});
  return script;
}

const Script& fill_script() {
  static const Script script = make({scripts_now_lua, scripts_claim_lua, scripts_fill_lua});
  return script;
}

const Script& update_script() {
  static const Script script = make({scripts_now_lua, scripts_claim_lua, scripts_update_lua});
  return script;
}

const Script& owner_script() {
  static const Script script = make({scripts_owner_lua});
  return script;
}

const Script& tile_script() {
  static const Script script = make({scripts_now_lua, scripts_complete_lua, scripts_tile_lua});
  return script;
}

}  // namespace hunt::redis
