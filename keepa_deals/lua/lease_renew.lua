-- Give a lease its full time to live again, if it is still the caller's. Times in milliseconds.
-- KEYS: 1 the lease
-- ARGV: 1 token, 2 time to live, 3 time since the pass last made progress
-- Returns 1 when renewed, 0 when the lease is gone or somebody else's.
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'progressed', now - ARGV[3])
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
