local epoch_min, lease, refresh = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local there = redis.call('HMGET', KEYS[1], '#', 'e', 'l')
local complete, exp = is_complete(there[1], there[2], epoch_min)
local wanted = not complete or exp - now < refresh
local held = tonumber(there[3]) or 0
if not wanted or held > now and held - now <= 5000 then return {0, now} end
redis.call('HSET', KEYS[1], 'l', string.format('%.0f', now + lease))
redis.call('PEXPIRE', KEYS[1], 40000)
return {1, now}
