-- Take what Keepa said of a call.
-- Asked: id, sent, received, balance, rate (above 0), refill_in, bill
-- Returns {}
local capacity = MINUTES * asked.rate
local received = math.min(asked.received + offset, L.now)
local sent = asked.sent + offset
if received < sent then sent = received - CALL_TIMEOUT end

local function learn(held)
  if held.most == 0 then return end
  if asked.bill == 0 and asked.balance <= 0 then
    L.refused = L.refused + 1
    return
  end
  local mean = L.learned[held.purpose] or { calls = 0, billed = 0, most = 0 }
  if mean.calls >= MEAN_OVER then
    mean.calls, mean.billed, mean.most = math.floor(mean.calls / 2), math.floor(mean.billed / 2), math.floor(mean.most / 2)
  end
  mean.calls, mean.billed, mean.most = mean.calls + 1, mean.billed + asked.bill, mean.most + held.most
  L.learned[held.purpose] = mean
end

local function close()
  local held, lapsed, own = L.open[asked.id], L.lapsed[asked.id], asked.bill
  L.open[asked.id], L.lapsed[asked.id] = nil, nil
  L.spent = L.spent + asked.bill
  if lapsed then
    L.lost = L.lost - lapsed.most
    own = math.max(asked.bill, lapsed.most)
  end
  deduct(lapsed and own - lapsed.most or own, L.now)
  if held then learn(held) end
  local call = held or lapsed
  return call and call.number > L.doubted and L.deducted - call.before - own or nil
end

local function past(first)
  return L.now < first and 0 or math.floor((L.now - first) / TICK) + 1
end

local function set_grid(next_tick, tick_from)
  L.next_tick, L.tick_from, L.grid = next_tick, tick_from, received
end

local function raise(bills)
  local earliest = sent + asked.refill_in
  if earliest <= received then earliest = earliest + TICK end
  local first = earliest + received - sent + TICK_MARGIN
  local ticks = past(first)
  local balance = math.min(MINUTES * L.rate, asked.balance + L.rate * ticks) - bills
  local next_tick, tick_from = first + TICK * ticks, earliest + TICK * ticks
  local charged = L.now >= tick_from and bills or 0
  if not L.known then
    L.known, L.since, L.balance, L.charged = true, L.now, balance, 0
    set_grid(next_tick, tick_from)
  elseif math.max(next_tick - L.tick_from, L.next_tick - tick_from) < TICK + TICK_MARGIN then
    L.balance, L.charged = math.max(L.balance, balance), math.max(L.charged, charged)
    local narrow = received - sent <= TICK_MARGIN
    local drift = narrow and L.now - L.grid > GRID and TICK_MARGIN or 0
    if next_tick <= L.next_tick + drift then set_grid(next_tick, tick_from) end
  elseif balance >= L.balance + L.rate * math.max(0, math.ceil((next_tick - L.next_tick) / TICK)) then
    L.balance, L.charged = balance, charged
    set_grid(next_tick, tick_from)
  end
end

local function lower(steady)
  local first = sent + asked.refill_in
  if received - sent >= TICK - asked.refill_in then first = first - TICK end
  local ticks, in_the_air = past(first), 0
  for _, held in pairs(L.open) do
    if held.granted <= received then in_the_air = in_the_air + held.most end
  end
  local most = asked.balance + L.rate * ticks + in_the_air
  if L.balance <= most then return end
  if steady then
    local hour = string.format('%d', math.floor(L.now / HOUR))
    L.drained[hour] = (L.drained[hour] or 0) + L.balance - most
  end
  local latest = received + asked.refill_in + TICK_MARGIN
  local passed = TICK * math.max(ticks, past(latest))
  L.balance = most
  set_grid(latest + passed, first + passed)
end

local overlapping = close()
local steady = L.rate == asked.rate
if received >= L.heard then
  L.rate, L.heard = asked.rate, received
  L.balance = math.min(L.balance, capacity)
end
if overlapping then raise(overlapping) end
if L.known then lower(steady) end
return reply({})
