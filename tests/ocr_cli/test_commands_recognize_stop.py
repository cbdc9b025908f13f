"""Stopping and resuming `ocr-server recognize`."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ocr_cli.recognize.local import IMAGES_PER_WORKER
from tests.support.cards import card
from tests.support.recognize_process import (
    Run,
    begun,
    recognize_command,
    results,
)
from tests.support.watching import is_alive, wait_until, worker_processes

AT_ONCE = 2 * IMAGES_PER_WORKER


# --- resuming


def test_finished_images_are_skipped(run: Run, scans: Path, journal: Path) -> None:
    run("scans", "--output", "out")
    assert sorted(begun(journal)) == ["one", "ten", "twelve", "two"]
    done = run("scans", "--output", "out")
    assert done.returncode == 0
    assert b"4 already done" in done.stderr
    assert len(begun(journal)) == 4


def test_only_what_is_new_or_changed_is_read(
    run: Run, scans: Path, journal: Path, tmp_path: Path
) -> None:
    run("scans", "--output", "out")
    journal.write_text("")
    (scans / "page2.png").write_bytes(card("two, changed"))
    (scans / "page3.png").write_bytes(card("three"))
    (tmp_path / "out" / "sub" / "page1.png.txt").unlink()
    assert run("scans", "--output", "out").returncode == 0
    assert sorted(begun(journal)) == ["one", "three", "two, changed"]
    assert results(tmp_path / "out")["page2.png.txt"] == "two, changed\n"


@pytest.mark.parametrize(
    "more", [["--force"], ["--option", "drop_score=0.1"], ["--format", "json"], ["--draw"]],
    ids=lambda more: more[0],
)  # fmt: skip
def test_everything_is_read_again(run: Run, scans: Path, journal: Path, more: list[str]) -> None:
    run("scans", "--output", "out")
    journal.write_text("")
    assert run("scans", "--output", "out", *more).returncode == 0
    assert len(begun(journal)) == 4


def test_a_failure_is_tried_again(run: Run, scans: Path, journal: Path) -> None:
    (scans / "page4.png").write_bytes(card("fail"))
    for _ in range(2):
        assert run("scans", "--output", "out").returncode == 1
    assert begun(journal).count("fail") == 2
    assert begun(journal).count("two") == 1


def test_a_record_that_was_cut_off_loses_only_its_last_entry(
    run: Run, scans: Path, journal: Path, tmp_path: Path
) -> None:
    run("scans", "--output", "out")
    record = tmp_path / "out" / ".ocr-server.jsonl"
    record.write_bytes(record.read_bytes()[:-20])
    journal.write_text("")
    assert run("scans", "--output", "out").returncode == 0
    assert len(begun(journal)) == 1
    assert run("scans", "--output", "out").returncode == 0
    assert len(begun(journal)) == 1


def test_two_runs_do_not_share_a_folder(
    run: Run, scans: Path, journal: Path, tmp_path: Path, gate: Path
) -> None:
    (scans / "page2.png").write_bytes(card(f"hold {gate}"))
    command = [*recognize_command(journal), "scans", "--output", "out"]
    first = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    wait_until(lambda: f"hold {gate}" in begun(journal), "the first run at work")
    second = run("scans", "--output", "out")
    gate.unlink()
    assert second.returncode == 2
    assert second.stderr.startswith(b"ocr-server recognize: another `ocr-server recognize`")
    assert first.wait(20) == 0


# --- Ctrl-C


def test_ctrl_c_stops_soon_and_keeps_what_is_done(
    run: Run, scans: Path, journal: Path, tmp_path: Path, gate: Path
) -> None:
    """As many quick images come first as run concurrently, so one is done before one blocks."""
    quick = AT_ONCE - len(list(scans.glob("*.png")))
    for number in range(11, 11 + quick):
        (scans / f"page{number}.png").write_bytes(card(f"{number}"))
    for number in range(20, 24):
        (scans / f"page{number}.png").write_bytes(card(f"hold {gate} {number}"))
    command = [*recognize_command(journal), "scans", "--output", "out", "--workers", "2"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    out = tmp_path / "out"
    wait_until(lambda: sum("hold" in text for text in begun(journal)) == 2, "both workers hold")
    workers = worker_processes(process.pid)
    assert len(workers) == 2
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert time.monotonic() - began < 2
    assert process.returncode == 130
    assert errors.endswith("interrupted; run the same command again to resume\n")
    assert "Traceback" not in errors
    wait_until(lambda: not any(map(is_alive, workers)), "no worker left")
    kept = results(out)
    done = {text.strip() for text in kept.values()}
    assert done
    assert not any("hold" in text for text in done)
    journal.write_text("")
    gate.unlink()
    assert run("scans", "--output", "out").returncode == 0
    assert len(results(out)) == 8 + quick
    assert len(begun(journal)) == 8 + quick - len(done)
    assert not done & set(begun(journal))


def writer_of(fifo: Path) -> int | None:
    """A descriptor for writing, once there is a reader."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def test_a_second_ctrl_c_ends_it_at_once(scans: Path, journal: Path, tmp_path: Path) -> None:
    """Also while a read blocks: nothing ever writes to this FIFO."""
    os.mkfifo(scans / "endless.png")
    command = [*recognize_command(journal), "scans/endless.png", "--output", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    held: list[int] = []

    def is_read() -> bool:
        descriptor = writer_of(scans / "endless.png")
        held.extend([] if descriptor is None else [descriptor])
        return bool(held)

    wait_until(is_read, "a thread that reads")
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    lines: list[str] = []
    while not (lines and lines[-1].startswith("interrupted")):
        lines.append(process.stderr.readline())
        assert lines[-1], f"it left by itself: {lines}"
    process.send_signal(signal.SIGINT)
    try:
        assert process.wait(5) == 130
        assert process.stderr.read().endswith("interrupted again, exiting\n")
    finally:
        process.kill()
        process.wait()
        os.close(held[0])
        process.stderr.close()
