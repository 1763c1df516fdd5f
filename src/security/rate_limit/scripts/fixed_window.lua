-- A window that begins with its first request. The key holds when that was, and how much is spent since.
local limit, window, keep = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local kept = redis.call('HMGET', KEYS[1], 'start', 'used')
local used = tonumber(kept[2]) or 0

-- A start in the future was written before the clock was set back.
local start = math.min(tonumber(kept[1]) or now, now)
if used == 0 or now - start >= window then
  start, used = now, 0
end

local allowed = used < limit
if allowed then
  used = used + 1
end

-- Lua would write so large a number as 1.8e+15.
redis.call('HSET', KEYS[1], 'start', string.format('%.0f', start), 'used', used)
redis.call('EXPIRE', KEYS[1], keep)
-- More is spent than there is, where the rule has been tightened since.
return { allowed and 1 or 0, math.max(limit - used, 0), start + window, now }
