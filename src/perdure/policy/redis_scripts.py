"""What Redis runs: counts one request against several limits, all or nothing, by the server's own clock.

``KEYS`` has a key per limit; ``ARGV`` how many are allowed and the window's length in microseconds, for each in turn.
The answer has, for each, what is left (-1: refused) and in how many microseconds there is more.

A server's clock may be set back, and another server may take over whose clock is behind. Moments of one key never go
back, so a client waits at most as long as the difference; where that is longer than the window, it begins anew.

The `limits` library has such scripts, but goes by the clock of each client machine, counts limits one by one, so that
one may count what the next refuses, and needs a second request for what is left.
"""

from typing import Final

__all__ = ["APPROXIMATE", "EXACT"]

_CLOCK: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function whole(number) return string.format('%.0f', number) end
"""

EXACT: Final = (
    _CLOCK
    + """
local state, refused = {}, false
for i, key in ipairs(KEYS) do
  local allowed, length = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local moment, newest = now, tonumber(redis.call('LINDEX', key, -1))
  if newest and newest > now then
    if newest - now > length then newest = nil else moment = newest end
  end
  if not newest or newest <= moment - length then
    redis.call('DEL', key)
  end
  local oldest = tonumber(redis.call('LINDEX', key, 0))
  while oldest and oldest <= moment - length do
    redis.call('LPOP', key)
    oldest = tonumber(redis.call('LINDEX', key, 0))
  end
  local spare = allowed - redis.call('LLEN', key)
  if spare <= 0 then refused = true end
  state[i] = {moment, length, spare, (oldest or moment) + length - now}
end
local answer = {}
for i, key in ipairs(KEYS) do
  local moment, length, spare, reset = unpack(state[i])
  if not refused then
    redis.call('RPUSH', key, whole(moment))
    redis.call('PEXPIRE', key, whole(math.ceil((moment - now + length) / 1000)))
    spare = spare - 1
  elseif spare <= 0 then
    spare = -1
  end
  answer[2 * i - 1], answer[2 * i] = spare, reset
end
return answer
"""
)
"""A list of moments per key, the oldest first: as `perdure.policy.windows.ExactWindow`."""

APPROXIMATE: Final = (
    _CLOCK
    + """
local state, refused = {}, false
for i, key in ipairs(KEYS) do
  local allowed, length = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local kept = redis.call('HMGET', key, 'window', 'count', 'before')
  local window, count, before = tonumber(kept[1]), tonumber(kept[2]) or 0, tonumber(kept[3]) or 0
  local current, moment = math.floor(now / length), now
  if window and window > current then
    if window - current > 1 then window = nil else current, moment = window, window * length end
  end
  if window == current - 1 then
    before, count = count, 0
  elseif window ~= current then
    before, count = 0, 0
  end
  local left = (current + 1) * length - moment
  local shared = math.floor(before * left / length)
  local spare = allowed - count - shared
  local reset = left
  if count >= allowed then
    reset = left + length - math.floor((allowed * length - 1) / count)
  elseif shared > 0 then
    reset = left - math.floor((shared * length - 1) / before)
  end
  if spare <= 0 then refused = true end
  state[i] = {current, count, before, length, spare, moment - now + reset}
end
local answer = {}
for i, key in ipairs(KEYS) do
  local current, count, before, length, spare, reset = unpack(state[i])
  if not refused then
    redis.call('HSET', key, 'window', whole(current), 'count', count + 1, 'before', before)
    redis.call('PEXPIRE', key, whole(math.ceil(2 * length / 1000)))
    spare = spare - 1
  elseif spare <= 0 then
    spare = -1
  end
  answer[2 * i - 1], answer[2 * i] = spare, reset
end
return answer
"""
)
"""Two counters per key: as `perdure.policy.windows.ApproximateWindow`."""
