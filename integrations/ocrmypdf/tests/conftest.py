"""The server of this repository on a Unix socket, and a stand-in for Tesseract if it is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 120.0

# OCRmyPDF asks for its version and its languages, and then never uses it.
STAND_IN = """#!/bin/sh
case "$1" in
--version) echo "tesseract 5.3.0" ;;
--list-langs) printf 'List of available languages (1):\\neng\\n' ;;
*) echo "the plugin has not been used" >&2; exit 1 ;;
esac
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with the real models."""
    folder = tmp_path_factory.mktemp("server")
    address = folder / "socket"
    environment = {
        **os.environ,
        "OCR_WEB_SERVER__UNIX_SOCKET": str(address),
        "OCR_OCR__PROCESS__SPARES": "0",
        "XDG_STATE_HOME": str(folder),
    }
    command = [ROOT / ".venv" / "bin" / "python", ROOT / "setup.py"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=ROOT)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not address.exists():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
        yield f"unix:{address}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with tesseract."""
    if shutil.which("tesseract"):
        return os.environ["PATH"]
    folder = tmp_path_factory.mktemp("bin")
    stand_in = folder / "tesseract"
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"
