"""`ocr-server recognize` as a process, with obedient workers instead of models."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent

_WITH_FAKES = """
import functools, pathlib, sys
sys.path[:0] = [{root!r}, {tests!r}]
import fake_recognizers
import server.commands.recognize.in_process as in_process
from server.command_line import main
load = functools.partial(fake_recognizers.load_obedient, pathlib.Path({journal!r}))
in_process.build_context = functools.partial(in_process.build_context, load=load)
sys.exit(main(["recognize", *sys.argv[1:]]))
"""


def recognize_command(journal: Path) -> list[str]:
    """The command, to which its arguments are added; workers write the journal."""
    journal.touch()
    code = _WITH_FAKES.format(root=str(ROOT), tests=str(TESTS), journal=str(journal))
    return [sys.executable, "-c", code]


def recognize(
    journal: Path, arguments: Sequence[str | Path], folder: Path, given: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run it in a folder until it leaves by itself, with so much on standard input."""
    return subprocess.run(
        [*recognize_command(journal), *map(str, arguments)],
        input=given,
        cwd=folder,
        capture_output=True,
        timeout=40,
        check=False,
        env={**os.environ, "OCR_OCR__PROCESS__NUMBER": "2"},
    )
