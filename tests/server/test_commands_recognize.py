"""`ocr-server recognize` with workers of its own: results, resuming, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from fake_recognizers import card
from recognize_process import recognize, recognize_command
from server.commands.recognize.in_process import PICTURES_PER_WORKER
from terminals import run_in_terminal
from watching import is_alive, wait_until, worker_processes

AT_ONCE = 2 * PICTURES_PER_WORKER
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.touch()
    return path


@pytest.fixture
def run(tmp_path: Path, journal: Path) -> Run:
    """Runs the command beside the folder `scans`."""
    return lambda *arguments, given=b"": recognize(journal, arguments, tmp_path, given)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Four pictures in two folders, and what is none."""
    folder = tmp_path / "scans"
    (folder / "sub").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for name, text in {
        "page10.png": "ten",
        "page2.png": "two",
        "sub/page1.png": "one",
        "sub/zwölf 12.png": "twelve",
        ".hidden/a.png": "hidden",
    }.items():
        (folder / name).write_bytes(card(text))
    (folder / "notes.txt").write_text("no picture")
    return folder


def begun(journal: Path) -> list[str]:
    """The cards that workers have begun to read, without those of their warming up."""
    events = (line.split(" ", 2) for line in journal.read_text().splitlines())
    return [text for _, event, text in events if event == "begin" and text]


def results(folder: Path) -> dict[str, str]:
    """The files below the folder, without the record."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".ocr-server.jsonl"
    }


TEXTS = {
    "page10.png.txt": "ten\n",
    "page2.png.txt": "two\n",
    "sub/page1.png.txt": "one\n",
    "sub/zwölf 12.png.txt": "twelve\n",
}


def test_a_folder_is_mirrored(run: Run, scans: Path, tmp_path: Path) -> None:
    done = run("scans", "--output", "out")
    assert (done.returncode, done.stdout) == (0, b"")
    assert results(tmp_path / "out") == TEXTS
    assert re.search(rb"read 4 of 4 pictures in [\d.]+ s \([\d.]+ pictures/s\)", done.stderr)


def test_results_inside_the_folder_are_not_read_again(run: Run, scans: Path) -> None:
    for _ in range(2):
        assert run("scans", "--output", "scans/out", "--draw").returncode == 0
    pictures = [name for name in results_names(scans / "out") if name.endswith(".boxes.png")]
    assert len(pictures) == 4
    assert not any("boxes.png." in name for name in results_names(scans / "out"))


def results_names(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def test_standard_output_has_a_head_for_each_text_in_their_order(run: Run, scans: Path) -> None:
    (scans / "page2.png").write_bytes(card("take 0.5 seconds"))
    done = run("scans")
    assert done.returncode == 0
    heads = ("page2.png", "page10.png", "sub/page1.png", "sub/zwölf 12.png")
    texts = ("take 0.5 seconds", "ten", "one", "twelve")
    expected = (f"==> scans/{h} <==\n{t}\n" for h, t in zip(heads, texts, strict=True))
    assert done.stdout.decode() == "".join(expected)


def test_a_single_text_stands_alone(run: Run, scans: Path) -> None:
    done = run("scans/page2.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"two\n", b"")


def test_standard_input(run: Run, tmp_path: Path) -> None:
    assert run("-", given=card("piped")).stdout == b"piped\n"
    assert run("-", "--output", "out", given=card("kept")).returncode == 0
    assert results(tmp_path / "out") == {"stdin.txt": "kept\n"}
    assert run("-", "--output", "out", given=card("other")).returncode == 0
    assert results(tmp_path / "out") == {"stdin.txt": "other\n"}


def test_json_lines_and_a_bad_picture_among_good_ones(run: Run, scans: Path) -> None:
    (scans / "page3.png").write_bytes(card("broken")[:60])
    (scans / "page4.png").write_bytes(card("fail"))
    done = run("scans", "--format", "json")
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["file"] for line in lines][:4] == [
        "scans/page2.png", "scans/page3.png", "scans/page4.png", "scans/page10.png"
    ]  # fmt: skip
    good = [line for line in lines if line["status"] == "success"]
    assert [line["data"]["text"] for line in good] == ["two", "ten", "one", "twelve"]
    assert all({"md5", "elapsed_ms"} <= line.keys() for line in good)
    bad = {line["file"]: line["error"]["code"] for line in lines if line["status"] == "error"}
    assert bad == {"scans/page3.png": "invalid_image", "scans/page4.png": "internal_error"}
    errors = done.stderr.decode()
    assert "scans/page3.png: invalid_image: " in errors
    assert "scans/page4.png: internal_error: " in errors
    assert "read 4 of 6 pictures" in errors
    assert "2 failed" in errors


def test_a_picture_that_is_named_and_is_none(run: Run, scans: Path) -> None:
    (scans / "empty.png").touch()
    done = run("scans/notes.txt", "scans/empty.png", "scans/page2.png")
    assert done.returncode == 1
    errors = done.stderr.decode()
    assert "scans/notes.txt: unsupported_format: " in errors
    assert "scans/empty.png: missing_file: there is nothing in it" in errors
    assert b"two" in done.stdout


# --- taking up again


def test_what_is_done_is_left_alone(run: Run, scans: Path, journal: Path) -> None:
    run("scans", "--output", "out")
    assert sorted(begun(journal)) == ["one", "ten", "twelve", "two"]
    done = run("scans", "--output", "out")
    assert done.returncode == 0
    assert b"4 were done before" in done.stderr
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
    """As many quick ones come first as are under way at once: one is done before one holds."""
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
    assert errors.endswith("interrupted; run the same command again to go on\n")
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
    """A descriptor to write with, as soon as somebody reads there."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def test_a_second_ctrl_c_ends_it_at_once(scans: Path, journal: Path, tmp_path: Path) -> None:
    """Also where a file cannot be read: nobody ever writes into this one."""
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
    assert process.wait(5) == 130
    os.close(held[0])
    process.stderr.close()


# --- formats


@pytest.mark.parametrize(
    ("format", "expected"), [("tsv", "level\tpage_num"), ("hocr", "ocrx_word")]
)
def test_formats_with_words(
    run: Run, scans: Path, tmp_path: Path, format: str, expected: str
) -> None:
    alone = run("scans/page2.png", "--format", format)
    assert alone.returncode == 0
    assert expected in alone.stdout.decode()
    many = run("scans", "--format", format)
    assert (many.returncode, many.stdout) == (2, b"")
    assert b"say where they go with --output DIR" in many.stderr
    assert run("scans", "--format", format, "--output", "out").returncode == 0
    assert f"page2.png.{format}" in results(tmp_path / "out")
    assert all(expected in text for text in results(tmp_path / "out").values())


def test_drawings(run: Run, scans: Path, tmp_path: Path) -> None:
    assert run("scans", "--draw", "--output", "out").returncode == 0
    with (
        Image.open(scans / "page2.png") as given,
        Image.open(tmp_path / "out" / "page2.png.boxes.png") as drawn,
    ):
        assert drawn.size == given.size
        assert drawn.convert("RGB").tobytes() != given.convert("RGB").tobytes()


def test_options_and_granularity_reach_the_engine(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(card("options"))
    done = run("a.png", "--option", "drop_score=0.25", "--granularity", "char")
    options = json.loads(done.stdout)
    assert (options["drop_score"], options["granularity"]) == (0.25, "char")
    assert json.loads(run("a.png").stdout)["granularity"] == "line"


# --- what the user sees


def test_a_terminal_has_a_bar_that_goes_away(scans: Path, journal: Path, tmp_path: Path) -> None:
    (scans / "page2.png").write_bytes(card("take 0.4"))
    command = recognize_command(journal)
    shown = run_in_terminal([*command, str(scans), "--output", str(tmp_path / "out")], 80)
    assert shown.status == 0
    assert re.search(r"recognize [━─]{8,24} +\d+%  \d/4  [\d.]+ pictures/s", shown.output)
    assert all(len(line) < 80 for line in shown.lines())
    assert [line.partition(" in ")[0] for line in shown.lines()] == ["read 4 of 4 pictures", ""]


def test_a_reader_that_has_seen_enough(scans: Path, journal: Path) -> None:
    command = " ".join(f"'{part}'" for part in [*recognize_command(journal)[:1], "-c"])
    code = recognize_command(journal)[2]
    done = subprocess.run(
        ["bash", "-c", f'{command} "$CODE" "$SCANS" | head -1; exit "${{PIPESTATUS[0]}}"'],
        env={**os.environ, "CODE": code, "SCANS": str(scans)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout == f"==> {scans}/page2.png <==\n"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["absent.png"], "there is no file or folder absent.png"),
        (["scans/*.gif"], "scans/*.gif: there is no JPEG, PNG"),
        (["scans", "--draw"], "--draw writes pictures; say where with --output DIR"),
        (["scans", "--force"], "--force belongs to --output DIR"),
        (["scans", "--option", "colour=blue"], "--option colour: known are det_limit_side_len"),
        (["scans", "--option", "drop_score=2"], "drop_score = 2: expected a number from 0 to 1"),
        (["scans", "--timeout", "3s"], "--at-once and --timeout belong to --url"),
        (["scans", "--url", "http://127.0.0.1:1", "--workers", "2"], "are the server's business"),
        (["scans", "--config", "absent.json"], "the settings absent.json cannot be read"),
        (["scans", "--output", "journal"], "cannot write to journal: File exists"),
        ([], "the following arguments are required: FILE"),
    ],
)
def test_what_cannot_start_says_why(
    run: Run, scans: Path, arguments: list[str], expected: str
) -> None:
    done = run(*arguments)
    errors = done.stderr.decode()
    assert (done.returncode, done.stdout) == (2, b"")
    assert expected in errors.splitlines()[-1]
    assert "Traceback" not in errors
