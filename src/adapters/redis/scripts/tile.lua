local there = redis.call('HMGET', KEYS[1], '#', 'e', ARGV[3], 'h')
if owner ~= '' and there[4] ~= owner then return {0, false, false} end
local complete = is_complete(there[1], there[2], tonumber(ARGV[2]))
return {complete and 1 or 0, there[1], there[3]}
