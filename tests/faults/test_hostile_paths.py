"""Rows 32 and 33: paths that lead elsewhere, and files that change while they are read."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.cards import card
from tests.support.http_client import Reply
from tests.support.invariant import Invariant
from tests.support.server_process import ServerProcess

FORM = {"Content-Type": "application/x-www-form-urlencoded", "X-Request-Id": "always-the-same"}
REFUSAL_SECONDS = 0.05
PADDED_BYTES = 3 << 20
READERS = 4
READS = 60

# (path, whether it is percent-encoded already)
PATHS = [
    ("../outside/secret.png", False),
    ("images/../outside/secret.png", False),
    ("folder/../../outside/secret.png", False),
    ("folder/../folder/fine.png", False),
    ("%2e%2e/outside/secret.png", True),
    ("%2e%2e%2foutside%2fsecret.png", True),
    ("%252e%252e/outside/secret.png", True),
    ("..\\outside\\secret.png", False),
    ("/etc/passwd", False),
    ("//etc/passwd", False),
    ("file:///etc/passwd", False),
    ("{root}/../outside/secret.png", False),
    ("{outside}/secret.png", False),
    ("{root}-private/secret.png", False),
    ("../images-private/secret.png", False),
    ("images-private/secret.png", False),
    ("folder/fine.png%00", True),
    ("fine.png%00.png", True),
    ("link.png", False),
    ("relative.png", False),
    ("inward.png", False),
    ("linked/secret.png", False),
    ("loop", False),
    ("pipe", False),
    ("zero", False),
    ("socket", False),
    ("folder", False),
    ("folder/", False),
    (".", False),
    ("{root}", False),
    ("/", False),
    ("/dev/zero", False),
    ("/dev/stdin", False),
    ("/proc/self/environ", False),
    ("/proc/self/fd/0", False),
    ("folder/fine.png/more", False),
    ("~/secret.png", False),
    (" folder/fine.png", False),
    ("x" * 300, False),
    ("x/" * 1500, False),
]


def name(server: ServerProcess, path: str, encoded: bool = False) -> Reply:
    """Ask for a file by its path; encoded: the path is percent-encoded as it is to be sent."""
    text = path if encoded else quote(path, safe="")
    body = f"file_type=filename&filename={text}".encode()
    return server.request("POST", "/ocr_service", body, FORM)


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(card(text))
    return path


@pytest.fixture(scope="module")
def trap(_fakes: Invariant) -> Path:
    """A root with everything in it and beside it that must not be read."""
    root = _fakes.server.folder / "images"
    outside = put(root.parent / "outside" / "secret.png", "a secret")
    put(root.parent / "images-private" / "secret.png", "a secret")
    put(root / "folder" / "fine.png", "fine")
    for link, target in [
        ("link.png", outside),
        ("relative.png", Path("../outside/secret.png")),
        ("inward.png", root / "folder" / "fine.png"),
        ("linked", outside.parent),
        ("loop", root / "loop"),
        ("zero", Path("/dev/zero")),
    ]:
        (root / link).symlink_to(target)
    os.mkfifo(root / "pipe")
    os.mknod(root / "socket", 0o600 | 0o140000)
    return root


@pytest.mark.faults(32)
@pytest.mark.parametrize(("path", "encoded"), PATHS)
def test_what_may_not_be_read_looks_like_what_is_not_there(
    fakes: ServerProcess, trap: Path, path: str, encoded: bool
) -> None:
    asked = path.replace("{root}", str(trap)).replace("{outside}", str(trap.parent / "outside"))
    absent = name(fakes, "absent.png")
    assert (absent.status, absent.code) == (404, "not_found")
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        reply = name(fakes, asked, encoded)
        seconds.append(time.monotonic() - started)
        assert (reply.status, reply.body) == (absent.status, absent.body)
    assert min(seconds) < REFUSAL_SECONDS
    assert str(trap) not in reply.body.decode()


@pytest.mark.faults(32)
def test_a_file_beside_the_traps_is_read(fakes: ServerProcess, trap: Path) -> None:
    for path in ("folder/fine.png", "images/folder/fine.png", str(trap / "folder/fine.png")):
        assert name(fakes, path).text == "fine"


@pytest.mark.faults(32)
@pytest.mark.usefixtures("trap")
def test_pipes_without_a_writer_hold_no_thread(fakes: ServerProcess) -> None:
    """More of them than the server has threads; a file is read meanwhile and afterwards."""
    with ThreadPoolExecutor(40) as clients:
        asked = [clients.submit(name, fakes, "pipe") for _ in range(200)]
        assert name(fakes, "folder/fine.png").text == "fine"
        assert {future.result().status for future in asked} == {404}
    assert name(fakes, "folder/fine.png").text == "fine"


@pytest.mark.faults(32)
@pytest.mark.usefixtures("trap")
def test_descriptors_are_given_back(fakes: ServerProcess) -> None:
    """The invariant compares them."""
    for path in ("folder/fine.png", "link.png", "linked/x", "pipe", "folder", "absent.png") * 5:
        name(fakes, path)


@pytest.fixture
def cards(fakes: ServerProcess) -> Iterator[dict[str, str]]:
    """The texts of two cards by their MD5; changing.png is the one, then the other, and so on."""
    folder = fakes.folder
    target = folder / "images" / "changing.png"
    texts = ("the one", "the other")
    files = {text: folder / f"{text}.png" for text in texts}
    for text, file in files.items():
        file.write_bytes(card(text).ljust(PADDED_BYTES, b"\0"))
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            for text in texts:
                fresh = folder / "fresh.png"
                os.link(files[text], fresh)
                fresh.rename(target)

    swapper = threading.Thread(target=swap)
    os.link(files[texts[1]], target)  # a file renamed onto itself would stay
    swapper.start()
    yield {hashlib.md5(file.read_bytes()).hexdigest(): text for text, file in files.items()}
    done.set()
    swapper.join()
    target.unlink()


@pytest.mark.faults(33)
def test_text_and_md5_are_of_the_same_bytes(fakes: ServerProcess, cards: dict[str, str]) -> None:
    def read(number: int) -> str:
        headers = {**FORM, "Cache-Control": "no-cache" if number % 2 else ""}
        body = b"file_type=filename&filename=changing.png"
        reply = fakes.request("POST", "/ocr_service", body, headers)
        assert reply.status == 200, reply.body
        assert cards[reply.json["md5"]] == reply.text
        return reply.text

    with ThreadPoolExecutor(READERS) as clients:
        seen = Counter(clients.map(read, range(READS)))
    assert sorted(seen) == sorted(cards.values())


@pytest.mark.faults(33)
def test_a_file_rewritten_in_place_is_read_once(fakes: ServerProcess) -> None:
    """What is read may be half of each; MD5 and text still belong to what was read."""
    target = put(fakes.folder / "images" / "rewritten.png", "one")
    texts = {hashlib.md5(card(text)).hexdigest(): text for text in ("one", "two")}
    done = threading.Event()

    def rewrite() -> None:
        with target.open("r+b", buffering=0) as file:
            while not done.is_set():
                for text in texts.values():
                    os.pwrite(file.fileno(), card(text), 0)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        for _ in range(READS):
            reply = name(fakes, "rewritten.png")
            if reply.status == 200:
                assert texts.get(reply.json["md5"], reply.text) == reply.text
            else:
                assert reply.code == "invalid_image"
    finally:
        done.set()
        writer.join()
