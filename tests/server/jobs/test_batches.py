"""The end, the expiry and the erasing of batches, by one process or two."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from sqlalchemy import select

from ocr_engine.errors import QueueFull
from ocr_engine.options import RecognitionOptions
from server.database.location import Location
from server.database.tables import BATCH, DELIVERY, JOB
from server.errors import Gone, NotFound
from server.intake.request import OcrRequest
from server.intake.uploaded_image import UploadedImage
from server.jobs.batch_record import BatchFile, BatchRecord, NewBatch
from server.jobs.leftovers import TOMBSTONE_SECONDS
from server.jobs.record import JobPage, JobRecord, KnownJobError
from server.jobs.rows import Limits
from tests.support.cards import card
from tests.support.wards import ANN, KEEP_SECONDS, Clock, Ward, until, ward

HOOK = "https://receiver.test/hook"
BAD = BatchFile(error=KnownJobError("unsupported_format", "no image"))


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 30))


async def accept(one: Ward, *texts: str, bad: int = 0) -> BatchRecord:
    """A batch of these cards, with a webhook."""
    files = []
    for text in texts:
        source = UploadedImage(card(text), known=lambda _, __: None)
        request = OcrRequest(source, RecognitionOptions(), block=False)
        image, digests = await one.jobs._service.identify(request, "ann")
        blob = await one.jobs.batches().inputs.put(image)
        files.append((BatchFile({}, blob, len(image), digests), request))
    files += [(BAD, request)] * bad
    return await one.jobs.batches().accept(NewBatch(files, HOOK), ANN)


async def jobs_of(one: Ward, batch: BatchRecord) -> list[JobRecord]:
    return await one.jobs.batches().jobs("ann", batch.batch_id, JobPage(limit=100))


async def count(one: Ward, table: Any) -> int:
    async with one.database.read() as connection:
        return len((await connection.execute(select(table))).all())


def test_two_processes_that_end_the_last_jobs_tell_it_once(location: Location) -> None:
    async def test() -> None:
        clock = Clock()
        async with ward(location, clock) as first, ward(location, clock) as second:
            batches = [await accept(first, *(f"{n} {m}" for m in range(2))) for n in range(2)]
            await until(lambda: len(first.engine.tasks) + len(second.engine.tasks) == 4)
            assert first.engine.tasks and second.engine.tasks
            for task in first.engine.tasks + second.engine.tasks:
                task.read("text")
            for batch in batches:
                while (await first.jobs.batches().get("ann", batch.batch_id)).finished_at is None:
                    await asyncio.sleep(0.01)
            assert await count(first, DELIVERY) == len(batches)

    run(test())


def test_jobs_that_are_cancelled_while_others_end(location: Location) -> None:
    async def test() -> None:
        clock = Clock()
        async with ward(location, clock) as first, ward(location, clock, running=False) as second:
            batch = await accept(first, *(f"page {n}" for n in range(8)), bad=1)
            await until(lambda: len(first.engine.tasks) == 2)
            for task in first.engine.tasks:
                task.read("text")
            await asyncio.gather(
                second.jobs.batches().cancel("ann", batch.batch_id),
                first.jobs.batches().cancel("ann", batch.batch_id),
                return_exceptions=True,
            )
            found = await first.jobs.batches().get("ann", batch.batch_id)
            assert found.finished_at is not None
            assert sum(found.counts.values()) == 9
            assert found.counts["failed"] == 1
            assert await count(first, DELIVERY) == 1

    run(test())


def test_a_batch_expires_with_its_last_job(location: Location) -> None:
    async def test() -> None:
        clock = Clock()
        async with ward(location, clock) as one:
            batch = await accept(one, "early", "late")
            (await one.task("early")).read("text")
            early, late = await jobs_of(one, batch)
            await one.ended(early)
            clock.now += KEEP_SECONDS - 1
            (await one.task("late")).read("text")
            await one.ended(late)
            clock.now += 2
            await one.jobs._leftovers.delete_expired()
            assert (await one.jobs.batches().get("ann", batch.batch_id)).counts == {"done": 2}
            with pytest.raises(Gone):
                await one.jobs.get("ann", early.job_id)
            clock.now += KEEP_SECONDS
            await one.jobs._leftovers.delete_expired()
            with pytest.raises(Gone):
                await one.jobs.batches().get("ann", batch.batch_id)
            assert await one.jobs.batches().listed("ann", JobPage()) == []
            async with one.database.read() as connection:
                (row,) = await connection.execute(select(BATCH))
            assert row.webhook_url is None
            clock.now += TOMBSTONE_SECONDS
            await one.jobs._leftovers.delete_expired()
            with pytest.raises(NotFound):
                await one.jobs.batches().get("ann", batch.batch_id)
            assert (await count(one, BATCH), await count(one, JOB)) == (0, 0)

    run(test())


def test_a_batch_fits_as_a_whole_or_not_at_all(location: Location) -> None:
    async def test() -> None:
        size = len(card("page 0"))
        limits = Limits(4, 3 * size)
        async with ward(location, Clock(), limits=limits, running=False) as one:
            await accept(one, "page 0", "page 1", bad=5)
            with pytest.raises(QueueFull, match="2 jobs are unfinished and 4 are allowed"):
                await accept(one, "page 2", "page 3", "page 4")
            with pytest.raises(QueueFull, match="bytes"):
                await accept(one, "page 2", "page 3")
            assert await count(one, BATCH) == 1
            await accept(one, "page 2")

    run(test())
