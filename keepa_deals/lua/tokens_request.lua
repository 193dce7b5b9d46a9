-- Grant a call of at most `cost` tokens and reserve them, or say when, or that it never can be.
-- Asked: id, installation, purpose, cost, timeout
-- Returns {permit = lapses} | {wait = until, reason} | {limit} | {unknown = true}
local live, key = asked.purpose == 'live', asked.installation .. '|' .. asked.purpose
if not L.known or L.now - L.heard > STALE then
  reserve(asked.id, asked.installation, 'balance', 0, asked.timeout)
  return reply({ unknown = true })
end
local p = position(key, asked.timeout)
local limit = live and MINUTES * p.rate or most_affordable(p)
if asked.cost > limit then
  L.line[key] = nil
  return reply({ limit = limit })
end
local reason = hindrance(p, asked.cost, live)
if not reason then
  L.line[key] = nil
  local lapses = reserve(asked.id, asked.installation, asked.purpose, asked.cost, asked.timeout)
  local owed = live and L.owed[asked.installation]
  if owed then owe(asked.installation, owed.tokens - asked.cost) end
  return reply({ permit = lapses })
end
local instant = first_instant(p, asked.cost, live) + TICK_MARGIN
if not live then
  local place = L.line[key]
  if not place then
    L.number = L.number + 1
    place = { number = L.number }
  end
  place.cost, place['until'] = asked.cost, instant
  place.lapses = math.max(instant + AFTER_INSTANT, L.now + AFTER_ASKING)
  L.line[key] = place
end
return reply({ wait = instant, reason = reason })
