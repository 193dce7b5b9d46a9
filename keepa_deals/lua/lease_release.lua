-- Give a lease back, if it is still that of the token's owner.
-- KEYS: 1 the lease
-- ARGV: 1 token
-- Returns 1 when deleted, 0 when the lease is gone or somebody else's.
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
