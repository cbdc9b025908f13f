"""Looking up the host names of webhooks: each user has a share of the threads."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from server.outbound import names
from server.outbound.names import LOOK_UPS, LOOK_UPS_PER_USER, Names

ADDRESS = "93.184.216.34"


class SlowNames:
    """A name server that answers names of `slow.example` when told to, others immediately."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = asyncio.Event()

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host.endswith("slow.example"):
            await self.answers.wait()
        return [ADDRESS]


async def settled() -> None:
    """All tasks that can run have run."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_slow_names_of_one_user_do_not_hold_up_another() -> None:
    async def run() -> None:
        server = SlowNames()
        looked_up = Names(server)
        slow = [
            asyncio.ensure_future(looked_up.look_up("a", f"{number}.slow.example", 443))
            for number in range(LOOK_UPS_PER_USER + 3)
        ]
        await settled()
        assert len(server.asked) == LOOK_UPS_PER_USER
        assert await looked_up.look_up("b", "example.com", 443) == [ADDRESS]
        server.answers.set()
        assert await asyncio.gather(*slow) == [[ADDRESS]] * len(slow)

    asyncio.run(run())


def test_a_look_up_that_nobody_waits_for_keeps_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(names, "RESOLVE_SECONDS", 0.05)

    async def run() -> None:
        server = SlowNames()
        looked_up = Names(server)
        tries = [
            asyncio.ensure_future(looked_up.look_up("a", f"{number}.slow.example", 443))
            for number in range(2 * LOOK_UPS_PER_USER)
        ]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert all(isinstance(result, TimeoutError) for result in results)
        assert len(server.asked) == LOOK_UPS_PER_USER
        server.answers.set()
        await settled()
        assert await looked_up.look_up("a", "example.com", 443) == [ADDRESS]

    asyncio.run(run())


def test_all_users_together_have_a_bounded_number_of_threads() -> None:
    async def run() -> None:
        server = SlowNames()
        looked_up = Names(server)
        tries = [
            asyncio.ensure_future(looked_up.look_up(f"user {number}", "slow.example", 443))
            for number in range(LOOK_UPS + 5)
        ]
        await settled()
        assert len(server.asked) == LOOK_UPS
        server.answers.set()
        assert len(await asyncio.gather(*tries)) == LOOK_UPS + 5

    asyncio.run(run())
