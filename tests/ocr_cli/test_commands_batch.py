"""`ocr-server batch` with folders: each version once, and the exit status tells."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from pathlib import Path

import pytest

from tests.support.cards import card
from tests.support.object_process import ObjectCommand
from tests.support.recognize_process import begun
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

SETTINGS = {"ocr": {"process": {"number": 2}}}


def batch(folder: Path, *arguments: str | Path, **environment: str) -> ObjectCommand:
    return ObjectCommand(folder, "batch", arguments, environment)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    (folder / "sub").mkdir(parents=True)
    for name in ("one.png", "sub/zwölf 12.png"):
        (folder / name).write_bytes(card(name))
    (folder / "notes.txt").write_text("no image")
    return folder


def test_what_is_new_is_read_once(tmp_path: Path, scans: Path) -> None:
    command = batch(tmp_path, scans, "--out", tmp_path / "texts", "--format", "text")
    first = command.run()
    assert (first.returncode, first.stdout) == (0, "")
    assert first.stderr.splitlines()[-1] == "2 read"
    assert (tmp_path / "texts" / "sub" / "zwölf 12.png.txt").read_text() == "sub/zwölf 12.png\n"
    second = command.run()
    assert (second.returncode, second.stderr) == (0, "nothing new\n")
    (scans / "one.png").write_bytes(card("changed"))
    third = command.run()
    assert third.stderr.splitlines() == ["one.png: done", "1 read"]
    assert (tmp_path / "texts" / "one.png.txt").read_text() == "changed\n"
    assert sorted(begun(command.journal)) == ["changed", "one.png", "sub/zwölf 12.png"]


def test_another_place_for_results_has_a_ledger_of_its_own(tmp_path: Path, scans: Path) -> None:
    assert batch(tmp_path, scans, "--out", "a").run().returncode == 0
    assert batch(tmp_path, scans, "--out", "b.jsonl", "--out", "database").run().returncode == 0
    records = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert {record["data"]["text"] for record in records} == {"one.png", "sub/zwölf 12.png"}
    with sqlite3.connect(tmp_path / "state" / "ocr-server" / "ocr.sqlite3") as database:
        rows = database.execute("SELECT source, key, text FROM storage_result").fetchall()
    database.close()
    assert sorted(rows) == [(str(scans), key, key) for key in ("one.png", "sub/zwölf 12.png")]


def test_an_image_that_cannot_be_read_is_named_and_has_an_error(
    tmp_path: Path, scans: Path
) -> None:
    (scans / "broken.png").write_bytes(card("cut off")[:40])
    command = batch(tmp_path, scans, "--out", "texts", "--quiet")
    done = command.run()
    assert (done.returncode, done.stderr) == (1, "broken.png: invalid_image\n")
    error = json.loads((tmp_path / "texts" / "broken.png.error.json").read_text())
    assert error["error"]["code"] == "invalid_image"
    again = command.run()
    assert (again.returncode, again.stderr) == (0, "")
    (scans / "broken.png").write_bytes(card("mended"))
    assert command.run().returncode == 0
    assert not (tmp_path / "texts" / "broken.png.error.json").exists()


def test_results_in_the_folder_itself_are_not_read(tmp_path: Path, scans: Path) -> None:
    command = batch(tmp_path, scans, "--out", scans, "--out", scans / "texts")
    assert command.run().stderr.splitlines()[-1] == "2 read"
    (scans / "texts" / "an image.png").write_bytes(card("left out"))
    assert command.run().stderr == "nothing new\n"
    assert (scans / "one.png.json").exists()


def test_everything_again_or_only_what_was_modified_since(tmp_path: Path, scans: Path) -> None:
    os.utime(scans / "one.png", (1_700_000_000, 1_700_000_000))
    since = batch(tmp_path, scans, "--out", "a", "--since", "2024-01-01").run()
    assert since.stderr.splitlines() == ["sub/zwölf 12.png: done", "1 read"]
    assert batch(tmp_path, scans, "--out", "a").run().stderr.splitlines()[-1] == "1 read"
    again = batch(tmp_path, scans, "--out", "a", "--since", "all").run()
    assert again.stderr.splitlines()[-1] == "2 read"


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 1), (signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
def test_a_run_that_is_stopped_is_resumed(
    tmp_path: Path, gate: Path, number: int, status: int
) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    held = f"hold {gate}"
    for name, text in (("1.png", "first"), ("2.png", held), ("3.png", held), ("4.png", "last")):
        (scans / name).write_bytes(card(text))
    command = batch(tmp_path, scans, "--out", "out.jsonl")
    running = command.start()
    wait_until(lambda: (tmp_path / "out.jsonl").exists(), "the first result")
    wait_until(lambda: begun(command.journal).count(held) == 2, "both images that are held")
    running.send_signal(number)
    assert running.wait(30) == status
    gate.unlink()
    wait_until(lambda: command.run().returncode == 0, "the rest", 60)
    keys = [json.loads(line)["key"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert sorted(keys) == ["1.png", "2.png", "3.png", "4.png"]


def test_a_running_server_can_read(tmp_path: Path, scans: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    with ServerProcess(folder, SETTINGS, fakes=True) as server:
        url = f"http://127.0.0.1:{server.port}"
        done = batch(tmp_path, scans, "--out", "texts", "--url", url).run()
        assert done.stderr.splitlines()[-1] == "2 read"
        assert server.begun("one.png") == 1
    away = batch(tmp_path, scans, "--out", "texts", "--url", url).run()
    assert away.returncode == 2
    assert "no server at" in away.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scans"], "--out PLACE"),
        (["nowhere", "--out", "texts"], "nowhere: no such folder"),
        (["scans", "--out", ""], "expected DIR"),
        (["scans", "--out", "a", "--since", "yesterday"], "expected last, all"),
        (["scans", "--out", "a", "--option", "colour=1"], "--option colour"),
        (["scans", "--out", "a", "--at-once", "2"], "need --url"),
        (["s3://scans", "--out", "s3://scans/out"], "which is watched"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    tmp_path: Path, scans: Path, arguments: list[str], words: str
) -> None:
    done = batch(tmp_path, *arguments).run()
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1]
