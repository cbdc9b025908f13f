"""`ocr-server recognize` as a process, with fake recognizers instead of models."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support.cards import card
from tests.support.checkout import ROOT

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]

_WITH_FAKES = """
import functools, pathlib, sys
sys.path[:0] = [{root!r}]
from tests.support import fake_recognizers
import ocr_cli.recognize.local as local
from ocr_cli.main import main
load = functools.partial(fake_recognizers.load_obedient, pathlib.Path({journal!r}))
local.build_engine = functools.partial(local.build_engine, load=load)
sys.exit(main([{command!r}, *sys.argv[1:]]))
"""


def recognize_command(journal: Path, command: str = "recognize") -> list[str]:
    """A command with a reader, without its arguments; workers write the journal."""
    journal.touch()
    code = _WITH_FAKES.format(root=str(ROOT), journal=str(journal), command=command)
    return [sys.executable, "-c", code]


def recognize(
    journal: Path, arguments: Sequence[str | Path], folder: Path, given: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run it in a folder until it exits, with these bytes on standard input."""
    return subprocess.run(
        [*recognize_command(journal), *map(str, arguments)],
        input=given,
        cwd=folder,
        capture_output=True,
        timeout=40,
        check=False,
        env={**os.environ, "OCR_OCR__PROCESS__NUMBER": "2"},
    )


def begun(journal: Path) -> list[str]:
    """The cards that workers have begun, without warm-up images."""
    events = (line.split(" ", 2) for line in journal.read_text().splitlines())
    return [text for _, event, text in events if event == "begin" and text]


def results(folder: Path) -> dict[str, str]:
    """The files in the folder and its subfolders, without the record."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".ocr-server.jsonl"
    }


def lay_scans(folder: Path) -> Path:
    """Four images in two folders, and files that are not images."""
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
    (folder / "notes.txt").write_text("no image")
    return folder


def runner_in(folder: Path, journal: Path) -> Run:
    """A function that runs the command in the folder."""
    return lambda *arguments, given=b"": recognize(journal, arguments, folder, given)
