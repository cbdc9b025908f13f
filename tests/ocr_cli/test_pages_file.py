"""The pages of an interrupted run: what a crash has cut off, and what belongs to another file."""

from __future__ import annotations

from pathlib import Path

import pytest

from cache.stored_result import StoredResult
from ocr_cli.recognize.origin import CannotWrite, Origin
from ocr_cli.recognize.pages_file import PagesFile

ORIGIN = Origin(10, 20, "how")
RESULTS = {
    page: StoredResult(b'{"text":"%d"}' % page, {"a/b": b"a" * page, "c/d": b""})
    for page in (3, 1, 2)
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    store = PagesFile(tmp_path / "pages", ORIGIN)
    store.open()
    store.describe(5, "md5")
    for page, result in RESULTS.items():
        store.add(page, result)
    store.close()
    return tmp_path / "pages"


def opened(path: Path, origin: Origin = ORIGIN, again: bool = False) -> PagesFile:
    store = PagesFile(path, origin)
    store.open(again)
    return store


def test_pages_are_found_again(path: Path) -> None:
    store = opened(path)
    assert (store.page_count, store.md5, sorted(store.done)) == (5, "md5", [1, 2, 3])
    assert {page: store.result(page) for page in store.done} == RESULTS
    store.delete()
    store.close()
    assert not path.exists()


@pytest.mark.parametrize("lost", [1, 3, 20, 60])
def test_what_is_cut_off_is_dropped_and_written_again(path: Path, lost: int) -> None:
    path.write_bytes(path.read_bytes()[:-lost])
    store = opened(path)
    assert store.done == {1, 3}
    store.add(2, RESULTS[2])
    store.close()
    store = opened(path)
    assert {page: store.result(page) for page in (1, 2, 3)} == RESULTS


def test_a_page_with_other_bytes_is_dropped(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"text":"1"', b'"text":"7"'))
    assert opened(path).done == {3}


@pytest.mark.parametrize("origin", [Origin(11, 20, "how"), Origin(10, 20, "other")])
def test_pages_of_another_origin_are_dropped(path: Path, origin: Origin) -> None:
    store = opened(path, origin)
    assert (store.page_count, store.done) == (0, frozenset())


def test_pages_can_be_dropped(path: Path) -> None:
    assert opened(path, again=True).done == frozenset()


@pytest.mark.parametrize("content", [b"", b"\n", b"[]\n", b"no state\n", b'{"format":1}\n'])
def test_a_file_that_is_something_else(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    store = opened(path)
    assert store.done == frozenset()
    store.add(1, RESULTS[1])
    store.close()
    assert opened(path).result(1) == RESULTS[1]


def test_two_runs_do_not_share_it(path: Path) -> None:
    store = opened(path)
    with pytest.raises(CannotWrite, match="another `ocr-server recognize` is using"):
        opened(path)
    store.close()
