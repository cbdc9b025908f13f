"""Whole load tests against a real server: loops, mixes, warm-up, Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest

from load_test.answers import Judge, Tally
from load_test.loops import Amount, Run, arrival_times, open_loop
from load_test.main import main
from load_test.traffic import Request
from ocr_client.connection import Connection, Response
from tests.support.checkout import ROOT
from tests.support.fake_ocr import FREEZE_SECONDS, FakeOcr, serving
from tests.support.load_command import COMMAND, load, two_images
from tests.support.watching import wait_until

FREEZE_MS = FREEZE_SECONDS * 1000


@pytest.fixture
def fake() -> Iterator[FakeOcr]:
    with serving() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return two_images(tmp_path / "images")


def measured(
    capsys: pytest.CaptureFixture[str], fake: FakeOcr, folder: Path, *more: str
) -> dict[str, Any]:
    """The summary of a load test without failures."""
    assert main(load(fake, folder, "--json", *more)) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert len(found) == 1
    return found[0]


# --- loops


def test_a_duration_ends_a_closed_loop(
    fake: FakeOcr, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--scenario=different", "--clients=2", "--duration=300ms")
    summary = measured(capsys, fake, folder, *more)
    assert 0.25 < summary["wall_seconds"] < 2
    assert summary["requests"] == len(fake.digests) > 4
    assert len(fake.connections) == 2


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
def test_an_open_loop_keeps_its_rate(
    fake: FakeOcr, folder: Path, arrivals: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--scenario=different", "--rate=100", "--requests=50", f"--arrivals={arrivals}")
    summary = measured(capsys, fake, folder, *more, "--seed=1")
    assert summary["requests"] == len(set(fake.digests)) == 50
    assert 0.3 < summary["wall_seconds"] < 1.5
    assert summary["rate"] == 100
    assert summary["late_ms"]["max"] is not None


def test_an_open_loop_ends_after_its_duration(
    fake: FakeOcr, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--scenario=cached", "--rate=100", "--duration=300ms")
    assert measured(capsys, fake, folder, *more)["requests"] == 30


def test_all_who_come_while_the_server_stands_still_are_counted_as_slow(
    fake: FakeOcr, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A closed loop sends only one request meanwhile, so its median looks good."""
    fake.freeze_at = 5
    more = ("--scenario=different", "--requests=25")
    closed = measured(capsys, fake, folder, *more, "--clients=1")
    fake.freeze_at = len(fake.digests) + 5
    opened = measured(capsys, fake, folder, *more, "--rate=50")
    assert closed["latency_ms"]["max"] > FREEZE_MS
    assert closed["latency_ms"]["p50"] < FREEZE_MS / 10
    assert opened["latency_ms"]["max"] > FREEZE_MS * 0.9
    assert opened["latency_ms"]["p50"] > FREEZE_MS / 6


def test_latency_counts_from_when_a_request_was_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if this process is blocked."""
    sent: list[bytes] = []

    async def exchange(self: Connection, request: bytes, seconds: float) -> Response:
        if not sent:
            time.sleep(0.2)
        sent.append(request)
        answer = b'{"data": {"text": ""}}'
        return Response(200, {}, answer, asyncio.get_running_loop().time())

    async def run() -> Tally:
        requests = iter([Request("unique", "a", b"")] * 3)
        tally = Tally()
        address: Any = None
        await open_loop(Run(address, requests, Amount(3), 1.0, Judge(), tally), [0.0, 0.05, 0.1])
        return tally

    monkeypatch.setattr(Connection, "exchange", exchange)
    tally = asyncio.run(run())
    assert len(sent) == tally.done == 3
    assert tally.latencies[1] == pytest.approx(0.15, abs=0.04)
    assert tally.late[1] == pytest.approx(0.15, abs=0.04)


def test_arrival_times() -> None:
    assert list(islice(arrival_times(4, "constant", random.Random(1)), 3)) == [0, 0.25, 0.5]
    times = list(islice(arrival_times(4, "poisson", random.Random(1)), 4000))
    gaps = [after - before for before, after in pairwise(times)]
    assert sum(gaps) / len(gaps) == pytest.approx(0.25, rel=0.05)
    assert sum(gap > 0.25 for gap in gaps) / len(gaps) == pytest.approx(0.368, abs=0.03)


# --- what is sent


def test_a_mix_is_sent_and_told_apart(
    fake: FakeOcr, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--mix=unique=50,duplicate=25,cached=25", "--requests=80", "--clients=4", "--seed=3")
    summary = measured(capsys, fake, folder, *more)
    assert summary["scenario"] == "mix"
    assert set(summary["kinds"]) == {"unique", "duplicate", "cached"}
    counts = Counter(fake.digests)
    beforehand = list(islice(counts, 2))
    assert len(fake.digests) == 80 + len(beforehand)
    assert sum(counts[digest] - 1 for digest in beforehand) == pytest.approx(20, abs=8)
    assert sum(count == 1 for count in counts.values()) > 10
    assert summary["cache"]["hit"] > 20


def test_warm_up_is_sent_but_not_counted(
    fake: FakeOcr, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.freeze_at = 2
    more = ("--scenario=same", "--warm-up=7", "--requests=5", "--clients=2")
    summary = measured(capsys, fake, folder, *more)
    assert len(fake.digests) == 12
    assert list(Counter(fake.digests).values()) == [7, 5]
    assert summary["requests"] == 5
    assert summary["latency_ms"]["max"] < FREEZE_MS


def test_a_failure_in_the_warm_up_is_a_failure(
    fake: FakeOcr, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.drop_at = 1
    more = ("--scenario=different", "--warm-up=2", "--requests=3", "--clients=1")
    assert main(load(fake, folder, *more)) == 1
    assert "1 x no answer: the server closed the connection" in capsys.readouterr().out


def test_a_server_that_goes_away_is_not_asked_in_a_spin(
    fake: FakeOcr, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(self: Connection) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    connect = Connection.connect
    calls = []

    async def once(self: Connection) -> None:
        calls.append(self)
        await (connect if len(calls) == 1 else refused)(self)

    monkeypatch.setattr(Connection, "connect", once)
    more = ("--scenario=different", "--clients=1", "--duration=300ms")
    assert main(load(fake, folder, *more)) == 1
    assert "x no connection: Connection refused" in capsys.readouterr().out
    assert 2 < len(calls) < 12


# --- its life


def test_ctrl_c_shows_what_was_counted_until_then(fake: FakeOcr, folder: Path) -> None:
    more = ("--scenario=different", "--clients=2", "--duration=1m")
    command = [*COMMAND, *load(fake, folder, *more)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: len(fake.digests) > 10, "some requests")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    (row,) = (line.split() for line in output.splitlines() if line.startswith("different"))
    assert int(row[1]) > 8
    assert row[3] == "0"
    assert errors == "interrupted: the numbers are those until then\n"


def test_it_imports_nothing_else_of_the_project_and_no_tornado() -> None:
    code = (
        "import sys, multirequest, load_test.plot\n"
        "own = {'server', 'ocr_engine', 'cache', 'tornado', 'matplotlib', 'numpy', 'PIL'}\n"
        "print(sorted(own.intersection(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "wrong",
    [["--rate=0"], ["--rate=5", "--clients=5"], ["--arrivals=poisson"], ["--duration=0"],
     ["--duration=1x"], ["--warm-up=0"], ["--mix=unique"], ["--mix=unique=1", "--scenario=same"],
     ["--field=x"], ["--header=x"], ["--header=a:b\nc"], ["--url=http://a:b"],
     ["--url=http://me@a"], ["--url=http://"], ["--mode=ftp"], ["--timeout=never"]],
    ids=lambda wrong: wrong[0],
)  # fmt: skip
def test_wrong_arguments_are_named(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(wrong)
    assert stopped.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert wrong[0].split("=")[0] in last
    assert "Traceback" not in last


def test_the_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert "--rate 5 --arrivals poisson" in shown
    assert "multirequest.py" in shown
    assert max(map(len, shown.splitlines())) <= 80
