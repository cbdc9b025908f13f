"""`ocr-server watch` with folders: it reads until it is stopped, and a restart loses nothing."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.support.cards import card
from tests.support.object_process import ObjectCommand
from tests.support.watching import wait_until

QUICK = ("--every", "1s", "--rest", "100ms")


def watch(folder: Path, *arguments: str | Path) -> ObjectCommand:
    return ObjectCommand(folder, "watch", arguments)


def test_files_are_read_as_they_come_until_sigterm(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    (scans / "before.png").write_bytes(card("before"))
    command = watch(tmp_path, scans, "--format", "text", *QUICK)
    running = command.start()
    wait_until((scans / "before.png.txt").exists, "the file that was there", 60)
    (scans / "after.png").write_bytes(card("after"))
    wait_until((scans / "after.png.txt").exists, "the new file")
    (scans / "after.png").write_bytes(card("after all"))
    wait_until(lambda: (scans / "after.png.txt").read_text() == "after all\n", "its new version")
    running.terminate()
    assert running.wait(30) == 0
    assert command.output.splitlines() == [
        f"watching {scans}", "before.png: done", "after.png: done", "after.png: done",
    ]  # fmt: skip


def test_a_restart_loses_no_file_and_reads_none_twice(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    command = watch(tmp_path, scans, "--out", "out.jsonl", *QUICK)
    running = command.start()
    for number in range(30):
        (scans / f"{number}.png").write_bytes(card(f"page {number}"))
        if number == 10:
            wait_until((tmp_path / "out.jsonl").exists, "the first result", 60)
            running.kill()
            running.wait()
        if number == 20:
            running = command.start()
    wait_until(lambda: len(lines(tmp_path)) == 30, "all results", 60)
    running.send_signal(signal.SIGINT)
    assert running.wait(30) == 130
    assert sorted(lines(tmp_path)) == sorted(f'"key":"{number}.png"' for number in range(30))


def test_a_folder_that_does_not_exist_is_status_2(tmp_path: Path) -> None:
    done = watch(tmp_path, "nowhere").run()
    assert (done.returncode, done.stderr) == (2, "ocr-server watch: nowhere: no such folder\n")


def test_a_bucket_needs_a_place_for_results(tmp_path: Path) -> None:
    done = watch(tmp_path, "s3://scans/in").run()
    assert done.returncode == 2
    assert "--out PLACE" in done.stderr


def lines(folder: Path) -> list[str]:
    """The keys of the whole lines, as they are written."""
    text = (folder / "out.jsonl").read_text().rpartition("\n")[0]
    return [line.split(",")[1] for line in text.splitlines()]
