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
  local held, spend, granted = L.open[asked.id], L.recent[asked.id], nil
  L.open[asked.id] = nil
  L.number = L.number + 1
  if held then
    deduct(asked.bill, L.now)
    learn(held)
    granted = held.number
  elseif spend and spend.lapsed then
    deduct(math.max(0, asked.bill - spend.bill), L.now)
    L.lost = L.lost - spend.bill
    granted = spend.granted
  else
    deduct(asked.bill, L.now)
  end
  L.spent = L.spent + asked.bill
  L.recent[asked.id] = { bill = asked.bill, granted = granted or L.number, ended = L.number, lapsed = false }
  return granted
end

local function past(first)
  return L.now < first and 0 or math.floor((L.now - first) / TICK) + 1
end

local function set_grid(next_tick, tick_from)
  L.next_tick, L.tick_from, L.grid = next_tick, tick_from, received
end

local function raise(granted)
  local earliest = sent + asked.refill_in
  if earliest <= received then earliest = earliest + TICK end
  local first = earliest + received - sent + TICK_MARGIN
  local ticks = past(first)
  local balance, bills = math.min(MINUTES * L.rate, asked.balance + L.rate * ticks), 0
  for id, spend in pairs(L.recent) do
    if id ~= asked.id and spend.ended > granted then bills = bills + spend.bill end
  end
  balance = balance - bills
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

local granted = close()
local steady = L.rate == asked.rate
if received >= L.heard then
  L.rate, L.heard = asked.rate, received
  L.balance = math.min(L.balance, capacity)
end
if granted and granted >= L.forgotten then raise(granted) end
if L.known then lower(steady) end
forget()
return reply({})
