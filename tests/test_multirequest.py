"""The load test against a small real server that counts what it receives."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageSequence
from tornado.netutil import bind_sockets

import multirequest
from load_test.answers import Tally
from load_test.images import vary
from load_test.summary import percentile, summarise
from load_test.traffic import Request
from ocr_client.connection import Connection, Response
from tests.support.fake_ocr import FakeOcr, serving

ROOT = Path(__file__).resolve().parent.parent

CLIENTS = 8


@pytest.fixture
def fake() -> Iterator[FakeOcr]:
    with serving() as server:
        yield server


def noise(mode: str = "RGB") -> Image.Image:
    return Image.effect_noise((40, 24), 80).convert(mode)


def encoded(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    stream = io.BytesIO()
    (image or noise()).save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One image only, so that nothing is different by itself; the other file is no image."""
    (tmp_path / 'a "image" ü.jpg').write_bytes(encoded("JPEG"))
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def run(fake: FakeOcr, folder: Path, scenario: str, *more: str, clients: int = CLIENTS) -> int:
    where = ["--url", fake.url, "--dir", str(folder), "--clients", str(clients)]
    status = multirequest.main([*where, "--scenario", scenario, *more])
    assert isinstance(status, int)
    return status


@pytest.mark.parametrize("mode", ["file", "base64"])
def test_different_posts_new_images_on_every_run(fake: FakeOcr, folder: Path, mode: str) -> None:
    for _ in range(2):
        assert run(fake, folder, "different", "--mode", mode) == 0
    assert len(fake.digests) == len(set(fake.digests)) == 2 * CLIENTS
    assert not any(fake.uncached)


@pytest.mark.parametrize("mode", ["file", "base64"])
def test_same_posts_one_new_image_all_at_once(fake: FakeOcr, folder: Path, mode: str) -> None:
    fake.together = CLIENTS
    assert run(fake, folder, "same", "--mode", mode) == 0
    assert len(fake.connections) == CLIENTS
    fake.together = 0
    assert run(fake, folder, "same", "--mode", mode) == 0
    plain = {hashlib.md5(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert list(Counter(fake.digests).values()) == [CLIENTS, CLIENTS]
    assert plain.isdisjoint(fake.digests)


@pytest.mark.parametrize("mode", ["file", "base64", "filename"])
def test_cached_posts_the_image_once_before(
    fake: FakeOcr, folder: Path, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(fake, folder, "cached", "--mode", mode, "--json") == 0
    (summary,) = json.loads(capsys.readouterr().out)
    assert summary["requests"] == summary["ok"] == CLIENTS
    assert summary["cache"] == {"hit": CLIENTS, "joined": 0, "miss": 0}
    assert list(Counter(fake.digests).values()) == [CLIENTS + 1]
    assert not any(fake.uncached)


@pytest.mark.parametrize("scenario", ["different", "same"])
def test_images_named_by_path_are_read_past_the_cache(
    fake: FakeOcr, folder: Path, scenario: str
) -> None:
    assert run(fake, folder, scenario, "--mode", "filename") == 0
    assert fake.uncached == [True] * CLIENTS


def test_webp_is_left_alone_and_read_past_the_cache(fake: FakeOcr, tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(encoded("WEBP"))
    assert run(fake, tmp_path, "different") == 0
    assert fake.uncached == [True] * CLIENTS
    assert len(set(fake.digests)) == 1


@pytest.mark.parametrize(("requests", "clients", "connections"), [(21, 4, 4), (3, 8, 3)])
def test_a_client_keeps_its_connection(
    fake: FakeOcr, folder: Path, requests: int, clients: int, connections: int
) -> None:
    assert run(fake, folder, "different", "--requests", str(requests), clients=clients) == 0
    assert len(fake.digests) == requests
    assert len(fake.connections) == connections


def test_no_request_leaves_before_all_clients_are_connected(
    fake: FakeOcr, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    connect, exchange = Connection.connect, Connection.exchange

    async def recorded_connect(self: Connection) -> None:
        await connect(self)
        events.append("connect")

    async def recorded_exchange(self: Connection, request: bytes, seconds: float) -> Response:
        events.append("request")
        return await exchange(self, request, seconds)

    monkeypatch.setattr(Connection, "connect", recorded_connect)
    monkeypatch.setattr(Connection, "exchange", recorded_exchange)
    assert run(fake, folder, "same", clients=40) == 0
    assert events == ["connect"] * 41 + ["request"] * 40  # the first looks for the server


def oriented() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


PALETTE = noise("P")
CASES = {
    "jpeg": encoded("JPEG"),
    "progressive jpeg": encoded("JPEG", progressive=True),
    "jpeg with exif": encoded("JPEG", exif=oriented()),
    "two jpegs in one": encoded("MPO", save_all=True, append_images=[noise()]),
    "jpeg without jfif": b"\xff\xd8" + encoded("JPEG")[20:],
    "png": encoded("PNG"),
    "png with alpha": encoded("PNG", noise("RGBA")),
    "animated png": encoded("PNG", save_all=True, append_images=[noise()]),
    "gif": encoded("GIF", PALETTE),
    "animated gif": encoded("GIF", PALETTE, save_all=True, append_images=[noise("P")]),
    "two colours in a gif": encoded("GIF", noise("1")),
    "bmp": encoded("BMP"),
    "tiff": encoded("TIFF"),
    "tiff of two pages": encoded("TIFF", save_all=True, append_images=[noise()]),
    "big-endian tiff": encoded("TIFF", noise("I;16B")),
}


def frames(data: bytes) -> list[bytes]:
    with Image.open(io.BytesIO(data)) as image:
        return [frame.tobytes() for frame in ImageSequence.all_frames(image)]


@pytest.mark.parametrize("name", CASES)
def test_a_varied_image_has_the_same_pixels(name: str) -> None:
    data, note = CASES[name], b"0123456789abcdef-17"
    varied = vary(data, note)
    assert varied is not None
    assert varied != data
    assert varied.count(note) == 1
    assert frames(varied) == frames(data)
    with Image.open(io.BytesIO(data)) as old, Image.open(io.BytesIO(varied)) as new:
        assert (new.format, new.size, new.mode) == (old.format, old.size, old.mode)
        assert dict(new.getexif()) == dict(old.getexif())
        if new.format in ("JPEG", "GIF"):
            assert new.info["comment"] == note
        if new.format == "PNG":
            assert new.info["Comment"] == note.decode()
            with Image.open(io.BytesIO(varied)) as unread:
                unread.verify()  # every CRC


def test_the_table_fits_and_names_its_columns(
    fake: FakeOcr, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(fake, folder, "all") == 0
    output, errors = capsys.readouterr()
    lines = output.splitlines()
    assert errors == ""
    assert max(map(len, lines)) <= 100
    assert lines[0] == f"url       {fake.url}/ocr_service"
    assert lines[1].startswith("images    1 in ")
    assert lines[2] == f"clients   {CLIENTS}, {CLIENTS} requests per scenario, mode file"
    head = "scenario requests ok failures hit/joined/miss wall s images/s mean p50 p95 p99 max"
    assert lines[4].split() == head.split()
    rows = [line.split() for line in lines[5:8]]
    count = str(CLIENTS)
    assert [row[:5] for row in rows] == [
        ["different", count, count, "0", f"0/0/{CLIENTS}"],
        ["same", count, count, "0", f"{CLIENTS - 1}/0/1"],
        ["cached", count, count, "0", f"{CLIENTS}/0/0"],
    ]
    assert all(len(row) == 12 and float(row[5]) >= 0 for row in rows)


def test_refused_requests_are_grouped(
    fake: FakeOcr, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.fail_every = 4
    assert run(fake, folder, "different", "--requests", "12") == 1
    output = capsys.readouterr().out
    assert "       3 x 503 queue_full: the queue is full (Retry-After: 2)" in output.splitlines()
    assert "different       12     9        3" in output


def test_a_text_that_differs_is_a_failure(
    fake: FakeOcr, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.odd_text_at = 3
    assert run(fake, folder, "different", "--requests", "5", clients=1) == 1
    output = capsys.readouterr().out.splitlines()
    assert output[-1] == '       1 x 200 text differs: a "image" ü.jpg'


def test_texts_are_compared_across_scenarios(fake: FakeOcr, folder: Path) -> None:
    fake.odd_text_at = 3  # the request before the cached scenario
    assert run(fake, folder, "all", clients=1) == 1


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"data": null}', b"\xff"])
def test_an_answer_of_another_shape_is_a_failure(
    fake: FakeOcr, folder: Path, answer: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.answer = answer
    assert run(fake, folder, "same") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "       8 x 200 the answer does not match docs/api.md"
    assert lines[5].split()[-5:] == ["-"] * 5


def test_a_dropped_connection_is_a_failure_and_is_opened_again(
    fake: FakeOcr, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.drop_at = 2
    assert run(fake, folder, "different", "--requests", "4", clients=1) == 1
    assert "1 x no answer: the server closed the connection" in capsys.readouterr().out
    assert len(fake.digests) == 4
    assert len(fake.connections) == 2


def test_after_a_timeout_the_next_request_has_a_new_connection(
    fake: FakeOcr, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.together = 2  # the first request waits for the second, which one client sends later
    assert run(fake, folder, "different", "--requests=2", "--timeout=1", clients=1) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[5].split()[1:4] == ["2", "1", "1"]
    assert lines[-1] == "       1 x no answer within 1 s"


def test_nobody_listens(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (closed,) = bind_sockets(0, "127.0.0.1")
    port = closed.getsockname()[1]
    closed.close()
    assert multirequest.main(["--url", f"http://127.0.0.1:{port}", "--dir", str(folder)]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.count("\n") == 1
    assert f"no server at http://127.0.0.1:{port}" in errors
    assert "make serve" in errors


@pytest.mark.parametrize(
    ("name", "expected"), [("", "(1 files)"), ("empty", "(0 files)"), ("absent", "cannot read")]
)
def test_no_images(
    tmp_path: Path, name: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "empty").mkdir()
    assert multirequest.main(["--dir", str(tmp_path / name)]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert expected in errors
    assert str(tmp_path / name) in errors


@pytest.mark.parametrize(
    "wrong",
    ["--clients=0", "--requests=0", "--timeout=0", "--url=127.0.0.1:8888", "--url=https://a"],
)
def test_wrong_arguments(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        multirequest.main([wrong])
    assert stopped.value.code == 2
    assert wrong.split("=")[0] in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([10.0, 20.0, 30.0, 40.0], 50, 25.0),
        ([10.0, 20.0, 30.0, 40.0], 95, 38.5),
        ([10.0, 20.0, 30.0, 40.0], 99, 39.7),
        ([10.0, 20.0, 30.0, 40.0], 100, 40.0),
        ([1.0, 2.0, 6.0], 50, 2.0),
        ([1.0, 2.0, 6.0], 75, 4.0),
        ([7.0], 99, 7.0),
    ],
)
def test_percentiles(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == pytest.approx(expected)


def test_a_summary_counts_good_answers_only() -> None:
    tally = Tally()
    for ended, seconds in ((0.1, 0.04), (0.5, 0.01)):
        tally.good(Request("duplicate", "a", b""), ended, seconds)
    tally.failed(0.2, "503 queue_full: full")
    summary = summarise("same", tally)
    assert (summary.requests, summary.ok, summary.failures) == (3, 2, 1)
    assert summary.images_per_second == 4.0
    expected = {"mean": 25.0, "p50": 25.0, "p95": 38.5, "p99": 39.7, "max": 40.0}
    assert summary.latency_ms == pytest.approx(expected)
    assert list(summary.latency_ms) == list(expected)
    assert summary.reasons == {"503 queue_full: full": 1}


@pytest.mark.parametrize(("fail_every", "status"), [(0, 0), (5, 1)])
def test_as_a_command(fake: FakeOcr, folder: Path, fail_every: int, status: int) -> None:
    fake.fail_every = fail_every
    where = ["--url", f"{fake.url}/", "--dir", str(folder), "--clients", "4", "--json"]
    command = [sys.executable, "-W", "error", str(ROOT / "multirequest.py"), *where]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == status, done.stderr
    summaries = json.loads(done.stdout)
    assert [each["scenario"] for each in summaries] == ["different", "same", "cached"]
    assert sum(each["failures"] for each in summaries) == (13 // fail_every if status else 0)
    assert "Traceback" not in done.stderr
