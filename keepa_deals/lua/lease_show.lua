-- Tell who holds a lease. Times in milliseconds.
-- KEYS: 1 the lease
-- Returns an empty list when nobody does, else {token, holder, since, ttl, now, progressed}.
local lease = redis.call('HMGET', KEYS[1], 'token', 'holder', 'since', 'progressed')
if not lease[1] then
  return {}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return { lease[1], lease[2] or '', lease[3] or '0', redis.call('PTTL', KEYS[1]), now, lease[4] or '0' }
