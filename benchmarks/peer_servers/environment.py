"""A virtual environment per peer, from its pinned requirements, reused by the next run."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENVS = HERE.parents[1] / ".benchmarks" / "venvs"
_VERSIONS = """
import importlib.metadata as metadata, json, sys
print(json.dumps({name: metadata.version(name) for name in sys.argv[1:]}))
"""


class Environment:
    """The venv of a peer.

    `overlays` are requirements installed on top with --no-deps.
    """

    def __init__(self, peer: str, requirements: Path, *overlays: Path) -> None:
        files = (requirements, *overlays)
        digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:10]
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        self.folder = VENVS / f"{peer}-{digest}-py{python}"
        self._requirements = requirements
        self._overlays = overlays

    def install(self, seconds: float | None = None) -> None:
        """Create the venv if necessary; SubprocessError if that fails, or takes longer."""
        if not self._stamp.exists():
            self._make(seconds)

    def program(self, name: str) -> str:
        """The path of a program in it; creates the venv if necessary."""
        self.install()
        return str(self.folder / "bin" / name)

    def versions(self, *distributions: str) -> dict[str, str]:
        """The installed versions."""
        command = [self.program("python"), "-c", _VERSIONS, *distributions]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found: dict[str, str] = json.loads(done.stdout)
        return found

    @property
    def _stamp(self) -> Path:
        """The file that marks a complete installation."""
        return self.folder / ".installed"

    def _make(self, seconds: float | None) -> None:
        print(f"installing {self._requirements.name} (the first time takes minutes)", flush=True)
        ends_at = None if seconds is None else time.monotonic() + seconds
        python = str(self.folder / "bin" / "python")
        pip = [sys.executable, "-m", "pip", "--python", python, "install", "-qq"]
        pip += ["--require-hashes", "--disable-pip-version-check", "--progress-bar", "off"]
        pip += ["--no-compile"]  # most modules are never imported
        commands = [
            [sys.executable, "-m", "venv", "--clear", "--without-pip", str(self.folder)],
            [*pip, "-r", str(self._requirements)],
            *([*pip, "--no-deps", "--force-reinstall", "-r", str(each)] for each in self._overlays),
        ]
        for command in commands:
            left = None if ends_at is None else max(0.0, ends_at - time.monotonic())
            subprocess.run(command, check=True, timeout=left)
        self._stamp.touch()
