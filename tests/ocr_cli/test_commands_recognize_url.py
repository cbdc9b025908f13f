"""`ocr-server recognize --url`: with a running server, also one that is overloaded or stops."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from ocr_cli.main import main
from ocr_cli.recognize import refusals
from tests.support.cards import card
from tests.support.made_pages import RENDERED
from tests.support.watching import wait_until

if TYPE_CHECKING:
    from tests.support.live_server import LiveServer


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(12):
        (folder / f"page{number}.png").write_bytes(card(f"page {number}"))
    return folder


def recognize(port: int, *arguments: object) -> int:
    return main(["recognize", *map(str, arguments), "--url", f"http://127.0.0.1:{port}"])


def test_texts_in_their_order(
    wide: LiveServer, scans: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert recognize(wide.port, scans) == 0
    expected = (f"==> {scans}/page{each}.png <==\npage {each}\n" for each in range(12))
    assert capfdbinary.readouterr().out.decode() == "".join(expected)


def test_it_keeps_all_workers_busy(wide: LiveServer, scans: Path, gate: Path) -> None:
    for number in range(8):
        (scans / f"held{number}.png").write_bytes(card(f"hold {gate} {number}"))
    statuses: list[int] = []
    working = threading.Thread(target=lambda: statuses.append(recognize(wide.port, scans)))
    working.start()
    wait_until(lambda: wide.running() == 2 and wide.queued() == 2, "two read and two wait")
    gate.unlink()
    working.join(20)
    assert statuses == [0]


def test_a_full_server_is_asked_again(narrow: LiveServer, scans: Path, tmp_path: Path) -> None:
    for number in range(12):
        (scans / f"page{number}.png").write_bytes(card(f"take 0.05 {number}"))
    out = tmp_path / "out"
    assert recognize(narrow.port, scans, "--output", out, "--at-once", 8) == 0
    assert len(list(out.glob("*.txt"))) == 12
    assert narrow.metric("ocr_requests_total", error="queue_full") > 0


def test_resuming_does_not_ask_the_server(wide: LiveServer, scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert recognize(wide.port, scans, "--output", out) == 0
    wide.clear()
    (scans / "page3.png").write_bytes(card("page three"))
    assert recognize(wide.port, scans, "--output", out) == 0
    assert sum(wide.outcomes().values()) == 1
    assert (out / "page3.png.txt").read_text() == "page three\n"


def test_errors_have_the_code_of_the_server(
    wide: LiveServer, scans: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (scans / "bad.png").write_bytes(card("bad")[:60])
    assert recognize(wide.port, scans, "--format", "json") == 1
    output, errors = capfdbinary.readouterr()
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["status"] for line in lines].count("success") == 12
    assert lines[0]["error"]["code"] == "invalid_image"
    assert f"{scans}/bad.png: invalid_image: ".encode() in errors


@pytest.mark.parametrize(("arguments", "expected"), RENDERED)
def test_a_result_is_rendered_as_without_a_server(
    wide: LiveServer,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    arguments: list[str],
    expected: str,
) -> None:
    (tmp_path / "a.png").write_bytes(card("made page"))
    assert recognize(wide.port, tmp_path / "a.png", *arguments) == 0
    assert capfdbinary.readouterr().out.decode() == expected


def test_a_wrong_option_is_the_servers_word(
    wide: LiveServer, scans: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert recognize(wide.port, scans / "page1.png", "--option", "det_db_thresh=2") == 1
    assert "bad_field: det_db_thresh" in capfd.readouterr().err


@pytest.mark.parametrize("format", ["tsv", "hocr"])
def test_formats(wide: LiveServer, scans: Path, tmp_path: Path, format: str) -> None:
    out = tmp_path / "out"
    assert recognize(wide.port, scans, "--output", out, "--format", format) == 0
    assert len(list(out.glob(f"*.{format}"))) == 12
    assert "page" in (out / f"page1.png.{format}").read_text()


def test_drawings_cost_no_second_recognition(wide: LiveServer, scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert recognize(wide.port, scans, "--output", out, "--draw") == 0
    assert sum(wide.outcomes().values()) == 12
    with Image.open(scans / "page1.png") as given, Image.open(out / "page1.png.boxes.png") as drawn:
        assert drawn.size == given.size
        assert drawn.convert("RGB").tobytes() != given.convert("RGB").tobytes()


@contextmanager
def scripted(answers: list[bytes]) -> Iterator[int]:
    """A server that sends these answers, one per request, and then stops."""
    ready, ports = threading.Event(), []
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answers:
            writer.write(answers.pop(0))
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await stop.wait()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(5)
    try:
        yield ports[0]
    finally:
        loops[0][0].call_soon_threadsafe(loops[0][1].set)
        thread.join(5)


def said(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )


HEALTH = said(b'{"engine": {"models": "cards"}, "workers": [{}]}')
STARTING = said(b'{"engine": null, "workers": []}')
PAGE = json.dumps(
    {"data": {"width": 1, "height": 1, "lines": []}, "md5": "0" * 32, "elapsed_ms": 1}
).encode()


def test_a_server_that_goes_away_ends_the_run_and_what_is_done_is_kept(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(refusals, "GONE_SECONDS", 0.0)
    out = tmp_path / "out"
    with scripted([HEALTH, said(PAGE), said(PAGE)]) as port:
        assert recognize(port, scans, "--output", out, "--at-once", 1) == 1
    errors = capfd.readouterr().err
    assert f"the server at http://127.0.0.1:{port} does not answer" in errors
    assert "run the same command again to resume" in errors
    assert "recognized 2 of 12 images" in errors
    assert len(list(out.glob("*.txt"))) == 2


def test_a_connection_that_breaks_is_tried_again(scans: Path, tmp_path: Path) -> None:
    with scripted([HEALTH, b"", said(PAGE)]) as port:
        assert recognize(port, scans / "page1.png", "--output", tmp_path / "out") == 0


def test_a_server_that_starts_is_waited_for(scans: Path) -> None:
    with scripted([STARTING, STARTING, HEALTH, said(PAGE)]) as port:
        assert recognize(port, scans / "page1.png") == 0


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(said(b"<html>"), "is not an OCR server"), (said(b"[]"), "is not an OCR server"),
     (b"SSH-2.0\r\n\r\n", "not HTTP/1.1")],
)  # fmt: skip
def test_a_server_that_is_not_an_ocr_server(
    scans: Path, answer: bytes, expected: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with scripted([answer]) as port:
        assert recognize(port, scans) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert expected in line


def test_nobody_listens(scans: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with scripted([]) as port:
        pass
    assert recognize(port, scans) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"ocr-server recognize: no server at http://127.0.0.1:{port}")


def test_an_answer_that_is_none_is_this_images_failure(
    scans: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with scripted([HEALTH, said(b"{}"), said(PAGE)]) as port:
        assert recognize(port, scans / "page1.png", scans / "page2.png", "--at-once", 1) == 1
    assert "page1.png: bad_answer" in capfd.readouterr().err
