"""What the server writes in its state folder is for its owner only."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.blobs.folder import FolderBlobs
from server.operations.audit import AuditLog
from server.private_files import make_folder
from server.users.journal import Journal
from server.users.lease_journal import open_journal


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that all may read, made by a process whose new files all may read, too."""
    before = os.umask(0)
    folder = tmp_path / "state"
    folder.mkdir(0o755)
    yield folder
    os.umask(before)


def modes(folder: Path) -> set[tuple[str, int]]:
    """Whether each entry below the folder is a folder or a file, and its mode."""
    found = list(folder.rglob("*"))
    return {("folder" if each.is_dir() else "file", each.stat().st_mode & 0o777) for each in found}


def test_nobody_else_reads_leases_usage_images_and_the_audit_log(open_folder: Path) -> None:
    open_journal(open_folder / "leases" / "database").begin(1)
    Journal(open_folder / "usage", "one", 1000).create()
    asyncio.run(FolderBlobs(open_folder / "blobs").put(b"an image"))
    AuditLog(open_folder / "audit" / "audit.jsonl", 1).open()
    assert modes(open_folder) == {("folder", 0o700), ("file", 0o600)}
    assert {each.name for each in open_folder.iterdir()} == {"leases", "usage", "blobs", "audit"}


def test_a_folder_that_exists_keeps_its_mode(open_folder: Path) -> None:
    make_folder(open_folder)
    make_folder(open_folder / "new" / "newer")
    assert open_folder.stat().st_mode & 0o777 == 0o755
    assert modes(open_folder) == {("folder", 0o700)}


def test_a_folder_below_a_file_cannot_be_made(open_folder: Path) -> None:
    file = open_folder / "file"
    file.touch()
    for path in (file, file / "below"):
        with pytest.raises(OSError, match="file"):
            make_folder(path)
