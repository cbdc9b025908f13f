"""The file of kept results: what comes back, and every way in which it can be wrong."""

from __future__ import annotations

import io
import json

import pytest

from cache.kept_file import KeptFileError, KeptResult, read_results, write_results
from cache.keys import CacheKey
from cache.stored_result import StoredResult

NOW = 1_800_000_000.0
MAX_BYTES = 1 << 20
PLAIN = KeptResult(
    CacheKey("md5 of a", "options", "models", "Zoë"), "sha256", StoredResult(b'{"lines":[]}'), 12.5
)
DRAWN = KeptResult(
    CacheKey("md5 of b", "options", "models"),
    "sha256 of b",
    StoredResult(b"{}", {"image/png": b"\x89PNG\n{}\n", "text/plain": b""}),
    0.0,
)


def written(*results: KeptResult, identity: str = "this", now: float = NOW) -> bytes:
    stream = io.BytesIO()
    write_results(stream, results, identity, now)
    return stream.getvalue()


def read(data: bytes, now: float = NOW, max_bytes: int = MAX_BYTES) -> tuple[KeptResult, ...]:
    return read_results(io.BytesIO(data), "this", now, max_bytes)


def test_what_is_written_is_read() -> None:
    assert read(written(PLAIN, DRAWN)) == (PLAIN, DRAWN)
    assert read(written()) == ()


def test_results_age_while_nobody_runs() -> None:
    assert [kept.age for kept in read(written(PLAIN, DRAWN), NOW + 100)] == [112.5, 100.0]


def test_a_clock_that_was_set_back_a_little_makes_nothing_younger() -> None:
    assert [kept.age for kept in read(written(PLAIN, DRAWN), NOW - 30)] == [12.5, 0.0]


def test_a_file_from_the_future_is_refused() -> None:
    with pytest.raises(KeptFileError, match="from the future"):
        read(written(PLAIN), NOW - 3600)


def test_a_file_of_other_models_is_refused() -> None:
    with pytest.raises(KeptFileError, match="other models"):
        read(written(PLAIN, identity="that"))


def test_a_file_of_another_format_is_refused() -> None:
    data = written(PLAIN).replace(b"results 1", b"results 2", 1)
    with pytest.raises(KeptFileError, match="another format"):
        read(data)


def test_a_file_larger_than_the_cache_is_refused() -> None:
    data = written(PLAIN, DRAWN)
    assert len(read(data, max_bytes=len(data))) == 2
    for limit in (len(data) - 1, 10):
        with pytest.raises(KeptFileError):
            read(data, max_bytes=limit)


def test_a_file_that_ends_early_is_refused_wherever_it_ends() -> None:
    data = written(PLAIN, DRAWN)
    for length in range(len(data)):
        with pytest.raises(KeptFileError):
            read(data[:length])


def test_a_changed_byte_is_found_wherever_it_is() -> None:
    data = written(PLAIN, DRAWN)
    for place in range(len(data)):
        with pytest.raises(KeptFileError):
            read(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"[]\n",
        b"null\n",
        b"\x80\x04\x95K.\n",
        b"{" * 100_000,
        b"[" * 60_000 + b"\n",
        b'{"format":"ocr-server results 1","identity":"this"}\n',
        b'{"format":"ocr-server results 1","identity":"this","saved_at":NaN}\n',
        b'{"format":"ocr-server results 1","identity":"this","saved_at":"today"}\n',
        b"\xff" * 1000,
    ],
)
def test_foreign_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(KeptFileError):
        read(data)


@pytest.mark.parametrize(
    "change",
    [
        {"json": -1},
        {"json": 1 << 40},
        {"json": True},
        {"json": "12"},
        {"artifacts": [1]},
        {"artifacts": {"image/png": -5}},
        {"key": ["md5"]},
        {"key": ["md5", "options", 7, ""]},
        {"key": ["md5", "options", "models", "owner", "more"]},
        {"sha256": None},
        {"age": "old"},
        {"age": float("inf")},
    ],
)
def test_a_head_with_wrong_values_is_refused(change: dict[str, object]) -> None:
    first, head, rest = written(PLAIN).split(b"\n", 2)
    changed = json.dumps({**json.loads(head), **change}).encode()
    with pytest.raises(KeptFileError):
        read(b"\n".join((first, changed, rest)))
