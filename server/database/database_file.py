"""The file of an open SQLite database, which may be deleted or replaced under the server.

SQLite does not notice that: it continues to write to the file that it has open, which nobody will
find again.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from server.errors import StorageUnavailable

log = logging.getLogger("server.database")


class DatabaseFile:
    """Compares the file at its path with the one that was opened; a look takes 2 microseconds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: tuple[int, int] | None = None  # device and inode
        self._problem = ""

    def note_opened(self) -> None:
        """The file that is there now is the database."""
        self._opened = _identity(self._path)

    def problem(self) -> str:
        """Why the database cannot be used; empty if it is there. Each change is logged once."""
        found = _identity(self._path)
        problem = ""
        if found is None and self._opened is not None:
            problem = f"{self._path} was deleted; put it back, or restart the server"
        elif found != self._opened:
            problem = f"{self._path} was replaced while in use; restart the server"
        if problem and problem != self._problem:
            log.error("the database is away: %s", problem)
        elif self._problem and not problem:
            log.warning("the database is back: %s", self._path)
        self._problem = problem
        return problem

    def check(self) -> None:
        """StorageUnavailable if what is written would be lost."""
        if self.problem():
            raise StorageUnavailable("the database is not where it was; try again later")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
