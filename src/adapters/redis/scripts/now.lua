local owner, now = string.match(ARGV[1], '^(%x*)|(%d*)$')
now = tonumber(now)
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
