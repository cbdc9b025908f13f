"""Slots for pages: earlier documents first, and none is lost when work is dropped."""

from __future__ import annotations

import asyncio

from ocr_cli.recognize.slots import Slots


async def waiting(slots: Slots, got: list[tuple[int, int]], rank: tuple[int, int]) -> None:
    await slots.take(rank)
    got.append(rank)


def test_the_lowest_rank_is_next() -> None:
    async def run() -> list[tuple[int, int]]:
        slots, got = Slots(1), list[tuple[int, int]]()
        await slots.take((0, 0))
        ranks = [(2, 1), (1, 2), (1, 1)]
        tasks = [asyncio.ensure_future(waiting(slots, got, rank)) for rank in ranks]
        await asyncio.sleep(0)
        for _ in ranks:
            slots.give_back()
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        return got

    assert asyncio.run(run()) == [(1, 1), (1, 2), (2, 1)]


def test_a_slot_that_comes_together_with_the_end_is_given_on() -> None:
    async def run() -> list[tuple[int, int]]:
        slots, got = Slots(1), list[tuple[int, int]]()
        await slots.take((0, 0))
        first = asyncio.ensure_future(waiting(slots, got, (1, 1)))
        second = asyncio.ensure_future(waiting(slots, got, (1, 2)))
        await asyncio.sleep(0)
        slots.give_back()
        first.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        return got

    assert asyncio.run(run()) == [(1, 2)]
