"""Programs that check the files of deploy/, from PyPI, in an environment of their own.

python tools/checkers.py installs requirements/deploy.txt into a folder of .venv if it is not there.
The name of the folder depends on the lock, so a changed lock is installed again.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from server_programs import NoProgram

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "deploy.txt"
PROGRAMS = ("cfn-lint", "check-jsonschema", "hadolint", "kubernetes-validate", "python")
_COMPLETE = "complete"  # a file that is written last


def find_checker(name: str) -> Path:
    """The path of one of PROGRAMS; NoProgram if it is not installed."""
    return _installed(name) / "bin" / name


def find_packages() -> Path:
    """The folder with the packages of the environment; NoProgram if it is not installed."""
    (found,) = _installed("awslambdaric").glob("lib/python3*/site-packages")
    return found


def environment_folder() -> Path:
    """The folder of the environment for the lock as it is now."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    return ROOT / ".venv" / f"checkers-{digest}"


def _installed(name: str) -> Path:
    folder = environment_folder()
    if not (folder / _COMPLETE).is_file():
        raise NoProgram(f"{name} is missing: make servers installs it")
    return folder


def install(folder: Path) -> None:
    """Install the lock into a new environment; CalledProcessError if pip fails."""
    for old in folder.parent.glob("checkers-*"):
        shutil.rmtree(old)
    venv.create(folder, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(folder)]
    subprocess.run(
        [*pip, "install", "--quiet", "--require-hashes", "--requirement", str(LOCK)], check=True
    )
    (folder / _COMPLETE).touch()


def main() -> int:
    """Install what is missing; returns the exit status."""
    folder = environment_folder()
    if not (folder / _COMPLETE).is_file():
        print("installing what checks the files of deploy/ ...", flush=True)
        install(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
