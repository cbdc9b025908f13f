"""file_type=filename: regular files inside the roots, read once, and again after a change."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from server.intake import file_roots
from server.intake.file_roots import FileRoots, OpenedFile
from server.intake.request import ImageBytes
from tests.support.cards import card
from tests.support.http_client import Reply
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until

FORM = {"Content-Type": "application/x-www-form-urlencoded", "X-Request-Id": "always-the-same"}
LONG_AGO = 1_000_000_000


def name(server: LiveServer, path: str, encoded: bool = False) -> Reply:
    """Request a file by its path; encoded: the path is already percent-encoded."""
    text = path if encoded else quote(path, safe="")
    body = f"file_type=filename&filename={text}".encode()
    return server.request("POST", "/ocr_service", body, FORM)


def put(path: Path, text: str, modified: float = LONG_AGO) -> Path:
    """Write a card to a file, with an old modification time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(card(text))
    os.utime(path, (modified, modified))
    return path


@pytest.mark.parametrize(
    "path_of",
    [
        lambda file: file.name,
        lambda file: f"./{file.name}",
        lambda file: f"images/{file.name}",
        lambda file: f"./images/{file.name}",
        str,
    ],
    ids=["in-root", "dot", "with-root", "dot-root", "absolute"],
)
def test_a_file_in_a_root(wide: LiveServer, path_of: Callable[[Path], str]) -> None:
    file = put(wide.images / "page one.png", "on the server")
    reply = name(wide, path_of(file))
    assert (reply.status, reply.text) == (200, "on the server")


def test_a_file_in_a_folder_below_and_in_json(wide: LiveServer) -> None:
    put(wide.images / "a" / "b" / "页.png", "below")
    reply = wide.post_json({"file_type": "filename", "filename": "a/b/页.png"})
    assert (reply.status, reply.text) == (200, "below")
    assert wide.post_json({"filename": "a/b/页.png"}).json["cache"] == "hit"


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests are remembered without waiting for files to settle."""
    monkeypatch.setattr(file_roots, "SETTLED_SECONDS", -1.0)


def tick(folder: Path) -> None:
    """Wait for the next tick of the file system's coarse clock."""
    scratch = folder / "clock"
    scratch.touch()
    before = scratch.stat().st_ctime_ns

    def moved() -> bool:
        scratch.touch()
        return scratch.stat().st_ctime_ns > before

    wait_until(moved, "a tick")


def test_a_file_over_the_limit_of_uploads(wide: LiveServer) -> None:
    big = wide.images / "big.png"
    big.write_bytes(card("big") + b"\0" * (1 << 20))
    reply = name(wide, "big.png")
    assert (reply.status, reply.code) == (413, "body_too_large")
    assert str(1 << 20) in reply.json["error"]["message"]


def test_a_file_that_is_no_image(wide: LiveServer) -> None:
    (wide.images / "notes.png").write_text("root:x:0:0")
    (wide.images / "empty.png").write_bytes(b"")
    assert name(wide, "notes.png").status == 415
    assert name(wide, "empty.png").status == 415


@pytest.mark.usefixtures("settled")
def test_an_unchanged_file_is_a_hit_without_being_read(
    wide: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(wide.images / "same.png", "the same")
    assert name(wide, "same.png").json["cache"] == "miss"

    def must_not_read(*_: object) -> None:
        raise AssertionError("the file was read again")

    monkeypatch.setattr(FileRoots, "read", must_not_read)
    assert name(wide, "same.png").json["cache"] == "hit"
    assert name(wide, "images/same.png").json["cache"] == "hit"


def test_a_recently_written_file_is_read_every_time(
    wide: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may change again within one tick of its clock."""
    reads: list[str] = []
    read = FileRoots.read

    def counting(roots: FileRoots, opened: OpenedFile) -> ImageBytes:
        reads.append("read")
        return read(roots, opened)

    monkeypatch.setattr(FileRoots, "read", counting)
    put(wide.images / "young.png", "young", time.time())
    assert [name(wide, "young.png").json["cache"] for _ in range(2)] == ["miss", "hit"]
    assert len(reads) == 2


@pytest.mark.usefixtures("settled")
def test_a_changed_file_is_read_again(wide: LiveServer) -> None:
    file = put(wide.images / "changing.png", "before")
    assert name(wide, "changing.png").text == "before"
    put(file, "after", LONG_AGO + 1)
    assert name(wide, "changing.png").text == "after"
    put(wide.images / "new.png", "moved here", LONG_AGO + 1).rename(file)
    assert name(wide, "changing.png").text == "moved here"


@pytest.mark.usefixtures("settled")
def test_a_new_file_with_the_inode_of_a_deleted_one_is_read(wide: LiveServer) -> None:
    """File systems reuse the inode number of a deleted file."""
    file = wide.images / "again.png"
    for text in ("text 1", "text 2", "text 3", "text 4"):
        put(file, text)
        assert name(wide, "again.png").text == text
        file.unlink()
        tick(wide.images)


@pytest.mark.usefixtures("settled")
def test_a_file_changed_in_place_with_its_old_date_is_read_again(wide: LiveServer) -> None:
    """As with rsync --inplace --times: size, inode and modification time stay the same."""
    file = put(wide.images / "dated.png", "text A")
    size = file.stat().st_size
    assert name(wide, "dated.png").text == "text A"
    tick(wide.images)
    with file.open("r+b") as stream:
        stream.write(card("text B"))
    os.utime(file, (LONG_AGO, LONG_AGO))
    assert file.stat().st_size == size
    assert name(wide, "dated.png").text == "text B"


def test_a_named_file_shares_its_entry_with_an_upload(wide: LiveServer) -> None:
    file = put(wide.images / "shared.png", "shared")
    assert wide.upload(file.read_bytes()).json["cache"] == "miss"
    assert name(wide, "shared.png").json["cache"] == "hit"
