"""The steps of a flight in Redis that must be done in one piece, as Lua scripts.

All keys are on one server: Redis Cluster is not supported.
"""

from __future__ import annotations

CLAIM_MS = 5000  # of a claim that is not renewed
LEASE_MS = 3000  # of a lease that is not renewed
BEAT_MS = 4000  # of a member that sends no heartbeat
OUTCOME_MS = 60_000
POISON_SECONDS = 600
MAX_DEATHS = 5  # of nodes that have just begun an image, and of no others meanwhile
SETTLED_MS = 2000  # a node that lives for so long with an image does not die of it
BETWEEN_MS = LEASE_MS  # from one begin to the next after two suspicious ones


# KEYS: claim, poison, and the hash of results if this server keeps them. ARGV: the flight,
# CLAIM_MS, the field of the result
# Returns poison, claimed or taken; or found, and the result.
CLAIM = """
if KEYS[3] then
  local result = redis.call('HGET', KEYS[3], ARGV[3])
  if result then return {'found', result} end
end
if redis.call('EXISTS', KEYS[2]) == 1 then return 'poison' end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 'claimed' end
return 'taken'
"""

# KEYS: claims. ARGV: CLAIM_MS, then the flight of each claim
# Returns nothing.
RENEW_CLAIMS = """
for number, name in ipairs(KEYS) do
  local flight = ARGV[number + 1]
  local holder = redis.call('GET', name)
  if holder == flight then redis.call('SET', name, flight, 'PX', ARGV[1]) end
end
"""

# KEYS: claim. ARGV: the flight, the done channel
# Returns nothing.
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
  redis.call('PUBLISH', ARGV[2], '')
end
"""

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# A field `at:<node>` of the task, with the time in ms: this node has begun the image, and nothing
# has been heard of it since. It is a suspicion: the node may have died of the image. Most nodes are
# lost for other reasons, so these must be the only ones that were lost meanwhile.
# KEYS: task, lease, lost nodes. ARGV: the attempt, the node, LEASE_MS, the prefix of nodes,
# BETWEEN_MS, MAX_DEATHS, or 0 for an image that is above suspicion
# Returns gone, cancelled, stale, poison, later or begun.
BEGIN = f"""
{_NOW}
local task = redis.call('HMGET', KEYS[1], 'attempt', 'cancelled')
if not task[1] then return 'gone' end
if task[2] then return 'cancelled' end
if task[1] ~= ARGV[1] then return 'stale' end
local suspicions, deaths, latest = 0, 0, 0
local fields = redis.call('HGETALL', KEYS[1])
for number = 1, #fields, 2 do
  local node = string.match(fields[number], '^at:(.+)$')
  if node then
    suspicions = suspicions + 1
    latest = math.max(latest, tonumber(fields[number + 1]))
    if redis.call('EXISTS', ARGV[4] .. node) == 0 then deaths = deaths + 1 end
  end
end
local lost = tonumber(redis.call('GET', KEYS[3]) or 0)
redis.call('HSETNX', KEYS[1], 'lost_before', lost)
lost = lost - redis.call('HGET', KEYS[1], 'lost_before')
local most = tonumber(ARGV[6])
if most > 0 and deaths >= most and lost <= deaths then return 'poison' end
if suspicions > 1 and now - latest < tonumber(ARGV[5]) then return 'later' end
redis.call('HSET', KEYS[1], 'at:' .. ARGV[2], now)
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 'begun'
"""

# KEYS: task, blob. ARGV: the attempt, the image, how many ms both are kept
# Returns nothing.
SEND = """
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('HSET', KEYS[1], 'attempt', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
"""

# KEYS: task, blob. ARGV: `stop` to stop the node that reads it, otherwise empty; the flight; the
# channel
# Returns nothing.
CANCEL = """
if redis.call('EXISTS', KEYS[1]) == 0 then return end
redis.call('HSET', KEYS[1], 'cancelled', ARGV[1])
redis.call('DEL', KEYS[2])
if ARGV[1] == 'stop' then redis.call('PUBLISH', ARGV[3], ARGV[2]) end
"""

# KEYS: task, lease. ARGV: the attempt, the node, LEASE_MS, SETTLED_MS
# Returns gone, cancelled, stale or held.
RENEW = f"""
{_NOW}
local task = redis.call('HMGET', KEYS[1], 'attempt', 'cancelled')
if not task[1] then return 'gone' end
if task[2] == 'stop' then return 'cancelled' end
if task[1] ~= ARGV[1] then return 'stale' end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
local at = redis.call('HGET', KEYS[1], 'at:' .. ARGV[2])
if at and now - at >= tonumber(ARGV[4]) then redis.call('HDEL', KEYS[1], 'at:' .. ARGV[2]) end
return 'held'
"""

# KEYS: task, lease, outcome, claim, blob. ARGV: the attempt, the outcome, OUTCOME_MS, the flight,
# the channel of the front end, the done channel, 1 if the flight has ended, the node, what the
# front end hears
# Returns 1, or 0 if the flight is at another attempt.
FINISH = """
local attempt = redis.call('HGET', KEYS[1], 'attempt')
if attempt and attempt ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'at:' .. ARGV[8])
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
redis.call('PUBLISH', ARGV[5], ARGV[9])
if ARGV[7] == '1' then
  redis.call('DEL', KEYS[1], KEYS[5])
  if redis.call('GET', KEYS[4]) == ARGV[4] then redis.call('DEL', KEYS[4]) end
  redis.call('PUBLISH', ARGV[6], '')
end
return 1
"""

# KEYS: the own heartbeat, the own index, the index of nodes, the index of front ends, lost nodes.
# ARGV: the own id, the heartbeat as JSON, BEAT_MS, the prefix of nodes, the prefix of front ends
# Returns the heartbeats of all nodes, and of all front ends.
BEAT = """
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('SADD', KEYS[2], ARGV[1])
local function living(index, prefix)
  local found, lost = {}, 0
  for _, id in ipairs(redis.call('SMEMBERS', index)) do
    local beat = redis.call('GET', prefix .. id)
    if beat then found[#found + 1] = beat else lost = lost + redis.call('SREM', index, id) end
  end
  return found, lost
end
local nodes, lost = living(KEYS[3], ARGV[4])
if lost > 0 then redis.call('INCRBY', KEYS[5], lost) end
local fronts = living(KEYS[4], ARGV[5])
return {nodes, fronts}
"""
