"""Written files are found with the results that they were written from, within limits."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cache.written_files import ENTRY_OVERHEAD_BYTES, FileKey, WrittenFiles

SIZE = 10_000
ROOM = SIZE + ENTRY_OVERHEAD_BYTES


@dataclass
class Written:
    """A file of this size."""

    size: int = SIZE


def key(name: str, owner: str = "") -> FileKey:
    return FileKey(owner, f"md5 of {name}", "asked")


def filled(max_bytes: int, *names: str) -> WrittenFiles[Written]:
    files: WrittenFiles[Written] = WrittenFiles(max_bytes, 100)
    for name in names:
        files.put(key(name), "content", Written())
    return files


def test_a_file_is_found_with_its_content_alone() -> None:
    files = filled(ROOM)
    made = Written()
    files.put(key("a"), "content", made)
    assert key("a") in files
    assert files.get(key("a"), "content") is made
    assert files.get(key("a"), "other") is None
    assert files.get(key("a", "somebody"), "content") is None


def test_the_least_recently_used_files_give_way() -> None:
    files = filled(2 * ROOM, "a", "b")
    assert files.get(key("a"), "content")
    files.put(key("c"), "content", Written())
    assert [name for name in "abc" if key(name) in files] == ["a", "c"]


@pytest.mark.parametrize("max_bytes", [0, ROOM - 1])
def test_a_file_that_does_not_fit_is_not_kept(max_bytes: int) -> None:
    assert not len(filled(max_bytes, "a"))


def test_files_expire_and_are_released() -> None:
    now = 0.0
    files: WrittenFiles[Written] = WrittenFiles(ROOM, 10, clock=lambda: now)
    files.put(key("a"), "content", Written())
    now = 9.0
    assert files.get(key("a"), "content")
    now = 11.0
    assert files.get(key("a"), "content") is None
    assert not len(files)


def test_files_are_forgotten_by_owner_or_source() -> None:
    files = filled(10 * ROOM, "a", "b")
    files.put(key("a", "anna"), "content", Written())
    files.put(key("b", "anna"), "content", Written())
    assert files.forget("", "md5 of a") == 1
    assert files.forget("anna") == 2
    assert [name for name in "ab" if key(name) in files] == ["b"]
