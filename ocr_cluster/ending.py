"""The end of an attempt, in Redis: those who wait hear of it, or find it when they look."""

from __future__ import annotations

from redis.asyncio import Redis

from ocr_cluster import outcome as outcomes
from ocr_cluster.link import Link
from ocr_cluster.message import Message
from ocr_cluster.outcome import Outcome
from ocr_cluster.scripts import FINISH, OUTCOME_MS, POISON_SECONDS
from ocr_cluster.work import Work, blob_name, front_channel, lease_name, outcome_name, task_name


async def finish(
    state: Link,
    node: str,
    message: Message,
    outcome: Outcome,
    patience: float,
    packed: bytes = b"",
) -> bool:
    """Tell how an attempt of a node has ended; False if the flight is at another attempt.

    packed: the result, which the front end need not fetch if it is small; whoever only looks finds
    the outcome without it. patience: how many seconds a server that is away is waited for.
    RedisAway.
    """
    work, flight, ending = message.work, message.flight, outcomes.encode(outcome)
    keys = (
        task_name(flight),
        lease_name(flight),
        outcome_name(flight),
        work.claim,
        blob_name(flight),
    )
    given = (
        message.attempt,
        ending,
        OUTCOME_MS,
        flight,
        front_channel(message.front),
        work.done_channel,
        int(outcome.state != "again"),
        node,
        outcomes.told(ending, packed),
    )
    told = await state.command(lambda redis: redis.eval(FINISH, len(keys), *keys, *given), patience)
    return bool(told)


async def refuse_image(state: Link, work: Work, patience: float) -> None:
    """Have front ends refuse an image for a while; RedisAway."""

    async def refuse(redis: Redis) -> None:
        await redis.set(work.poison, b"1", ex=POISON_SECONDS)

    await state.command(refuse, patience)
