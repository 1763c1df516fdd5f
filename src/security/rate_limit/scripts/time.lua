-- Before each of the three scripts: the moment of the charge by the one clock that all replicas have in common, in
-- microseconds since 1970, which Lua's numbers hold exactly. The tests put a clock of their own here.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
