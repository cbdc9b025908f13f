"""Requests per minute over several front ends: counted in Redis, and taken from there in shares.

A share is a number of requests that this process may accept without asking again. They are counted
when they are taken, so that all front ends together never accept more than the limit; what is not
used is given back after a second. One question is asked at a time, and whatever needs an answer
meanwhile is in the next one. While Redis is away, each process counts for itself.
Imported if cluster.state_url is set.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ocr_cluster.redis_link import RedisAway, RedisLink
from server.users.sliding_windows import MAX_KEPT, WINDOW_SECONDS, RequestRates, standing_of
from server.users.standing import Standing

if TYPE_CHECKING:
    from redis.asyncio import Redis

PARTS = 16  # a share is this part of what is left, so that others have the rest
MOST = 32  # requests in a share
TOGETHER = 100  # users or addresses in one question
IDLE_SECONDS = 1.0  # after which the rest of a share is given back
REFUSED_SECONDS = 0.5  # for so long, a limit that is reached is not asked for again

# The clock is that of Redis: those of the front ends may differ. A hash has the number of its
# window, and the counts of this window and of the previous one.
_ROLL = """
local time = redis.call('TIME')
local seconds = tonumber(ARGV[1])
local now = (time[1] + time[2] / 1000000) / seconds
local window = math.floor(now)
local function counts(key)
  local kept = redis.call('HMGET', key, 'window', 'previous', 'current')
  local of = tonumber(kept[1])
  if of == window then return tonumber(kept[2]), tonumber(kept[3]) end
  if of == window - 1 then return tonumber(kept[3]), 0 end
  return 0, 0
end
local function keep(key, previous, current)
  redis.call('HSET', key, 'window', window, 'previous', previous, 'current', current)
  redis.call('EXPIRE', key, seconds * 2)
end
"""

# ARGV: the seconds of a window, PARTS, MOST; for each key, the limit and how many requests wait.
_TAKE = (
    _ROLL
    + """
local answers = {}
for i, key in ipairs(KEYS) do
  local limit, waiting = tonumber(ARGV[2 + 2 * i]), tonumber(ARGV[3 + 2 * i])
  local previous, current = counts(key)
  local left = limit - math.floor(previous * (1 - (now - window)) + current)
  local share = math.min(math.floor(left / ARGV[2]), tonumber(ARGV[3]))
  local taken = math.max(0, math.min(left, math.max(waiting, share)))
  if taken > 0 then
    current = current + taken
    keep(key, previous, current)
  end
  answers[i] = {taken, previous, current}
end
return {window, math.floor((1 - (now - window)) * seconds * 1000), answers}
"""
)

# ARGV: the seconds of a window; for each key, the window of the share and what is given back.
_GIVE = (
    _ROLL
    + """
for i, key in ipairs(KEYS) do
  local of, number = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local previous, current = counts(key)
  if of == window then current = math.max(0, current - number) end
  if of == window - 1 then previous = math.max(0, previous - number) end
  keep(key, previous, current)
end
"""
)


class _Share:
    """What this process knows of one user or address; window, previous and current: of Redis."""

    __slots__ = (
        "current",
        "left",
        "limit",
        "previous",
        "refused_until",
        "used_at",
        "waiting",
        "window",
        "window_ends",
    )

    def __init__(self) -> None:
        self.left = 0  # requests that may be accepted without asking
        self.limit = 0
        self.waiting = 0  # requests that wait for an answer
        self.used_at = 0.0
        self.refused_until = 0.0
        self.window = self.previous = self.current = 0
        self.window_ends = 0.0

    def change_limit(self, limit: int) -> None:
        """The limit was changed: nothing is known with this one."""
        self.limit, self.left, self.refused_until = limit, 0, 0.0


class SharedRates:
    """Counts requests together with other front ends; has the methods of RequestRates.

    kind: of whom, such as `user`. alone: what counts while Redis is away. clock: seconds, for how
    long something is kept here.
    """

    def __init__(
        self,
        link: RedisLink,
        kind: str,
        alone: RequestRates,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self._kind = kind
        self._alone = alone
        self._clock = clock
        self._shares: OrderedDict[str, _Share] = OrderedDict()
        self._asked: dict[str, tuple[_Share, asyncio.Future[None]]] = {}
        self._asking: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many addresses or users are kept."""
        return len(self._shares)

    def hit(self, per_minute: int, who: str) -> bool | None:
        """Count a request; False if the limit is reached, None if ask() must be called."""
        share = self._shares.get(who)
        if self._link.away:
            return self._alone.hit(per_minute, who)
        if share is None or share.limit != per_minute:
            return None
        return self._count(share, who)

    async def ask(self, per_minute: int, who: str) -> bool:
        """Count a request, with a new share if necessary; False if the limit is reached."""
        share = self._share(who)
        if share.limit != per_minute:
            share.change_limit(per_minute)
        share.waiting += 1
        try:
            while not self._link.away:
                counted = self._count(share, who)
                if counted is not None:
                    return counted
                await self._next_answer(share, who)
        finally:
            share.waiting -= 1
        return self._alone.hit(per_minute, who)

    def take_back(self, per_minute: int, who: str) -> None:
        """Forget a request that was refused for another reason."""
        self._alone.take_back(per_minute, who)
        share = self._shares.get(who)
        if share is not None and share.limit == per_minute and not self._link.away:
            share.left += 1

    def standing(self, name: str, per_minute: int, who: str) -> Standing:
        """What is left of the limit as far as this process knows, and when there is more."""
        share, now = self._shares.get(who), self._clock()
        if self._link.away or share is None or now >= share.window_ends:
            return self._alone.standing(name, per_minute, who)
        counts = share.previous, share.current - share.left
        return standing_of(name, per_minute, counts, share.window_ends - now)

    async def give_back(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Give back what is left of shares that were not used for so long."""
        since = self._clock() - idle_seconds
        unused = {
            who: share
            for who, share in self._shares.items()
            if share.left and share.used_at <= since and not share.waiting
        }
        arguments = [str(WINDOW_SECONDS)]
        for share in unused.values():
            arguments += [str(share.window), str(share.left)]
            share.current = max(0, share.current - share.left)
            share.left = 0
        if unused:
            with contextlib.suppress(RedisAway):  # they stay counted for a minute or two
                await self._run(_GIVE, list(unused), arguments)

    def _share(self, who: str) -> _Share:
        share = self._shares.get(who)
        if share is None:
            share = self._shares[who] = _Share()
            if len(self._shares) > MAX_KEPT:
                self._shares.popitem(last=False)
        self._shares.move_to_end(who)
        return share

    def _count(self, share: _Share, who: str) -> bool | None:
        now = self._clock()
        if share.left:
            share.left -= 1
            share.used_at = now
            self._alone.hit(share.limit, who)  # so that it can count on if Redis is away next
            return True
        return False if now < share.refused_until else None

    async def _next_answer(self, share: _Share, who: str) -> None:
        """Wait until Redis was asked for this user or address."""
        if who not in self._asked:
            self._asked[who] = share, asyncio.get_running_loop().create_future()
        _, answered = self._asked[who]
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask_for_all())
        await asyncio.shield(answered)

    async def _ask_for_all(self) -> None:
        """Ask for all that wait, then for those that have come meanwhile."""
        while self._asked:
            names = list(self._asked)[:TOGETHER]
            asked = {who: self._asked.pop(who) for who in names}
            try:
                await self._take({who: share for who, (share, _) in asked.items()})
            except RedisAway:
                pass  # each process counts alone now
            finally:
                for _, answered in asked.values():
                    answered.set_result(None)

    async def _take(self, shares: Mapping[str, _Share]) -> None:
        arguments = [str(WINDOW_SECONDS), str(PARTS), str(MOST)]
        for share in shares.values():
            arguments += [str(share.limit), str(share.waiting)]
        window, milliseconds, answers = await self._run(_TAKE, list(shares), arguments)
        now = self._clock()
        for share, (taken, previous, current) in zip(shares.values(), answers, strict=True):
            share.left += taken
            share.window, share.previous, share.current = window, previous, current
            share.window_ends = now + milliseconds / 1000
            share.used_at = now
            share.refused_until = 0.0 if taken else now + REFUSED_SECONDS

    async def _run(self, script: str, names: list[str], arguments: list[str]) -> Any:
        keys = [f"ocr:rate:{self._kind}:{who}" for who in names]

        def question(client: Redis) -> Any:
            return client.register_script(script)(keys=keys, args=arguments)

        return await self._link.ask(question)
