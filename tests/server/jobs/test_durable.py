"""Jobs in a database, on SQLite and PostgreSQL, by one process or two."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ocr_engine.errors import ImageKillsWorkers, InvalidImage, PoolDraining, QueueFull, QueueTimeout
from server.database.database import Database
from server.database.location import Location
from server.database.tables import JOB
from server.errors import Conflict, Gone, NotFound
from server.jobs.leases import LEASE_SECONDS
from server.jobs.leftovers import TOMBSTONE_SECONDS
from server.jobs.rows import EndedJob, Limits
from server.jobs.runner import MAX_ATTEMPTS
from tests.support.wards import ANN, BOB, KEEP_SECONDS, Clock, Ward, request, until, ward

DEAD = LEASE_SECONDS + 0.5


class Told:
    """The jobs whose end it was told, and whether it fails."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, str]] = []
        self.error: Exception | None = None

    async def __call__(
        self, database: Database, connection: AsyncConnection, ended: EndedJob
    ) -> None:
        if self.error is not None:
            raise self.error
        self.ends.append((ended.row.id, ended.end.state))


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 30))


async def stored_row(one: Ward, job_id: str) -> Any:
    async with one.database.read() as connection:
        return (await connection.execute(select(JOB).where(JOB.c.id == job_id))).one_or_none()


def test_a_job_is_read_and_its_end_is_told_once(location: Location) -> None:
    told = Told()

    async def test() -> None:
        async with ward(location, Clock(), hooks=(told,)) as one:
            job = await one.accept("a page")
            task = await one.task("a page")
            assert (task.turn.user, task.turn.background) == ("ann", True)
            task.begin()
            async with asyncio.timeout(10):
                while (await one.jobs.get("ann", job.job_id)).state != "running":
                    await asyncio.sleep(0.005)
            task.read("its text")
            done = await one.ended(job)
            assert (done.state, done.outcome, done.attempts, done.pages_done) == (
                "done",
                "miss",
                1,
                1,
            )
            answer = await one.jobs.answer(done)
            assert b"its text" in answer.result.json
            assert answer.stages["rec"] == 0.5
        assert told.ends == [(job.job_id, "done")]

    run(test())


def test_a_job_outlives_the_process_that_accepted_it(location: Location, tmp_path: Path) -> None:
    async def test() -> None:
        clock = Clock()
        async with ward(location, clock, tmp_path / "blobs", running=False) as first:
            job = await first.accept("later")
        async with ward(location, clock, tmp_path / "blobs") as second:
            (await second.task("later")).read("read by another")
            assert (await second.ended(job)).state == "done"

    run(test())


def test_a_job_whose_image_is_gone_fails_once_and_says_why(
    location: Location, tmp_path: Path
) -> None:
    """As after a restore of the database without the image; see docs/team.md."""

    async def test() -> None:
        clock, folder = Clock(), tmp_path / "blobs"
        async with ward(location, clock, folder, running=False) as first:
            job = await first.accept("not in the backup")
        for blob in folder.iterdir():
            blob.unlink()
        async with ward(location, clock, folder) as second:
            failed = await second.ended(job)
            assert (failed.state, failed.attempts) == ("failed", 1)
            assert failed.error is not None
            assert failed.error.code == "gone"
            assert failed.error.message == "the image of the job was deleted; send it again"
            await second.accept("the next one")
            (await second.task("the next one")).read("is read")

    run(test())


def test_jobs_of_another_user_do_not_exist(location: Location) -> None:
    async def test() -> None:
        async with ward(location, Clock(), running=False) as one:
            job = await one.accept("mine")
            for call in (one.jobs.get, one.jobs.cancel):
                with pytest.raises(NotFound, match="no job has this id"):
                    await call("bob", job.job_id)
            assert (await one.jobs.get("ann", job.job_id)).state == "queued"

    run(test())


def test_two_processes_never_work_on_the_same_job(location: Location) -> None:
    async def test() -> None:
        clock = Clock()
        async with ward(location, clock) as first, ward(location, clock) as second:
            jobs = [await first.accept(f"page {n}") for n in range(4)]
            await until(lambda: len(first.engine.tasks) == len(second.engine.tasks) == 2)
            images = {task.image for task in first.engine.tasks + second.engine.tasks}
            assert len(images) == 4
            for task in (*first.engine.tasks, *second.engine.tasks):
                task.read("text")
            assert {(await first.ended(job)).attempts for job in jobs} == {1}

    run(test())


async def submitted(process: Ward, number: int) -> int:
    """Wait until the engine has so many images; how many it has."""
    await until(lambda: len(process.engine.tasks) >= number)
    return len(process.engine.tasks)


def test_the_next_job_is_taken_when_a_worker_starts_with_one(location: Location) -> None:
    """Not when its result is written: a job always waits in the pool, and so gets its turn."""

    async def test() -> None:
        async with ward(location, Clock()) as process:
            for number in range(9):
                await process.accept(f"page {number}")
            for begun in range(3):
                assert await submitted(process, begun + 2) == begun + 2
                process.engine.tasks[begun].begin()
            assert await submitted(process, 5) == 5

    run(test())


@pytest.mark.faults(84)
def test_the_jobs_of_a_dead_process_are_continued_and_end_once(
    location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()

    async def test() -> None:
        clock = Clock()
        async with ward(location, clock, hooks=(told,)) as slow:
            job = await slow.accept("left behind")
            late = await slow.task("left behind")
            slow.engine.is_ready = False  # it takes no other job
            monkeypatch.setattr(slow.jobs.runner._leases, "renew", never)
            monkeypatch.setattr(slow.jobs.runner._leases, "recover", nothing)
            async with ward(location, clock, hooks=(told,)) as other:
                while not other.tasks("left behind"):  # a renewal was in progress
                    clock.now += DEAD
                    await asyncio.sleep(0.05)
                other.tasks("left behind")[0].read("by the other")
                done = await other.ended(job)
                late.read("too late")
                await until(lambda: not slow.jobs.runner._held)
                assert (done.state, done.attempts) == ("done", 2)
                assert b"by the other" in (await other.jobs.answer(done)).result.json
        assert told.ends == [(job.job_id, "done")]

    async def never(held: set[str]) -> set[str]:
        return set(held)

    async def nothing(held: object) -> int:
        return 0

    run(test())


def test_an_end_that_cannot_be_told_has_not_happened(location: Location) -> None:
    told = Told()

    async def test() -> None:
        async with ward(location, Clock(), hooks=(told,), running=False) as one:
            job = await one.accept("a page")
            told.error = RuntimeError("the usage cannot be written")
            with pytest.raises(RuntimeError):
                await one.jobs.cancel("ann", job.job_id)
            assert (await one.jobs.get("ann", job.job_id)).state == "queued"
            told.error = None
            await one.jobs.cancel("ann", job.job_id)
            assert told.ends == [(job.job_id, "cancelled")]

    run(test())


def test_a_job_that_another_process_cancels_is_dropped(location: Location) -> None:
    async def test() -> None:
        clock = Clock()
        async with ward(location, clock) as one, ward(location, clock, running=False) as other:
            job = await one.accept("a page")
            (await one.task("a page")).begin()
            await other.jobs.cancel("ann", job.job_id)
            await until(lambda: not one.engine.tasks)
            assert (await one.jobs.get("ann", job.job_id)).state == "cancelled"
            with pytest.raises(Conflict, match="the job is cancelled"):
                await one.jobs.cancel("ann", job.job_id)

    run(test())


def test_a_waiting_client_sees_what_another_process_does(location: Location) -> None:
    async def test() -> None:
        clock = Clock()
        async with ward(location, clock) as one, ward(location, clock, running=False) as other:
            one.engine.is_ready = False
            job = await one.accept("a page")
            change = asyncio.ensure_future(one.jobs.next_version("ann", job.job_id, 1, 20))
            await until(lambda: bool(one.jobs._notices.watched()))
            await other.jobs.cancel("ann", job.job_id)
            assert (await change).state == "cancelled"

    run(test())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidImage("the JPEG header is cut off"), "invalid_image"),
        (ImageKillsWorkers("two workers died over this image"), "worker_crashed"),
        (ZeroDivisionError(), "internal_error"),
    ],
)
def test_a_job_that_fails_keeps_the_reason(location: Location, error: Exception, code: str) -> None:
    async def test() -> None:
        async with ward(location, Clock()) as one:
            job = await one.accept("a page")
            (await one.task("a page")).fail(error)
            failed = await one.ended(job)
            assert failed.error is not None
            assert (failed.state, failed.error.code) == ("failed", code)

    run(test())


@pytest.mark.parametrize(
    "refusal", [QueueFull("full", 0.01), PoolDraining("stopping"), QueueTimeout("waited")]
)
def test_a_job_that_finds_no_room_waits_on(location: Location, refusal: Exception) -> None:
    async def test() -> None:
        async with ward(location, Clock()) as one:
            one.engine.refusal = refusal
            job = await one.accept("a page")
            await until(lambda: one.jobs.runner._pause_until > 0)
            one.engine.refusal = None
            (await one.task("a page")).read("text")
            done = await one.ended(job)
            assert (done.state, done.attempts) == ("done", 1)

    run(test())


def test_a_job_that_ends_its_servers_is_given_up(location: Location) -> None:
    async def test() -> None:
        async with ward(location, Clock(), running=False) as one:
            job = await one.accept("a page")
            async with one.database.write() as connection:
                await connection.execute(update(JOB).values(attempts=MAX_ATTEMPTS))
        async with ward(location, Clock()) as other:
            failed = await other.ended(job)
            assert failed.error is not None
            assert (failed.state, failed.error.code) == ("failed", "worker_crashed")
            assert not other.engine.tasks

    run(test())


def test_draining_gives_back_what_no_worker_has_begun(location: Location) -> None:
    async def test() -> None:
        clock = Clock()
        async with ward(location, clock) as one:
            begun, waiting = await one.accept("begun"), await one.accept("waiting")
            task = await one.task("begun")
            await one.task("waiting")
            task.begin()
            await one.jobs.runner.drain()
            row = await stored_row(one, waiting.job_id)
            assert (row.state, row.lease_owner, row.attempts) == ("queued", None, 0)
            assert one.engine.tasks == [task]
            task.read("finished")
            assert (await one.ended(begun)).state == "done"

    run(test())


def test_a_stopped_server_gives_back_what_it_has_begun(location: Location) -> None:
    async def test() -> None:
        clock = Clock()
        async with ward(location, clock) as one:
            job = await one.accept("begun")
            task = await one.task("begun")
            task.begin()
            task.fail(PoolDraining("the server is stopping"))
        async with ward(location, clock, running=False) as other:
            row = await stored_row(other, job.job_id)
            assert (row.state, row.lease_owner) == ("queued", None)

    run(test())


def test_users_take_turns_and_the_position_says_so(location: Location) -> None:
    async def test() -> None:
        clock = Clock()
        async with ward(location, clock, running=False) as one:
            for n in range(3):
                clock.now += 1
                await one.accept(f"ann {n}")
            jobs = []
            for n in range(2):
                clock.now += 1
                jobs.append(await one.accept(f"bob {n}", BOB))
            assert [job.position for job in jobs] == [1, 3]
            leases = one.jobs.runner._leases
            assert await leases.waiting_users() == {"ann": 1.0, "bob": 1.0}
            first = await leases.take("ann")
            assert first is not None
            assert (await leases.waiting_users()).keys() == {"ann", "bob"}

    run(test())


def test_one_user_may_have_so_many_jobs(location: Location) -> None:
    async def test() -> None:
        async with ward(location, Clock(), limits=Limits(2, 1 << 30), running=False) as one:
            for n in range(2):
                await one.accept(f"page {n}")
            with pytest.raises(QueueFull, match="2 jobs are unfinished, the maximum"):
                await one.accept("one too many")
            await one.accept("of another user", BOB)
            assert len(await one.blobs.older_than(0)) == 3

    run(test())


def test_one_user_may_have_so_many_bytes(location: Location) -> None:
    async def test() -> None:
        async with ward(location, Clock(), limits=Limits(10, 100), running=False) as one:
            await one.accept("the first is always accepted, however large " * 5)
            with pytest.raises(QueueFull, match="100 are allowed"):
                await one.accept("second")

    run(test())


def test_what_is_left_of_an_expired_job(location: Location, tmp_path: Path) -> None:
    async def test() -> None:
        clock = Clock()
        async with ward(location, clock, tmp_path / "blobs") as one:
            job = await one.accept("a page")
            (await one.task("a page")).read("secret")
            done = await one.ended(job)
            assert done.expires_at == clock.now + KEEP_SECONDS
            clock.now += KEEP_SECONDS
            for call in (one.jobs.get("ann", job.job_id), one.jobs.answer(done)):
                with pytest.raises(Gone, match="the job has expired"):
                    await call
            leftovers = one.jobs._leftovers
            await leftovers.delete_expired()
            assert list((tmp_path / "blobs").iterdir()) == []
            row = await stored_row(one, job.job_id)
            assert (row.md5, row.sha256, row.request, row.result_blob) == ("", "", "", None)
            assert await one.rows.count() == 0
            clock.now += TOMBSTONE_SECONDS
            await leftovers.delete_expired()
            assert await stored_row(one, job.job_id) is None
            with pytest.raises(NotFound):
                await one.jobs.get("ann", job.job_id)

    run(test())


@pytest.mark.faults(88)
@pytest.mark.parametrize("kept_in", ["database", "folder"])
def test_blobs_without_a_job_are_deleted_after_an_hour(
    location: Location, tmp_path: Path, kept_in: str
) -> None:
    async def test() -> None:
        clock = Clock()
        if kept_in == "folder":
            clock.now = 4_000_000_000.0  # files have the real time
        folder = tmp_path / "blobs" if kept_in == "folder" else None
        async with ward(location, clock, folder, running=False) as one:
            job = await one.accept("kept")
            await one.blobs.put(b"the process died before the job was written")
            clock.now += 3601
            await one.jobs._leftovers.delete_orphans()
            row = await stored_row(one, job.job_id)
            assert await one.blobs.older_than(0) == [row.input_blob]

    run(test())


def test_the_input_is_deleted_at_the_end(location: Location) -> None:
    async def test() -> None:
        async with ward(location, Clock()) as one:
            read, cancelled = await one.accept("read"), await one.accept("cancelled")
            (await one.task("read")).read("text")
            await one.ended(read)
            await one.jobs.cancel("ann", cancelled.job_id)
            row = await stored_row(one, read.job_id)
            await until(lambda: not one.jobs.runner._held)
            assert await one.blobs.older_than(0) == [row.result_blob]

    run(test())


def test_a_refused_image_is_no_job(location: Location) -> None:
    async def test() -> None:
        async with ward(location, Clock(), running=False) as one:
            wanted = request("a page")
            wanted.source._data = b"no image"  # type: ignore[attr-defined]
            with pytest.raises(Exception, match="format"):
                await one.jobs.accept(wanted, ANN)
            assert await one.rows.count() == 0
            assert await one.blobs.older_than(0) == []

    run(test())
