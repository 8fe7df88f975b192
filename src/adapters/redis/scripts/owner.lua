-- Nothing but the two fields: a user that may use the cache may use this, too.
local of = redis.call('HMGET', KEYS[1], 'h', 'of')
if of[1] then return {of[1], of[2] or ''} end
redis.call('HSET', KEYS[1], 'h', ARGV[1], 'of', ARGV[2])
return {ARGV[1], ARGV[2]}
