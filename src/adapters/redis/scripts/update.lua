local order, epoch = tonumber(ARGV[4]), tonumber(ARGV[5])
local there = redis.call('HMGET', KEYS[1], ARGV[3], 'e', '#')
local there_order = there[1] and tonumber(string.match(there[1], '^(%d+)|')) or -1
if there_order >= order and there_order < 9007199254740992 then return 0 end
local exp = there[3] and tonumber(string.match(there[3], '^(%d+)|')) or 0
if there[3] and exp <= now then redis.call('HDEL', KEYS[1], '#') end
local latest = tonumber(there[2]) or 0
if not (latest <= 8191) then latest = 0 end
latest = math.max(epoch, latest)
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4] .. '|' .. string.format('%.0f', now) .. '|' .. ARGV[6],
           'e', string.format('%.0f', latest))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
