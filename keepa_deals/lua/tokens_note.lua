-- The small moves: release a call, plan, begin or end a live update, leave the line, show the ledger.
-- Asked: what, and for it: release id | plan installation due every cost | begin installation cost
--        | end installation | leave installation purpose | show
-- Returns {refused = true} for a plan that would take over half of the refill, {ledger} for show, else {}
local what = asked.what
if what == 'release' then
  L.open[asked.id] = nil
elseif what == 'plan' then
  local before = L.plans[asked.installation]
  L.plans[asked.installation] = { due = asked.due + offset, every = asked.every, cost = asked.cost }
  if L.known and 2 * thousandths_per_tick(L.plans) > 1000 * L.rate then
    L.plans[asked.installation] = before
    return reply({ refused = true })
  end
elseif what == 'begin' then
  owe(asked.installation, asked.cost)
  local plan = L.plans[asked.installation]
  if plan then
    local late = math.max(0, L.now - plan.due)
    plan.due = plan.due + plan.every * (math.floor(late / plan.every) + 1)
  end
elseif what == 'end' then
  L.owed[asked.installation] = nil
elseif what == 'leave' then
  L.line[asked.installation .. '|' .. asked.purpose] = nil
elseif what == 'show' then
  return reply({ ledger = L })
end
return reply({})
