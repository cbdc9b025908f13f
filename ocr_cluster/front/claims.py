"""Claims of this front end: which images it has read, so that others wait for the result."""

from __future__ import annotations

import asyncio
from typing import Literal, cast

from ocr_cluster.link import Link
from ocr_cluster.redis_link import RedisAway
from ocr_cluster.scripts import CLAIM, CLAIM_MS, RELEASE, RENEW_CLAIMS
from ocr_cluster.work import Work

RENEW_SECONDS = 1.0

Claim = Literal["claimed", "taken", "poison", "alone"]
"""`alone`: nobody can be asked, so the image is read without a claim."""


class Claims:
    """Takes, renews and releases claims; used on the event loop."""

    def __init__(self, state: Link) -> None:
        self._state = state
        self._held: dict[str, str] = {}  # the flight of each claim

    def __len__(self) -> int:
        """How many this front end has."""
        return len(self._held)

    async def take(self, work: Work, flight: str) -> Claim:
        """Claim the work for a flight, unless another front end has it."""
        try:
            answer: bytes = await self._state.evaluate(CLAIM, _keys(work), flight, CLAIM_MS)
        except RedisAway:
            return "alone"
        return self._noted(answer, work, flight)

    async def find_or_take(self, work: Work, flight: str, fingerprint: str) -> bytes | Claim:
        """The packed result, if this server keeps one; otherwise claim the work, as take() does."""
        keys = *_keys(work), work.results
        try:
            answer = await self._state.evaluate(
                CLAIM, keys, flight, CLAIM_MS, work.field(fingerprint)
            )
        except RedisAway:
            return "alone"
        if isinstance(answer, list):
            return cast(bytes, answer[1])
        return self._noted(answer, work, flight)

    def forget(self, work: Work, flight: str) -> None:
        """The flight has ended, and its node has released the claim."""
        if self._held.get(work.claim) == flight:
            del self._held[work.claim]

    async def release(self, work: Work, flight: str) -> None:
        """Let others have the image read."""
        self.forget(work, flight)
        try:
            await self._state.evaluate(RELEASE, (work.claim,), flight, work.done_channel)
        except RedisAway:
            return  # it expires

    async def run(self) -> None:
        """Renew all claims each second, until cancelled."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            held = dict(self._held)
            if not held:
                continue
            try:
                await self._state.evaluate(RENEW_CLAIMS, tuple(held), CLAIM_MS, *held.values())
            except RedisAway:
                continue

    def _noted(self, answer: bytes, work: Work, flight: str) -> Claim:
        if answer == b"claimed":
            self._held[work.claim] = flight
            return "claimed"
        return "poison" if answer == b"poison" else "taken"


def _keys(work: Work) -> tuple[str, str]:
    return work.claim, work.poison
