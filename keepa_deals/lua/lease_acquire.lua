-- Take a lease that nobody holds, or whose holder is known to be dead. Times in milliseconds.
-- KEYS: 1 the lease, 2 the set of lease names
-- ARGV: 1 name, 2 token, 3 holder (JSON), 4 time to live, 5 token of the dead holder ("" for none)
-- Returns 1 when taken, 0 when somebody else holds it.
local held = redis.call('HGET', KEYS[1], 'token')
if held and held ~= ARGV[5] then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'token', ARGV[2], 'holder', ARGV[3], 'since', now, 'progressed', now)
redis.call('SADD', KEYS[2], ARGV[1])
return redis.call('PEXPIRE', KEYS[1], ARGV[4])
