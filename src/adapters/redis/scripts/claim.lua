-- What another hunt wrote there goes, whole.
if owner ~= '' and redis.call('HGET', KEYS[1], 'h') ~= owner then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'h', owner)
end
