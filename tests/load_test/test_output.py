"""The output of a load test: plot, timeline, progress and table."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from load_test.answers import Tally
from load_test.main import main
from load_test.plot import rates
from load_test.summary import timeline
from load_test.table import WIDE_COLUMNS, Table
from ocr_client.progress import Progress, clock_time
from tests.support.checkout import ROOT
from tests.support.fake_ocr import FakeOcr, serving
from tests.support.load_command import COMMAND, load, two_images
from tests.support.terminals import run_in_terminal


@pytest.fixture
def fake() -> Iterator[FakeOcr]:
    with serving() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return two_images(tmp_path / "images")


def test_plot(fake: FakeOcr, folder: Path, tmp_path: Path) -> None:
    for name in ("load.png", "load.svg"):
        assert main(load(fake, folder, "--clients=3", "--plot", str(tmp_path / name))) == 0
    with Image.open(tmp_path / "load.png") as image:
        assert min(image.size) > 400
        assert len(image.convert("RGB").getcolors(1 << 24) or []) > 50
    drawn = (tmp_path / "load.svg").read_text()
    for name in ("different", "same", "cached"):
        assert re.search(rf"<!-- {name}: [\d.]+ good answers per second -->", drawn)
        assert f"<!-- {name} -->" in drawn, "the legend of the latencies"


def test_the_last_step_of_a_plot_counts_for_as_long_as_it_was() -> None:
    edges, heights = rates([10, 20, 8], 0.1, 0.28)
    assert edges == pytest.approx([0, 0.1, 0.2, 0.28])
    assert heights == pytest.approx([100, 200, 100])
    edges, heights = rates([10, 20, 1], 0.1, 0.21)
    assert edges == pytest.approx([0, 0.1, 0.21])
    assert heights == pytest.approx([100, 21 / 0.11])


@pytest.mark.parametrize(
    ("answers", "seconds", "step", "steps"),
    [(50, 6.67, 1, 7), (4000, 6.67, 0.2, 34), (50, 0.0216, 0.005, 5), (3, 6.67, 10, 1)],
)
def test_a_timeline_has_as_many_steps_as_there_are_answers_for(
    answers: int, seconds: float, step: float, steps: int
) -> None:
    tally = Tally()
    tally.ended.extend(seconds * (number + 1) / answers for number in range(answers))
    found = timeline(tally, seconds)
    assert (found.step_seconds, len(found.ok)) == (step, steps)
    assert sum(found.ok) == answers


@pytest.mark.parametrize(
    ("name", "expected"),
    [("load.doc", r"must end in \.png"), ("no/load.png", "does not exist")],
)
def test_a_plot_that_could_not_be_written_stops_the_start(
    fake: FakeOcr, folder: Path, tmp_path: Path, name: str, expected: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert main(load(fake, folder, "--plot", str(tmp_path / name))) == 2
    assert re.search(expected, capsys.readouterr().err)
    assert fake.digests == []


def test_a_plot_without_matplotlib_says_what_to_install(fake: FakeOcr, folder: Path) -> None:
    hidden = "import sys; sys.modules['matplotlib'] = None; import multirequest as m;"
    code = f"{hidden} sys.exit(m.main({load(fake, folder, '--plot', 'load.png')!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=20,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "multirequest: --plot needs matplotlib: run `.venv/bin/python multirequest.py` "
        "(`make install` creates .venv), or `pip install matplotlib`\n"
    )


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_has_a_bar_and_a_table_that_fits(
    fake: FakeOcr, folder: Path, columns: int
) -> None:
    more = ("--scenario=different", "--rate=50", "--duration=700ms")
    shown = run_in_terminal([*COMMAND, *load(fake, folder, *more)], columns)
    assert shown.status == 0
    assert re.search(r"different +[━─]+ +\d+%  \d+  [\d.]+/s", shown.output)
    left = shown.lines()
    assert max(len(line) for line in left if not line.startswith("images")) < columns
    assert not any("━" in line for line in left), "the bar stays behind"
    (row,) = (line.split() for line in left if line.startswith("different"))
    assert len(row) == (12 if columns >= WIDE_COLUMNS else 9)


def test_no_progress_where_there_is_no_terminal_but_a_line_now_and_then() -> None:
    now = [0.0]
    stream = io.StringIO()
    progress = Progress(stream, "load", lambda: now[0])
    for second in range(25):
        now[0] = float(second)
        progress.show(second / 25, f"at {second}")
    progress.clear()
    assert stream.getvalue() == "load 40%  at 10\nload 80%  at 20\n"


def test_a_load_that_takes_longer_than_planned_stays_at_100_percent() -> None:
    stream = io.StringIO()
    Progress(stream, "load", lambda: 10.0).show(3.34, "8 in progress", force=True)
    assert stream.getvalue() == "load 100%  8 in progress\n"


def test_clock_times() -> None:
    assert [clock_time(s) for s in (0, 59.6, 3599, 3661)] == ["0:00", "1:00", "59:59", "1:01:01"]


def test_a_stream_that_is_no_terminal_gets_the_wide_table() -> None:
    assert Table(io.StringIO()).width == WIDE_COLUMNS
