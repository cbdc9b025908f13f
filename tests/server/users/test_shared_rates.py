"""Requests per minute that front ends count together in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from ocr_cluster.redis_link import RedisLink
from server.users.shared_rates import SharedRates
from server.users.sliding_windows import RequestRates
from tests.support.redis_server import Redis, redis_server

__all__ = ["redis_server"]

MINUTE = 60


class Clock:
    """Seconds that stand still until they are set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class FrontEnd:
    """The rates of one front end, and its link."""

    def __init__(self, url: str) -> None:
        self.clock = Clock()
        self.link = RedisLink(url, "the tests")
        self.rates = SharedRates(self.link, "user", RequestRates(), self.clock)

    async def asks(self, per_minute: int, who: str = "a") -> bool:
        """As a request does: without waiting if possible."""
        counted = self.rates.hit(per_minute, who)
        return await self.rates.ask(per_minute, who) if counted is None else counted

    async def accepted(self, per_minute: int, number: int, who: str = "a") -> int:
        """How many of so many requests at the same time are accepted."""
        return sum(await asyncio.gather(*(self.asks(per_minute, who) for _ in range(number))))


@asynccontextmanager
async def front_ends(server: Redis, number: int) -> AsyncIterator[list[FrontEnd]]:
    """So many front ends with one Redis, which begins a minute that does not end in the test."""
    found = [FrontEnd(server.url()) for _ in range(number)]
    try:
        yield found
    finally:
        for each in found:
            await each.link.close()


def run(server: Redis, test: Callable[[list[FrontEnd]], Awaitable[None]], number: int = 2) -> None:
    """Run a test with so many front ends."""

    async def inside() -> None:
        async with front_ends(server, number) as found:
            await test(found)

    asyncio.run(inside())


async def questions(front_end: FrontEnd) -> int:
    """How many scripts Redis was asked to run."""
    statistics = await front_end.link.client.info("commandstats")
    return int(statistics.get("cmdstat_evalsha", {}).get("calls", 0))


async def fill(front_end: FrontEnd, previous: int, current: int = 0, who: str = "a") -> float:
    """Set the counts of the previous and this minute; the part of this minute that has passed."""
    seconds, micros = await front_end.link.client.time()
    window, passed = divmod((seconds + micros / 1e6) / MINUTE, 1)
    await front_end.link.client.hset(
        f"ocr:rate:user:{who}",
        mapping={"window": int(window), "previous": previous, "current": current},
    )
    return passed


def test_front_ends_together_accept_no_more_than_the_limit(redis_server: Redis) -> None:
    async def flood(found: list[FrontEnd]) -> None:
        for limit, who in ((10, "a"), (100, "b")):
            counts = await asyncio.gather(*(each.accepted(limit, 80, who) for each in found))
            # the minute may end meanwhile, after which the weight of what was accepted falls
            assert limit <= sum(counts) <= limit + 1

    run(redis_server, flood, 3)


def test_a_burst_costs_a_question_or_two_and_a_flood_above_the_limit_few(
    redis_server: Redis,
) -> None:
    async def burst(found: list[FrontEnd]) -> None:
        (first,) = found
        assert await first.accepted(100, 50) == 50
        assert await questions(first) <= 3
        assert 49 <= await first.accepted(100, 5000) <= 51
        asked = await questions(first)
        assert asked <= 30
        assert await first.accepted(100, 5000) == 0
        assert await questions(first) == asked  # it is known to be used up for half a second

    run(redis_server, burst, 1)


def test_what_one_front_end_does_not_use_another_one_gets(redis_server: Redis) -> None:
    async def give_back(found: list[FrontEnd]) -> None:
        first, second = found
        assert await first.accepted(320, 1) == 1  # with a share of 20
        assert await second.accepted(320, 400) in (300, 301)
        first.clock.now += 1.0
        await first.rates.give_back()
        second.clock.now += 0.5
        assert await second.accepted(320, 100) in (19, 20)

    run(redis_server, give_back)


def test_the_previous_minute_counts_as_far_as_it_is_in_the_last_sixty_seconds(
    redis_server: Redis,
) -> None:
    async def slide(found: list[FrontEnd]) -> None:
        (first,) = found
        before = await fill(first, previous=1000)
        accepted = await first.accepted(1000, 1000)
        after = await fill(first, previous=1000, who="b")
        if after >= before:  # otherwise a minute has ended
            assert int(1000 * before) <= accepted <= int(1000 * after) + 1

    run(redis_server, slide, 1)


def test_a_refused_request_that_is_taken_back_may_be_sent_again(redis_server: Redis) -> None:
    async def take_back(found: list[FrontEnd]) -> None:
        (first,) = found
        assert await first.accepted(2, 3) == 2
        first.rates.take_back(2, "a")
        assert first.rates.standing("rate", 2, "a").left == 1
        assert await first.accepted(2, 3) == 1

    run(redis_server, take_back, 1)


def test_while_redis_is_away_each_front_end_has_the_whole_limit(redis_server: Redis) -> None:
    async def alone(found: list[FrontEnd]) -> None:
        counts = [await each.accepted(10, 5) for each in found]
        assert counts == [5, 5]
        redis_server.kill()
        for each in found:
            assert await each.accepted(10, 20) == 5  # with those that it has counted before
            assert each.link.state == "unavailable"
        redis_server.start()
        for each in found:
            await each.link.client.ping()
            watching = asyncio.ensure_future(each.link.run())
            async with asyncio.timeout(10):
                while each.link.away:
                    await asyncio.sleep(0.01)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        assert sum([await each.accepted(10, 20) for each in found]) == 10  # Redis has lost it all

    run(redis_server, alone)


def test_a_frozen_redis_delays_a_request_once(redis_server: Redis) -> None:
    async def frozen(found: list[FrontEnd]) -> None:
        (first,) = found
        redis_server.freeze()
        assert await first.accepted(10, 20) == 10
        assert first.rates.hit(10, "b") is True  # without waiting
        redis_server.thaw()

    run(redis_server, frozen, 1)


def test_thousands_of_addresses_are_asked_for_together(redis_server: Redis) -> None:
    async def many(found: list[FrontEnd]) -> None:
        (first,) = found
        names = [f"192.0.2.{number}" for number in range(2000)]
        assert all(await asyncio.gather(*(first.asks(60, name) for name in names)))
        assert await questions(first) <= 22  # of at most 100 addresses each

    run(redis_server, many, 1)
