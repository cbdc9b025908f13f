"""Fixtures for the tests of `ocr-server recognize`: a folder of images; the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.recognize_process import Run, lay_scans, runner_in


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.touch()
    return path


@pytest.fixture
def run(tmp_path: Path, journal: Path) -> Run:
    return runner_in(tmp_path, journal)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    return lay_scans(tmp_path / "scans")
