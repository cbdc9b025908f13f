"""The folders whose disks may fill up."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from server.disk_space import free_bytes, watched_folders


def test_temporary_files_are_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert watched_folders(None) == {"temporary": tmp_path}
    monkeypatch.delenv("TMPDIR")
    assert watched_folders(Path("/var/lib/ocr/ocr.sqlite3")) == {
        "state": Path("/var/lib/ocr"),
        "temporary": Path("/tmp"),
    }


def test_a_folder_that_does_not_exist_yet_is_on_the_disk_of_its_parent(tmp_path: Path) -> None:
    difference = free_bytes(tmp_path / "not" / "yet") - shutil.disk_usage(tmp_path).free
    assert abs(difference) < 1 << 30
