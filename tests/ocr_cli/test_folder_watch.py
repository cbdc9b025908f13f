"""Files of a watched folder are reported when they are at rest, and none is missed."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from ocr_cli.objects import folder_watch
from ocr_cli.objects.folder_watch import FolderWatch
from server.errors import StorageUnavailable
from server.objects.found import Found
from server.objects.sources.folder import FolderSource
from tests.support.cards import card
from tests.support.wards import Clock, until

REST = 2.0


class Reported:
    """The keys that were reported; away: the ledger does not answer."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.away = False

    async def __call__(self, found: Sequence[Found]) -> None:
        if self.away:
            raise StorageUnavailable("the database does not answer")
        self.keys += [each.key for each in found]


@contextlib.asynccontextmanager
async def watching(
    folder: Path, reported: Reported, clock: Callable[[], float], every: float = 0.02
) -> AsyncIterator[None]:
    watch = FolderWatch(FolderSource(folder), reported, REST, every, clock)
    running = asyncio.ensure_future(watch.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def lay(folder: Path, name: str, at: float) -> Path:
    """An image that was modified at this time."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(card(name))
    os.utime(path, (at, at))
    return path


def test_a_file_is_reported_when_it_is_at_rest(tmp_path: Path) -> None:
    async def test() -> None:
        clock, reported = Clock(), Reported()
        lay(tmp_path, "old.png", clock.now - REST - 1)
        new = lay(tmp_path, "new.png", clock.now)
        async with watching(tmp_path, reported, clock):
            await until(lambda: "old.png" in reported.keys)
            os.utime(new, (clock.now + REST, clock.now + REST))  # somebody still writes it
            clock.now += REST + 0.5
            seen = len(reported.keys)
            await until(lambda: len(reported.keys) > seen + 2)
            assert "new.png" not in reported.keys
            clock.now += REST
            await until(lambda: "new.png" in reported.keys)

    asyncio.run(test())


def test_a_file_whose_time_is_in_the_future_is_reported_when_it_stays_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of a file server is ahead."""
    monkeypatch.setattr("tests.ocr_cli.test_folder_watch.REST", 0.1)

    async def test() -> None:
        clock, reported = Clock(), Reported()
        lay(tmp_path, "a.png", clock.now + 3600)
        async with watching(tmp_path, reported, clock):
            await until(lambda: "a.png" in reported.keys)

    asyncio.run(test())


def test_images_in_new_folders_are_found_and_others_are_not(tmp_path: Path) -> None:
    async def test() -> None:
        clock, reported = Clock(), Reported()
        async with watching(tmp_path, reported, clock):
            old = clock.now - REST - 1
            for name in (".hidden.png", ".hidden/a.png", "deep/er/b.png", "c.png"):
                lay(tmp_path, name, old)
            (tmp_path / "notes.txt").write_text("no image")
            await until(lambda: {"deep/er/b.png", "c.png"} <= set(reported.keys))
            assert set(reported.keys) == {"deep/er/b.png", "c.png"}

    asyncio.run(test())


def test_files_are_reported_later_if_the_ledger_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_watch, "AGAIN_SECONDS", 0.02)

    async def test() -> None:
        clock, reported = Clock(), Reported()
        reported.away = True
        lay(tmp_path, "a.png", clock.now - REST - 1)
        async with watching(tmp_path, reported, clock, every=3600):
            reported.away = False
            await until(lambda: reported.keys == ["a.png"])

    asyncio.run(test())


def test_a_folder_that_is_away_for_a_while_is_searched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_watch, "AGAIN_SECONDS", 0.02)
    folder = tmp_path / "mounted"

    async def test() -> None:
        clock, reported = Clock(), Reported()
        async with watching(folder, reported, clock, every=3600):
            lay(folder, "a.png", clock.now - REST - 1)
            await until(lambda: reported.keys == ["a.png"])

    asyncio.run(test())


def test_inotify_reports_new_and_renamed_files_between_two_searches(tmp_path: Path) -> None:
    (tmp_path / "watched").mkdir()

    async def test() -> None:
        clock, reported = Clock(), Reported()
        old = clock.now - REST - 1
        lay(tmp_path / "watched", "first.png", old)
        async with watching(tmp_path / "watched", reported, clock, every=3600):
            await until(lambda: reported.keys == ["first.png"])
            lay(tmp_path, "made elsewhere.png", old).rename(tmp_path / "watched" / "second.png")
            await until(lambda: "second.png" in reported.keys)
            lay(tmp_path, "elsewhere/a/third.png", old)
            (tmp_path / "elsewhere").rename(tmp_path / "watched" / "folder")
            await until(lambda: "folder/a/third.png" in reported.keys)

    asyncio.run(test())
