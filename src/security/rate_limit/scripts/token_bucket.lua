-- A bucket as one number (GCRA): the moment at which it will be full again.
local limit, interval, keep = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]

-- Never emptier than empty: neither after the clock was set back nor after the rule was changed.
local full_at = tonumber(redis.call('GET', KEYS[1])) or now
full_at = math.min(math.max(full_at, now), now + interval * limit)

-- A token that is only half there is still spent. `fmod`, because a quotient of numbers this large is rounded.
local function spent()
  local part = math.fmod(full_at - now, interval)
  return (full_at - now - part) / interval + (part > 0 and 1 or 0)
end

local allowed = spent() < limit
if allowed then
  full_at = full_at + interval
end

redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'EX', keep)
return { allowed and 1 or 0, math.max(limit - spent(), 0), full_at - interval * math.max(spent() - 1, 0), now }
