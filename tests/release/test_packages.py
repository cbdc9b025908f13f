"""The sdist and the wheel: built, compared with the repository, installed in a new environment.

They are built without network, with the hatchling of this environment: first the sdist, then the
wheel from the unpacked sdist, as a user of the sdist would.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from server.version import VERSION
from tests.support.checkout import ROOT
from tests.support.packages import build, tracked
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

NAME = f"concurrent_ocr_server-{VERSION}"


def project() -> dict[str, Any]:
    """The file pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    return build(unpacked / NAME, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command ocr-server in a fresh environment, with the libraries of this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", folder,
         "install", "--quiet", "--no-deps", "--no-index", wheel],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "ocr-server"


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """The working directory of the command."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def environment(folder: Path) -> dict[str, str]:
    """The variables of the command; Python's own would let it find the repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "XDG_STATE_HOME": str(folder / "state")}


def run(command: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [command, *arguments], cwd=folder, env=environment(folder.parent),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_sdist_has_every_file_of_the_repository(sdist: Path) -> None:
    assert sdist.name == f"{NAME}.tar.gz"
    with tarfile.open(sdist) as archive:
        names = {name.removeprefix(f"{NAME}/") for name in archive.getnames()}
    assert names == tracked() | {"PKG-INFO"}
    assert {"deploy/systemd/ocr-server.service", "config.json"} <= names


def test_the_wheel_has_every_file_of_its_packages(wheel: Path) -> None:
    packages = project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    expected = {name for name in tracked() if name.partition("/")[0] in packages}
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert f"{NAME}.dist-info/licenses/LICENSE" in names
    assert {
        "ocr_engine/models/int8/PP-OCRv6_small_det.json",
        "ocr_engine/worker/warmup.png",
        "server/database/migrations/versions/0001_the_first_schema.py",
        "server/static/read/index.html",
    } <= expected


def test_the_commands_of_the_wheel_run_in_an_empty_folder(installed: Path, empty: Path) -> None:
    done = run(installed, empty, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{VERSION}\n", "")
    done = run(installed, empty, "--help")
    assert done.returncode == 0
    assert "recognize" in done.stdout
    done = run(installed, empty, "check-config")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("built-in defaults (no config.json found")
    done = run(installed, empty, "db", "upgrade")
    assert (done.returncode, done.stderr) == (0, "")
    assert "upgraded from empty to " in done.stdout
    assert list(empty.iterdir()) == []


class InstalledServer(ServerProcess):
    """`ocr-server serve` of the wheel in an empty folder, with the built-in defaults."""

    def __init__(self, command: Path, working_directory: Path) -> None:
        super().__init__(working_directory.parent, {})
        self._command = command
        self._working_directory = working_directory

    def start(self, port: int = 0) -> None:
        """Start it and wait until it listens."""
        without = ["env", "-u", "PYTHONPATH", "OCR_OCR__PROCESS__SPARES=0"]
        arguments = ["serve", "--port", str(port), "--workers", "1"]
        self.spawn([*without, str(self._command), *arguments], self._working_directory)
        wait_until(self._find_port, "the line with the port")


@pytest.mark.slow
def test_the_wheel_serves_text_and_pages_from_an_empty_folder(installed: Path, empty: Path) -> None:
    image = (ROOT / "imgs" / "sign.jpg").read_bytes()
    with InstalledServer(installed, empty) as server:
        reply = server.upload(image)
        assert reply.status == 200
        assert reply.text.splitlines() == ["海风书店", "SEA BREEZE BOOKS", "每天十点到二十点"]
        loaded = re.findall(r'"(static/[^"]+)"', server.get("/").body.decode())
        assert any(path.endswith("/read/page.js") for path in loaded)
        for path in ("status", "docs", "usage", "openapi.json", *loaded):
            assert server.get(f"/{path}").status == 200, path
        server.terminate()
        assert server.wait() == 0
    assert list(empty.iterdir()) == []
