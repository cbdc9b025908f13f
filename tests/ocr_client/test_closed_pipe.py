"""The reader of a command's output leaves, such as `| head`: no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.fake_ocr import serving


def run_into_closed_pipe(
    command: list[str], unbuffered: bool = False
) -> subprocess.CompletedProcess[str]:
    read, write = os.pipe()
    os.close(read)
    try:
        return subprocess.run(
            [sys.executable, *command],
            cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
            env={**os.environ, "PYTHONUNBUFFERED": "1" if unbuffered else ""},
        )  # fmt: skip
    finally:
        os.close(write)


@pytest.mark.parametrize("unbuffered", [False, True])
@pytest.mark.parametrize(
    "command",
    [
        ["check-config", "--print"],
        ["check-config"],
        ["models"],
        ["--help"],
    ],
    ids=" ".join,
)
def test_a_command(command: list[str], unbuffered: bool) -> None:
    done = run_into_closed_pipe(["-m", "server", *command], unbuffered)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("images", ["imgs/sign.jpg", "imgs"])
def test_recognize(images: str) -> None:
    """Also with one image only: that it could not be written is not an error of the image."""
    command = ["-m", "server", "recognize", "--quiet", "--workers", "1", images]
    done = run_into_closed_pipe(command)
    assert (done.returncode, done.stderr) == (1, "")


def test_the_load_test(tmp_path: Path) -> None:
    with serving() as fake:
        done = run_into_closed_pipe(["multirequest.py", "--url", fake.url, "--dir", "imgs"])
    assert (done.returncode, done.stderr) == (1, "")
