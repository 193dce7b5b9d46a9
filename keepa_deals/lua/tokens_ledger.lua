-- The token ledger inside Redis: the state and arithmetic of token_ledger.py and token_budget.py, name for name.
-- Stands before each of the other tokens_*.lua. Times in milliseconds, amounts in whole tokens.
-- KEYS: 1 the ledger (JSON)
-- ARGV: 1 what is asked (JSON); `now` is the caller's clock, `server_time` whether Redis' own counts instead
local TICK, TICK_MARGIN, MINUTES, PAGE = 60000, 1000, 60, 5
local GRACE, MOST_STEPS = 60000, 2000
local CALL_TIMEOUT, OWED, STALE, SET_BACK, GRID = 250000, 120000, 1800000, 60000, 600000
local AFTER_INSTANT, AFTER_ASKING, MEAN_OVER, HOUR, LATE = 90000, 120000, 200, 3600000, 600000
local KEPT, FORMAT = 86400000, 1

local asked = cjson.decode(ARGV[1])
local L

local function fresh()
  return {
    now = 0, number = 0, doubted = 0, known = false, balance = 0, next_tick = 0, tick_from = 0, charged = 0, deducted = 0,
    rate = 0, heard = 0, grid = 0, open = {}, lapsed = {}, plans = {}, owed = {}, line = {}, learned = {}, drained = {},
    since = 0, spent = 0, lost = 0, refused = 0, server = '', format = FORMAT,
  }
end

local function doubt()
  L.known = false
  L.number = L.number + 1
  L.doubted = L.number
end

local function load()
  local text = redis.call('GET', KEYS[1])
  local read, state = pcall(cjson.decode, text or '')
  L = (read and type(state) == 'table' and state.format == FORMAT) and state or fresh()
  local told, info = pcall(redis.call, 'INFO', 'server')
  local server = told and type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
  if L.server ~= server then
    doubt()
    L.server = server
  end
end

local function save()
  redis.call('SET', KEYS[1], cjson.encode(L), 'PX', KEPT)
end

local function lapse_time(plan) return plan.due + 3 * plan.every end
local function settled(plan) return plan.due + math.min(GRACE, math.floor(plan.every / 4)) end

local function awaited(plan, now)
  return settled(plan) > now and settled(plan) or lapse_time(plan)
end

local function total(charges)
  local sum = 0
  for _, charge in ipairs(charges) do sum = sum + charge.tokens end
  return sum
end

-- The rule (token_budget.py)

local function ticks_by(p, instant)
  if instant < p.next_tick then return 0 end
  return math.floor((instant - p.next_tick) / TICK) + 1
end

local function refilled(p, ticks)
  if ticks == 0 then return p.balance end
  return math.min(MINUTES * p.rate, p.balance + p.charged + p.rate * ticks) - p.charged
end

local function dues(p)
  if #p.plans == 0 then return { { p.at, PAGE } } end
  if #p.plans == 1 then return { { math.max(p.plans[1].due, p.at), p.plans[1].cost } } end
  local last_first, longest = 0, 0
  for _, plan in ipairs(p.plans) do
    last_first = math.max(last_first, plan.due, p.at)
    longest = math.max(longest, plan.every)
  end
  local horizon, all = last_first + longest + 2 * TICK, {}
  for _, plan in ipairs(p.plans) do
    local due = plan.due
    if due < p.at then
      all[#all + 1] = { p.at, plan.cost }
      due = due + plan.every * (math.floor((p.at - due) / plan.every) + 1)
    end
    while due <= horizon do
      all[#all + 1] = { due, plan.cost }
      due = due + plan.every
    end
  end
  table.sort(all, function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end)
  return all
end

local function covered(p, cost)
  local taken = total(p.open) + total(p.owed) + total(p.ahead) + cost
  local demanded = p.held_back
  for _, due in ipairs(dues(p)) do
    demanded = demanded + due[2]
    local ticks = ticks_by(p, due[1])
    local in_the_air = ticks_by(p, math.min(due[1], p.at + p.timeout))
    if refilled(p, in_the_air) - taken + p.rate * (ticks - in_the_air) < demanded then return false end
  end
  return true
end

local function smallest(p, live)
  local least = math.huge
  for _, charge in ipairs(p.open) do least = math.min(least, charge.tokens) end
  if not live then
    if #p.owed > 0 then least = math.min(least, PAGE) end
    for _, charge in ipairs(p.owed) do least = math.min(least, charge.tokens) end
    for _, charge in ipairs(p.ahead) do least = math.min(least, charge.tokens) end
  end
  return least
end

local function hindrance(p, cost, live)
  local available = p.balance - total(p.open)
  local free = available
  if not live then free = free - total(p.owed) - total(p.ahead) end
  if free <= 0 then
    if available > 0 and not live then return 'others are before it in line' end
    return 'the balance is used up'
  end
  if not live and #p.owed > 0 and free < cost then return 'a live update is under way' end
  if free - cost + smallest(p, live) <= 0 then return 'a call in the air could be refused' end
  if not live and not covered(p, cost) then return 'the next live update needs the tokens' end
  return nil
end

local function fall_due(p, name)
  local pending, tokens = {}, 0
  for _, charge in ipairs(p[name]) do
    if charge.by > p.at then
      pending[#pending + 1] = charge
    else
      tokens = tokens + charge.tokens
    end
  end
  p[name] = pending
  return tokens
end

local function step(p)
  local before, at = p.at, p.next_tick
  for _, name in ipairs({ 'open', 'owed', 'ahead' }) do
    for _, charge in ipairs(p[name]) do at = math.min(at, charge.by) end
  end
  for _, plan in ipairs(p.plans) do at = math.min(at, awaited(plan, before)) end
  p.at = math.max(at, before)
  if p.next_tick <= p.at then
    p.balance, p.next_tick, p.charged = refilled(p, 1), p.next_tick + TICK, 0
  end
  p.balance = p.balance - fall_due(p, 'open') - fall_due(p, 'owed') - fall_due(p, 'ahead')
  local plans, begun = {}, 0
  for _, plan in ipairs(p.plans) do
    if awaited(plan, before) <= p.at then
      begun = begun + plan.cost
      local intervals = settled(plan) > before and 1 or 4
      plan = { due = plan.due + plan.every * intervals, every = plan.every, cost = plan.cost }
    end
    plans[#plans + 1] = plan
  end
  p.plans = plans
  if begun > 0 then p.owed[#p.owed + 1] = { tokens = begun, by = p.at + TICK } end
end

local function first_instant(p, cost, live)
  if live then p.owed, p.ahead, p.plans = {}, {}, {} end
  for _ = 1, MOST_STEPS do
    step(p)
    local settling = false
    for _, plan in ipairs(p.plans) do
      if plan.due <= p.at and p.at < settled(plan) then settling = true end
    end
    if not settling and not hindrance(p, cost, live) then break end
  end
  return p.at
end

local function thousandths_per_tick(plans)
  local sum = 0
  for _, plan in pairs(plans) do sum = sum + math.floor(1000 * plan.cost * TICK / plan.every) end
  return sum
end

local function most_affordable(p)
  if p.rate <= 0 or thousandths_per_tick(p.plans) >= 1000 * p.rate then return 0 end
  local spare = MINUTES * p.rate - p.held_back
  if #p.plans == 0 then return spare - PAGE end
  local flight, in_the_air = math.ceil(p.timeout / TICK), 0
  for _, plan in ipairs(p.plans) do
    in_the_air = in_the_air + plan.cost * (2 + math.ceil(TICK / plan.every))
  end
  local within_the_balance = spare - in_the_air - 4 * p.rate
  if #p.plans > 1 then return within_the_balance end
  local plan = p.plans[1]
  local quiet_ticks = math.floor(plan.every / TICK) - 2
  local lost = math.max(plan.cost, p.rate * (1 + flight))
  local overdrawn = spare - plan.cost - lost + p.rate * quiet_ticks
  return quiet_ticks > 0 and math.max(within_the_balance, overdrawn) or within_the_balance
end

-- The ledger (token_ledger.py)

local function count_ticks(till)
  if L.known and L.next_tick <= till then
    local ticks = math.floor((till - L.next_tick) / TICK) + 1
    L.balance = refilled(L, ticks)
    L.next_tick = L.next_tick + TICK * ticks
    L.tick_from = L.tick_from + TICK * ticks
    if till < L.tick_from then L.charged = 0 end
  end
end

local function deduct(tokens, at)
  L.balance, L.deducted = L.balance - tokens, L.deducted + tokens
  if at >= L.tick_from then L.charged = L.charged + tokens end
end

local function lapse(id, held)
  count_ticks(held.lapses)
  deduct(held.most, held.lapses)
  L.lost = L.lost + held.most
  L.open[id], L.lapsed[id] = nil, held
end

local function shift(by)
  for _, name in ipairs({ 'now', 'next_tick', 'tick_from', 'heard', 'grid', 'since' }) do L[name] = L[name] + by end
  for _, calls in ipairs({ L.open, L.lapsed }) do
    for _, held in pairs(calls) do held.granted, held.lapses = held.granted + by, held.lapses + by end
  end
  for _, place in pairs(L.line) do place['until'], place.lapses = place['until'] + by, place.lapses + by end
  for _, owed in pairs(L.owed) do owed.by = owed.by + by end
  for _, plan in pairs(L.plans) do plan.due = plan.due + by end
end

local function advance(now)
  if now < L.now - SET_BACK then shift(now - L.now) end
  now = math.max(now, L.now)
  local lapsed = {}
  for id, held in pairs(L.open) do
    if held.lapses <= now then lapsed[#lapsed + 1] = id end
  end
  table.sort(lapsed, function(a, b)
    local one, other = L.open[a].lapses, L.open[b].lapses
    return one < other or (one == other and a < b)
  end)
  for _, id in ipairs(lapsed) do lapse(id, L.open[id]) end
  count_ticks(now)
  L.now = now
  for id, held in pairs(L.lapsed) do
    if held.lapses + LATE <= now then L.lapsed[id] = nil end
  end
  for name, owed in pairs(L.owed) do
    if owed.by <= now then L.owed[name] = nil end
  end
  for name, plan in pairs(L.plans) do
    if lapse_time(plan) <= now then L.plans[name] = nil end
  end
  for key, place in pairs(L.line) do
    if place.lapses <= now then L.line[key] = nil end
  end
  for hour in pairs(L.drained) do
    if tonumber(hour) <= math.floor(now / HOUR) - 24 then L.drained[hour] = nil end
  end
end

local function position(key, timeout)
  local own, worst = L.line[key], 0
  for _, tokens in pairs(L.drained) do worst = math.max(worst, tokens) end
  local p = {
    at = L.now, balance = L.balance, next_tick = L.next_tick, rate = L.rate, timeout = timeout,
    charged = L.charged,
    open = {}, owed = {}, ahead = {}, plans = {},
    held_back = math.min(worst, math.floor(MINUTES * L.rate / 4)),
  }
  for _, held in pairs(L.open) do
    if held.most > 0 then p.open[#p.open + 1] = { tokens = held.most, by = held.lapses } end
  end
  for _, owed in pairs(L.owed) do p.owed[#p.owed + 1] = owed end
  for _, place in pairs(L.line) do
    if not own or place.number < own.number then
      p.ahead[#p.ahead + 1] = { tokens = place.cost, by = math.max(place['until'], L.now) + timeout }
    end
  end
  for _, plan in pairs(L.plans) do p.plans[#p.plans + 1] = plan end
  return p
end

local function reserve(id, installation, purpose, most, timeout)
  L.number = L.number + 1
  L.open[id] = {
    installation = installation, purpose = purpose, most = most,
    granted = L.now, lapses = L.now + timeout, number = L.number, before = L.deducted,
  }
  return L.now + timeout
end

local function owe(installation, tokens)
  L.owed[installation] = tokens > 0 and { tokens = tokens, by = L.now + OWED } or nil
end

-- The caller's clock and the ledger's differ by `offset`; all that comes in is moved by it, all that goes out back.
load()
local time = asked.now
if asked.server_time then
  local server = redis.call('TIME')
  time = server[1] * 1000 + math.floor(server[2] / 1000)
end
local offset = time - asked.now
if time < L.now and time >= L.now - SET_BACK then offset = offset + L.now - time end
advance(time)
local function reply(answer)
  answer.at = L.now
  answer.offset = offset
  save()
  return cjson.encode(answer)
end
