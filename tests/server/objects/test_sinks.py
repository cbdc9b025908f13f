"""Places for results on this machine: each result once, whatever ends the process."""

from __future__ import annotations

import asyncio
import dataclasses
import fcntl
import json
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from server.database.location import Location
from server.database.tables import STORAGE_RESULT
from server.formats.rendering import Rendering
from server.objects.errors import ReadFailure, StoreUnavailable
from server.objects.result import ObjectResult, Reading, Version, error_of, result_of
from server.objects.sinks import json_lines
from server.objects.sinks.database import DatabaseSink
from server.objects.sinks.folder import FolderSink
from server.objects.sinks.json_lines import JsonLinesSink
from tests.support.databases import opened
from tests.support.objects import document_of
from tests.support.wards import Clock

VERSION = Version("s3://scans", "in/a.png", "1")


def result(text: str, key: str = "in/a.png", format: str = "json") -> ObjectResult:
    reading = Reading(document_of(text), "0" * 32, 1.0)
    return result_of(Version("s3://scans", key, f"etag of {text}"), reading, Rendering(format))


def failure(text: str = "broken", key: str = "in/a.png") -> ObjectResult:
    error = ReadFailure("invalid_image", "the JPEG header is cut off")
    return error_of(Version("s3://scans", key, f"etag of {text}"), error)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 30))


@pytest.mark.parametrize(
    ("format", "name", "start"),
    [
        ("json", "a.png.json", '{"source":"s3://scans","key":"in/a.png","etag":'),
        ("text", "a.png.txt", "one\n"),
        ("markdown", "a.png.md", "one"),
        ("hocr", "a.png.hocr", "<?xml"),
    ],
)
def test_a_result_is_a_file_next_to_those_of_its_folder(
    tmp_path: Path, format: str, name: str, start: str
) -> None:
    run(FolderSink(tmp_path / "out").put(result("one", format=format), again=False))
    assert [path.name for path in (tmp_path / "out" / "in").iterdir()] == [name]
    assert (tmp_path / "out" / "in" / name).read_text().startswith(start)


def test_an_error_is_a_file_that_the_next_version_removes(tmp_path: Path) -> None:
    async def test() -> None:
        sink = FolderSink(tmp_path)
        await sink.put(failure(), again=False)
        error = tmp_path / "in" / "a.png.error.json"
        assert json.loads(error.read_text())["error"]["code"] == "invalid_image"
        mended = dataclasses.replace(result("one"), replaces_error=True)
        await sink.put(mended, again=True)
        assert [path.name for path in (tmp_path / "in").iterdir()] == ["a.png.json"]

    run(test())


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="Not a directory"):
        run(FolderSink(tmp_path / "file").put(result("one"), again=False))


def put(path: Path, *results: ObjectResult, again: bool) -> None:
    """Put lines as one process does, which then ends."""

    async def test() -> None:
        sink = JsonLinesSink(path)
        try:
            await asyncio.gather(*(sink.put(each, again) for each in results))
        finally:
            sink.close()

    run(test())


def lines(path: Path) -> list[str]:
    return [json.loads(line)["key"] for line in path.read_text().splitlines()]


def test_each_result_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"

    several = [result("one", f"{number}") for number in range(20)]
    put(path, *several, again=False)
    put(path, *several, again=True)
    assert sorted(lines(path), key=int) == [str(number) for number in range(20)]


def test_a_line_that_was_written_before_a_crash_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    put(path, result("one"), again=False)
    put(path, result("one"), again=True)
    put(path, result("two"), again=True)
    assert len(lines(path)) == 2


@pytest.mark.parametrize("block", [7, 1 << 16])
def test_half_a_line_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """The machine has crashed while the line was written."""
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", block)
    path = tmp_path / "results.jsonl"
    put(path, result("one", "a"), again=False)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    put(path, result("one", "b"), again=True)
    assert lines(path) == ["a", "b"]
    path.write_bytes(whole[:10])
    put(path, result("one", "c"), again=True)
    assert lines(path) == ["c"]


def test_only_one_process_writes_a_file_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(StoreUnavailable, match="another process writes"):
            put(path, result("one"), again=False)
    put(path, result("one"), again=False)
    assert lines(path) == ["in/a.png"]


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.jsonl"

    async def test() -> None:
        sink = JsonLinesSink(path)
        await sink.put(result("one", "a"), again=False)
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StoreUnavailable, match="No space left"):
            await sink.put(result("one", "b"), again=False)
        monkeypatch.undo()
        await sink.put(result("one", "c"), again=False)
        sink.close()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    run(test())
    assert lines(path) == ["a", "c"]


def test_the_database_has_a_row_for_each_object(location: Location) -> None:
    async def test() -> None:
        async for database in opened(location):
            sink = DatabaseSink(database, Clock())
            for each in (failure(), result("one"), result("one"), result("two", "in/b.png")):
                await sink.put(each, again=True)
            query = select(STORAGE_RESULT).order_by(STORAGE_RESULT.c.key)
            async with database.read() as connection:
                rows = (await connection.execute(query)).all()
            assert [(row.key, row.etag, row.status, row.text) for row in rows] == [
                ("in/a.png", "etag of one", "success", "one"),
                ("in/b.png", "etag of two", "success", "two"),
            ]
            assert json.loads(rows[0].result)["data"]["text"] == "one"
            assert await sink.has(result("one").version)
            assert not await sink.has(result("three").version)

    run(test())


def test_the_database_stores_what_no_database_accepts(location: Location) -> None:
    async def test() -> None:
        async for database in opened(location):
            odd = result_of(
                VERSION, Reading(document_of("nul \0 and \ud800"), "", 1.0), Rendering()
            )
            await DatabaseSink(database, Clock()).put(odd, again=False)
            async with database.read() as connection:
                text = (await connection.execute(select(STORAGE_RESULT.c.text))).scalar_one()
            assert text == "nul  and ?"

    run(test())


def test_an_error_in_the_database_is_not_a_result(location: Location) -> None:
    async def test() -> None:
        async for database in opened(location):
            sink = DatabaseSink(database, Clock())
            await sink.put(failure(), again=False)
            assert not await sink.has(failure().version)

    run(test())
