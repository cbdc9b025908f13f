"""The folders whose disks may fill up, and how much room they have."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def watched_folders(database: Path | None) -> dict[str, Path]:
    """The folder of temporary files, and the state folder if a SQLite file is in it, by name."""
    folders = {"temporary": Path(os.environ.get("TMPDIR") or "/tmp")}
    return folders if database is None else {"state": database.parent, **folders}


def free_bytes(folder: Path) -> int:
    """The room on the disk of a folder; one that does not exist yet counts as its parent."""
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(existing).free
