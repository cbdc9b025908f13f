"""`ocr-server recognize` with its own workers: results, formats, and messages."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.support.cards import card
from tests.support.made_pages import RENDERED, SHOWN
from tests.support.recognize_process import Run, recognize_command, results
from tests.support.terminals import run_in_terminal

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
    assert re.search(rb"recognized 4 of 4 images in [\d.]+ s \([\d.]+ images/s\)", done.stderr)


def test_results_inside_the_folder_are_not_read_again(run: Run, scans: Path) -> None:
    for _ in range(2):
        assert run("scans", "--output", "scans/out", "--draw").returncode == 0
    images = [name for name in results_names(scans / "out") if name.endswith(".boxes.png")]
    assert len(images) == 4
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
    done = run("scans/page2.png", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"two\n", b"")


def test_standard_input(run: Run, tmp_path: Path) -> None:
    assert run("-", given=card("piped")).stdout == b"piped\n"
    assert run("-", "--output", "out", given=card("kept")).returncode == 0
    assert results(tmp_path / "out") == {"stdin.txt": "kept\n"}
    assert run("-", "--output", "out", given=card("other")).returncode == 0
    assert results(tmp_path / "out") == {"stdin.txt": "other\n"}


def test_json_lines_and_a_bad_image_among_good_ones(run: Run, scans: Path) -> None:
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
    assert "recognized 4 of 6 images" in errors
    assert "2 failed" in errors


def test_a_named_file_that_is_not_an_image(run: Run, scans: Path) -> None:
    (scans / "empty.png").touch()
    done = run("scans/notes.txt", "scans/empty.png", "scans/page2.png")
    assert done.returncode == 1
    errors = done.stderr.decode()
    assert "scans/notes.txt: unsupported_format: " in errors
    assert "scans/empty.png: missing_file: the file is empty" in errors
    assert b"two" in done.stdout


# --- formats


@pytest.mark.parametrize(
    ("format", "ending", "expected"),
    [
        ("tsv", ".tsv", "level\tpage_num"),
        ("hocr", ".hocr", "ocrx_word"),
        ("alto", ".alto.xml", '<String ID="word_1"'),
        ("markdown", ".md", "\n"),
    ],
)
def test_formats_for_one_image_each(
    run: Run, scans: Path, tmp_path: Path, format: str, ending: str, expected: str
) -> None:
    alone = run("scans/page2.png", "--format", format)
    assert alone.returncode == 0
    assert expected in alone.stdout.decode()
    many = run("scans", "--format", format)
    assert (many.returncode, many.stdout) == (2, b"")
    assert b"write them to a folder with --output DIR" in many.stderr
    assert run("scans", "--format", format, "--output", "out").returncode == 0
    assert f"page2.png{ending}" in results(tmp_path / "out")
    assert all(expected in text for text in results(tmp_path / "out").values())


def test_drawings(run: Run, scans: Path, tmp_path: Path) -> None:
    assert run("scans", "--draw", "--output", "out").returncode == 0
    with (
        Image.open(scans / "page2.png") as given,
        Image.open(tmp_path / "out" / "page2.png.boxes.png") as drawn,
    ):
        assert drawn.size == given.size
        assert drawn.convert("RGB").tobytes() != given.convert("RGB").tobytes()


@pytest.mark.parametrize(("arguments", "expected"), RENDERED)
def test_a_result_is_rendered_as_asked(
    run: Run, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    (tmp_path / "a.png").write_bytes(card("made page"))
    done = run("a.png", *arguments)
    assert (done.returncode, done.stdout.decode()) == (0, expected)


def test_json_has_blocks_on_request(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(card("made page"))
    data = json.loads(run("a.png", "--format", "json", "--option", "layout=true").stdout)["data"]
    assert [line["text"] for line in data["lines"]] == SHOWN
    assert [block["type"] for block in data["blocks"]][:2] == ["title", "text"]
    assert "blocks" not in json.loads(run("a.png", "--format", "json").stdout)["data"]


def test_options_and_granularity_reach_the_engine(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(card("options"))
    done = run("a.png", "--option", "det_db_thresh=0.25", "--granularity", "char")
    options = json.loads(done.stdout)
    assert (options["det_db_thresh"], options["granularity"]) == (0.25, "char")
    assert json.loads(run("a.png").stdout)["granularity"] == "line"


# --- messages


def test_a_terminal_has_a_bar_that_goes_away(scans: Path, journal: Path, tmp_path: Path) -> None:
    (scans / "page2.png").write_bytes(card("take 0.4"))
    (scans / "notes.txt").unlink()
    command = recognize_command(journal)
    shown = run_in_terminal([*command, str(scans), "--output", str(tmp_path / "out")], 80)
    assert shown.status == 0
    assert re.search(r"recognize [━─]{8,24} +\d+%  \d/4  [\d.]+ images/s", shown.output)
    assert all(len(line) < 80 for line in shown.lines())
    assert [line.partition(" in ")[0] for line in shown.lines()] == ["recognized 4 of 4 images", ""]


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
        (["absent.png"], "absent.png: no such file or folder"),
        (["scans/*.gif"], "scans/*.gif: no PDF, JPEG, PNG"),
        (["scans", "--draw"], "set their folder with --output DIR"),
        (["scans", "--force"], "--force needs --output"),
        (["scans", "--option", "colour=blue"], "--option colour: accepted are det_limit_side_len"),
        (["scans", "--option", "drop_score=2"], "drop_score = 2: expected a number from 0 to 1"),
        (["scans", "--option", "order=up"], "order = up: expected one of layout, raster"),
        (["scans", "--timeout", "3s"], "--at-once and --timeout need --url"),
        (["scans", "--url", "http://127.0.0.1:1", "--workers", "2"], "cannot be used with --url"),
        (["scans", "--config", "absent.json"], "cannot read the settings file absent.json"),
        (["scans", "--output", "journal"], "cannot write to journal: File exists"),
        ([], "the following arguments are required: FILE"),
    ],
)
def test_why_it_cannot_start(run: Run, scans: Path, arguments: list[str], expected: str) -> None:
    done = run(*arguments)
    errors = done.stderr.decode()
    assert (done.returncode, done.stdout) == (2, b"")
    assert expected in errors.splitlines()[-1]
    assert "Traceback" not in errors
