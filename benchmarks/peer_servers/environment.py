"""A virtual environment per peer, from its pinned requirements, reused by the next run."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
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
        """Create the venv if necessary; SubprocessError if that fails, or one step takes longer."""
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
        venv = [sys.executable, "-m", "venv", "--clear", str(self.folder)]
        subprocess.run(venv, check=True, timeout=seconds)
        pip = [str(self.folder / "bin" / "python"), "-m", "pip", "install", "-qq"]
        pip += ["--require-hashes", "--disable-pip-version-check", "--progress-bar", "off"]
        subprocess.run([*pip, "-r", str(self._requirements)], check=True, timeout=seconds)
        for overlay in self._overlays:
            command = [*pip, "--no-deps", "--force-reinstall", "-r", str(overlay)]
            subprocess.run(command, check=True, timeout=seconds)
        self._stamp.touch()
