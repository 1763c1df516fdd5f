-- At most so many in any window whatever: the moment of each request, the oldest first.
-- A list and not a sorted set: requests come in order, and two of one microsecond are two.
local limit, window, keep = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local present = string.format('%.0f', now)

-- What lies in the future was written before the clock was set back: it is moved to the present.
local moved = 0
while (tonumber(redis.call('LINDEX', KEYS[1], -1)) or now) > now do
  redis.call('RPOP', KEYS[1])
  moved = moved + 1
end
for _ = 1, moved do
  redis.call('RPUSH', KEYS[1], present)
end

while now - (tonumber(redis.call('LINDEX', KEYS[1], 0)) or now) >= window do
  redis.call('LPOP', KEYS[1])
end

local used = redis.call('LLEN', KEYS[1])
local allowed = used < limit
if allowed then
  redis.call('RPUSH', KEYS[1], present)
  used = used + 1
end

redis.call('EXPIRE', KEYS[1], keep)
local oldest = tonumber(redis.call('LINDEX', KEYS[1], 0))
return { allowed and 1 or 0, math.max(limit - used, 0), oldest + window, now }
