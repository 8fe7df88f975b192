#include "adapters/redis/scripts.h"

#include "adapters/redis/message.h"
#include "adapters/redis/sha1.h"

namespace hunt::redis {

namespace {

constexpr std::string_view now_lua = R"(
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
)";

constexpr std::string_view complete_lua = R"(
local function is_complete(fill, changed, epoch_min)
  if not fill then return false end
  local exp, epoch = string.match(fill, '^(%d+)|(%d+)|')
  exp, epoch = tonumber(exp), tonumber(epoch)
  if not exp then return false end
  return now < exp and epoch >= epoch_min and (tonumber(changed) or 0) <= epoch, exp
end
)";

constexpr std::string_view lease_lua = R"(
local epoch_min, lease, refresh = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local there = redis.call('HMGET', KEYS[1], '#', 'e', 'l')
local complete, exp = is_complete(there[1], there[2], epoch_min)
local wanted = not complete or exp - now < refresh
if not wanted or (tonumber(there[3]) or 0) > now then return {0, now} end
redis.call('HSET', KEYS[1], 'l', string.format('%.0f', now + lease))
redis.call('PEXPIRE', KEYS[1], 40000)
return {1, now}
)";

// What cannot be read in there counts as not there: who writes puts it right.
//
// The fill is written before changes go, so that no failure in between leaves an older fill without
// the change that corrects it.
constexpr std::string_view fill_lua = R"(
local exp, epoch = tonumber(ARGV[2]), tonumber(ARGV[3])
if now >= exp or epoch == 0 then return {0, 0} end
local hash = redis.call('HGETALL', KEYS[1])
local changes = {}
for i = 1, #hash, 2 do
  local field = hash[i]
  if field == '#' then
    local old_exp, old_epoch = string.match(hash[i + 1], '^(%d+)|(%d+)|')
    old_exp, old_epoch = tonumber(old_exp), tonumber(old_epoch)
    if old_exp and now < old_exp
      and (epoch < old_epoch or (epoch == old_epoch and exp <= old_exp)) then
      return {0, 0}
    end
  elseif field ~= 'e' and field ~= 'l' then
    changes[#changes + 1] = i
  end
end
local known, gone, latest = {}, {'l', 'e'}, 0
if #changes > 0 then
  for i = 7, #ARGV, 2 do known[ARGV[i]] = tonumber(ARGV[i + 1]) end
end
for _, i in ipairs(changes) do
  local order, at = string.match(hash[i + 1], '^(%d+)|(%d+)|')
  order = tonumber(order) or -1
  if order > (known[hash[i]] or -1) and now - tonumber(at) < tonumber(ARGV[5]) then
    latest = math.max(latest, math.floor(order / 1099511627776))
  else
    gone[#gone + 1] = hash[i]
  end
end
redis.call('HSET', KEYS[1], '#', ARGV[2] .. '|' .. ARGV[3] .. '|' .. ARGV[6])
redis.call('HDEL', KEYS[1], unpack(gone))
if latest > 0 then redis.call('HSET', KEYS[1], 'e', string.format('%.0f', latest)) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {1, #gone - 2}
)";

constexpr std::string_view update_lua = R"(
local order, epoch = tonumber(ARGV[4]), tonumber(ARGV[5])
local there = redis.call('HMGET', KEYS[1], ARGV[3], 'e')
local there_order = there[1] and tonumber(string.match(there[1], '^(%d+)|')) or -1
if there_order >= order then return 0 end
local latest = math.max(epoch, tonumber(there[2]) or 0)
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4] .. '|' .. string.format('%.0f', now) .. '|' .. ARGV[6],
           'e', string.format('%.0f', latest))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
)";

constexpr std::string_view tile_lua = R"(
local there = redis.call('HMGET', KEYS[1], '#', 'e', ARGV[3])
local complete = is_complete(there[1], there[2], tonumber(ARGV[2]))
return {complete and 1 or 0, there[1], there[3]}
)";

Script make(std::string_view first, std::string_view second, std::string_view third = {}) {
  Script script;
  script.text.append(first).append(second).append(third);
  script.sha1 = sha1_hex(script.text);
  CommandWriter load(3);
  script.load = load.add("SCRIPT").add("LOAD").add(script.text).take();
  return script;
}

}  // namespace

const Script& lease_script() {
  static const Script script = make(now_lua, complete_lua, lease_lua);
  return script;
}

const Script& fill_script() {
  static const Script script = make(now_lua, fill_lua);
  return script;
}

const Script& update_script() {
  static const Script script = make(now_lua, update_lua);
  return script;
}

const Script& tile_script() {
  static const Script script = make(now_lua, complete_lua, tile_lua);
  return script;
}

}  // namespace hunt::redis
