"""The steps of a flight in Redis that must be done in one piece, as Lua scripts.

All keys are on one server: Redis Cluster is not supported.
"""

from __future__ import annotations

CLAIM_MS = 5000  # of a claim that is not renewed
LEASE_MS = 3000  # of a lease that is not renewed
BEAT_MS = 4000  # of a member that sends no heartbeat
OUTCOME_MS = 60_000
POISON_SECONDS = 600
MAX_BEGINS = 3  # nodes that may be lost while they have one image


# KEYS: claim, poison. ARGV: the flight, CLAIM_MS
# Returns poison, claimed or taken.
CLAIM = """
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
  if not holder or holder == flight then redis.call('SET', name, flight, 'PX', ARGV[1]) end
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

# KEYS: task, lease. ARGV: the attempt, the node, LEASE_MS, MAX_BEGINS
# Returns gone, cancelled, stale, poison or begun.
BEGIN = """
local task = redis.call('HMGET', KEYS[1], 'attempt', 'cancelled')
if not task[1] then return 'gone' end
if task[2] then return 'cancelled' end
if task[1] ~= ARGV[1] then return 'stale' end
if redis.call('HINCRBY', KEYS[1], 'begins', 1) > tonumber(ARGV[4]) then return 'poison' end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 'begun'
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

# KEYS: task, lease. ARGV: the attempt, the node, LEASE_MS
# Returns gone, cancelled, stale or held.
RENEW = """
local task = redis.call('HMGET', KEYS[1], 'attempt', 'cancelled')
if not task[1] then return 'gone' end
if task[2] == 'stop' then return 'cancelled' end
if task[1] ~= ARGV[1] then return 'stale' end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 'held'
"""

# KEYS: task, lease, outcome, claim, blob. ARGV: the attempt, the outcome, OUTCOME_MS, the flight,
# the channel of the front end, the done channel, 1 if the flight has ended
# Returns 1, or 0 if the flight is at another attempt.
FINISH = """
local attempt = redis.call('HGET', KEYS[1], 'attempt')
if attempt and attempt ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
redis.call('PUBLISH', ARGV[5], ARGV[2])
if ARGV[7] == '1' then
  redis.call('DEL', KEYS[1], KEYS[5])
  if redis.call('GET', KEYS[4]) == ARGV[4] then redis.call('DEL', KEYS[4]) end
  redis.call('PUBLISH', ARGV[6], '')
end
return 1
"""

# KEYS: the own heartbeat, the own index, the index of nodes, the index of front ends.
# ARGV: the own id, the heartbeat as JSON, BEAT_MS, the prefix of nodes, the prefix of front ends
# Returns the heartbeats of all nodes, and of all front ends.
BEAT = """
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('SADD', KEYS[2], ARGV[1])
local function living(index, prefix)
  local found = {}
  for _, id in ipairs(redis.call('SMEMBERS', index)) do
    local beat = redis.call('GET', prefix .. id)
    if beat then found[#found + 1] = beat else redis.call('SREM', index, id) end
  end
  return found
end
return {living(KEYS[3], ARGV[4]), living(KEYS[4], ARGV[5])}
"""
