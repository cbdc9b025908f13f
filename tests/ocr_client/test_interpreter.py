"""A command started with the system's Python says in one line which Python to use."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

import multirequest
from ocr_cli.main import PACKAGES, main
from ocr_client.interpreter import wrong_interpreter
from tests.support.checkout import ROOT


def run_without_packages(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-S", *command],
        cwd=ROOT, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [
        ["setup.py", "--port", "0"],
        ["-m", "server", "serve"],
        ["-m", "server", "check-config"],
        ["-m", "server", "models"],
        ["-m", "server", "recognize", "my scan.png"],
    ],
)
def test_without_the_packages(command: list[str]) -> None:
    done = run_without_packages(*command)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ocr-server: {sys.executable} does not have the package cachetools;")
    shown = " ".join(command).replace("my scan.png", "'my scan.png'")
    assert line.endswith(f"run `.venv/bin/python {shown}` (`make install` creates .venv)")


def test_a_plot_without_the_packages() -> None:
    done = run_without_packages("multirequest.py", "--plot", "load.png")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "run `.venv/bin/python multirequest.py` (`make install` creates .venv)" in line


@pytest.mark.parametrize("command", [["--version"], ["--help"], ["bench", "--help"]])
def test_what_needs_no_packages_works_without_them(command: list[str]) -> None:
    done = run_without_packages("-m", "server", *command)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_old_python(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 9))
    monkeypatch.setattr(sys, "argv", ["multirequest.py", "--plot", "load.png"])
    expected = f"{sys.executable} is older than Python 3.11; run `.venv/bin/python"
    assert main(["bench"]) == 2
    assert f"ocr-server: {expected} -m server bench`" in capsys.readouterr().err
    assert multirequest.main() == 2
    assert f"multirequest: {expected} multirequest.py --plot load.png`" in capsys.readouterr().err


def test_this_python_will_do() -> None:
    assert wrong_interpreter(["setup.py"], PACKAGES) is None


def test_the_packages_are_those_that_the_project_depends_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = packages_distributions()
    installed_by = {normalized(found[package][0]) for package in PACKAGES}
    assert installed_by == {normalized(each.split(">=")[0]) for each in project["dependencies"]}


def normalized(distribution: str) -> str:
    """The full install has another distribution of OpenCV than the slim one."""
    name = distribution.lower().replace("_", "-")
    return "opencv" if name.startswith("opencv") else name
