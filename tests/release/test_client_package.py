"""The wheel of the Python client: built, and imported with its types in a new environment."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.packages import build, tracked

SOURCE = ROOT / "clients" / "python"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(SOURCE, "wheel", tmp_path_factory.mktemp("client"))


def test_the_wheel_has_the_package_with_its_types(wheel: Path) -> None:
    package = "clients/python/ocr_server_client/"
    expected = {name.removeprefix("clients/python/") for name in tracked() if package in name}
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert "ocr_server_client/py.typed" in expected


def test_the_wheel_needs_nothing_of_this_project(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "environment", symlinks=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python",
         tmp_path / "environment", "install", "--quiet", "--no-deps", "--no-index", wheel],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    (packages,) = (tmp_path / "environment").glob("lib/python*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    code = (
        "import sys, ocr_server_client as c; print(c.__version__, type(c.OcrClient()).__name__);"
        "print(sorted({'server', 'ocr_engine', 'tornado', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [tmp_path / "environment" / "bin" / "python", "-c", code],
        cwd=tmp_path, env={}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "0.1.0 OcrClient\n[]\n"), done.stderr
