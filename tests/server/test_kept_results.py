"""The result cache in a file: saving, restoring, erasing, and files that must be ignored."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path

import pytest

from cache.kept_file import FILE_NAME, KeptResult, delete_results
from cache.keys import CacheKey, Digests
from cache.result_cache import ResultCache
from cache.stored_result import StoredResult
from server.service import kept_results
from server.service.kept_results import KeptResults
from server.service.result_identity import identity

NOW = 1_800_000_000.0
TTL = 100.0


class Clocks:
    """The clock of the cache, and Unix time; both stand still until they are set."""

    def __init__(self) -> None:
        self.monotonic = 1000.0
        self.unix = NOW


class Server:
    """A cache with its file, as a process would have it."""

    def __init__(
        self, folder: Path, clocks: Clocks, models: str = "models", users: Sequence[str] = ("", "A")
    ) -> None:
        self.users = users
        self.cache = ResultCache(TTL, 100, 1 << 20, lambda: clocks.monotonic)
        self.file = folder / FILE_NAME
        self.kept = KeptResults(
            self.cache, folder, lambda: models, self._existing, lambda: clocks.unix
        )

    def put(self, name: str, owner: str = "") -> None:
        result = StoredResult(f'{{"text":"{name}"}}'.encode(), {"image/png": name.encode()})
        self.cache.put(key(name, owner), Digests(name, f"sha256 of {name}"), result)

    def has(self, *names: str, owner: str = "") -> list[str]:
        return [name for name in names if self.cache.get(key(name, owner), f"sha256 of {name}")]

    async def _existing(self, users: Collection[str]) -> Collection[str]:
        return [user for user in users if user in self.users]


def key(name: str, owner: str = "") -> CacheKey:
    return CacheKey(name, "options", "models", owner)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scenario()

    asyncio.run(whole())


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "cache"


@pytest.fixture
def server(folder: Path, clocks: Clocks) -> Server:
    """A server with two results, one of which belongs to A."""
    server = Server(folder, clocks)
    server.put("a")
    server.put("b", "A")
    return server


def test_a_new_process_has_the_results(server: Server, folder: Path, clocks: Clocks) -> None:
    async def scenario() -> None:
        await server.kept.save()
        after = Server(folder, clocks)
        await after.kept.restore()
        assert after.has("a") == ["a"]
        assert after.has("a", "b", owner="A") == ["b"]
        entry = after.cache.get(key("a"))
        assert entry is not None
        assert entry.result == StoredResult(b'{"text":"a"}', {"image/png": b"a"})
        assert entry.etag == server.cache.get(key("a")).etag  # type: ignore[union-attr]

    run(scenario)


def test_the_file_is_private(server: Server, folder: Path) -> None:
    async def scenario() -> None:
        before = os.umask(0)
        try:
            await server.kept.save()
        finally:
            os.umask(before)
        assert stat.S_IMODE(server.file.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert [path.name for path in folder.iterdir()] == [FILE_NAME]

    run(scenario)


def test_the_time_to_live_counts_while_no_process_runs(
    server: Server, folder: Path, clocks: Clocks
) -> None:
    async def scenario() -> None:
        clocks.monotonic += 30
        server.put("c")
        await server.kept.save()
        clocks.monotonic, clocks.unix = 5.0, NOW + TTL - 30
        after = Server(folder, clocks)
        await after.kept.restore()
        assert after.has("a", "c") == ["c"]
        clocks.monotonic += 29
        assert after.has("c") == ["c"]
        clocks.monotonic += 1
        assert after.has("c") == []

    run(scenario)


def test_other_models_do_not_find_them(server: Server, folder: Path, clocks: Clocks) -> None:
    async def scenario() -> None:
        await server.kept.save()
        after = Server(folder, clocks, models="others")
        await after.kept.restore()
        assert len(after.cache) == 0

    run(scenario)


def test_an_unchanged_cache_is_not_written_again(server: Server) -> None:
    async def scenario() -> None:
        await server.kept.save()
        server.file.write_bytes(b"untouched")
        await server.kept.save()
        assert server.file.read_bytes() == b"untouched"
        server.put("c")
        await server.kept.save()
        assert server.file.read_bytes() != b"untouched"

    run(scenario)


def test_it_is_written_when_the_server_ends(server: Server) -> None:
    async def scenario() -> None:
        running = asyncio.ensure_future(server.kept.run())
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert server.file.exists()

    run(scenario)


def test_it_is_written_every_few_minutes(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_results, "SAVE_SECONDS", 0.0)

    async def scenario() -> None:
        running = asyncio.ensure_future(server.kept.run())
        async with asyncio.timeout(20):
            while not server.file.exists():
                await asyncio.sleep(0)
        running.cancel()

    run(scenario)


def test_erasing_deletes_the_file_and_the_next_one_is_without_them(
    server: Server, folder: Path, clocks: Clocks
) -> None:
    async def scenario() -> None:
        await server.kept.save()
        server.cache.forget("A")
        server.kept.erased()
        assert list(folder.iterdir()) == []
        await server.kept.save()
        assert b'\\"text\\":\\"b\\"' not in server.file.read_bytes()
        assert b'{"text":"b"}' not in server.file.read_bytes()
        after = Server(folder, clocks)
        await after.kept.restore()
        assert (after.has("a"), after.has("b", owner="A")) == (["a"], [])

    run(scenario)


@pytest.mark.parametrize("by_another_process", [False, True])
def test_what_is_erased_while_the_file_is_written_does_not_come_back(
    by_another_process: bool, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The results were collected before they are erased."""
    write = server.kept._write

    def erase_and_write(temporary: Path, results: Sequence[KeptResult]) -> None:
        assert len(results) == 2
        if by_another_process:
            delete_results(folder)
        else:
            server.kept.erased()
        write(temporary, results)

    async def scenario() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(server.kept, "_write", erase_and_write)
            await server.kept.save()
        assert list(folder.iterdir()) == []
        server.cache.forget("A")
        await server.kept.save()
        assert b'{"text":"a"}' in server.file.read_bytes()

    run(scenario)


def test_users_that_are_gone_are_neither_written_nor_restored(
    server: Server, folder: Path, clocks: Clocks
) -> None:
    async def scenario() -> None:
        await server.kept.save()
        after = Server(folder, clocks, users=[""])
        await after.kept.restore()
        assert (after.has("a"), after.has("b", owner="A")) == (["a"], [])
        server.users = [""]
        server.put("c")
        await server.kept.save()
        assert b'{"text":"b"}' not in server.file.read_bytes()

    run(scenario)


def as_directory(file: Path) -> None:
    file.mkdir(parents=True)


def as_fifo(file: Path) -> None:
    os.mkfifo(file)


def as_link(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to("elsewhere")


def as_readable(file: Path) -> None:
    file.chmod(0o644)


def as_truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def as_other_file(file: Path) -> None:
    file.write_bytes(b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94")


@pytest.mark.parametrize(
    "damage", [as_directory, as_fifo, as_link, as_readable, as_truncated, as_other_file]
)
def test_a_file_that_cannot_be_used_is_ignored_with_one_line(
    damage: Callable[[Path], None],
    server: Server,
    folder: Path,
    clocks: Clocks,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        await server.kept.save()
        if damage in (as_directory, as_fifo):
            server.file.unlink()
        damage(server.file)
        after = Server(folder, clocks)
        caplog.clear()
        await after.kept.restore()
        assert len(after.cache) == 0

    run(scenario)
    (record,) = caplog.records
    assert "the kept results are ignored: " in record.getMessage()
    assert str(folder) not in record.getMessage()


def test_no_file_is_no_problem(
    folder: Path, clocks: Clocks, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        await Server(folder, clocks).kept.restore()

    run(scenario)
    assert caplog.records == []


def test_a_folder_that_cannot_be_written_is_logged_once(
    server: Server, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        folder.parent.mkdir()
        folder.write_bytes(b"a file")
        await server.kept.save()
        await server.kept.save()
        folder.unlink()
        await server.kept.save()
        assert server.file.exists()

    run(scenario)
    (record,) = caplog.records
    assert "the results cannot be kept" in record.getMessage()


def test_what_a_killed_process_left_is_deleted(server: Server, folder: Path) -> None:
    async def scenario() -> None:
        folder.mkdir(parents=True)
        old, new = folder / "results-old.tmp", folder / "results-new.tmp"
        for path in (old, new):
            path.touch()
        os.utime(old, (1.0, 1.0))
        await server.kept.save()
        assert not old.exists()
        assert new.exists()

    run(scenario)


def test_the_identity_depends_on_the_engine() -> None:
    assert identity("one") == identity("one")
    assert identity("one") != identity("two")
