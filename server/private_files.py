"""Folders and files of the state: for their owner only, regardless of umask and parent folders."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def make_folder(folder: Path) -> None:
    """Create a folder and its parents; a folder that exists keeps its mode. OSError if it fails."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(FOLDER_MODE, exist_ok=True)
    folder.mkdir(FOLDER_MODE, exist_ok=True)


def opener(path: str, flags: int) -> int:
    """The opener of open() for a new file."""
    return os.open(path, flags, FILE_MODE)
