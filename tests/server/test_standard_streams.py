"""What a program leaves in the buffers of its standard streams does not change its exit status."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.checkout import ROOT

CODE = """
import sys
from server.standard_streams import {name}
for stream in (sys.stdout, sys.stderr):
    stream.write("no room for this")
{name}()
"""


@pytest.mark.parametrize(
    ("name", "status"), [("discard_unwritten", 0), ("open_standard_streams", 120)]
)
def test_a_full_disk_at_the_end(name: str, status: int) -> None:
    """Without discarding it, Python ends with 120."""
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        done = subprocess.run(
            [sys.executable, "-c", CODE.format(name=name)],
            cwd=ROOT,
            stdout=full,
            stderr=full,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
            check=False,
            timeout=30,
        )
    finally:
        os.close(full)
    assert done.returncode == status


def test_a_pipe_gets_everything() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(name="discard_unwritten")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert (done.stdout, done.stderr) == ("no room for this", "no room for this")
