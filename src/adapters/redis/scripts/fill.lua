-- What cannot be read in there counts as not there: who writes puts it right.
--
-- The fill is written before changes go, so that no failure in between leaves an older fill without
-- the change that corrects it.
local exp, epoch = tonumber(ARGV[2]), tonumber(ARGV[3])
if now >= exp or epoch == 0 then return {0, 0} end
local hash = redis.call('HGETALL', KEYS[1])
local changes = {}
for i = 1, #hash, 2 do
  local field = hash[i]
  if field == '#' then
    local old_exp, old_epoch = string.match(hash[i + 1], '^(%d+)|(%d+)|')
    old_exp, old_epoch = tonumber(old_exp), tonumber(old_epoch)
    if old_exp and now < old_exp and old_exp - now <= 30000 and old_epoch <= 8191
      and (epoch < old_epoch or (epoch == old_epoch and exp <= old_exp)) then
      return {0, 0}
    end
  elseif field ~= 'e' and field ~= 'l' and field ~= 'h' then
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
  local age = now - (tonumber(at) or 0)
  if order > (known[hash[i]] or -1) and order < 9007199254740992
    and age < tonumber(ARGV[5]) and age > -5000 then
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
