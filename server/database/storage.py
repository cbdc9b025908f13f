"""Opens the database when it is first needed; before that it costs nothing, not even an import."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from server.database.database_file import DatabaseFile
from server.database.location import Location, network_file_system
from server.errors import StorageUnavailable
from server.private_files import make_folder

if TYPE_CHECKING:
    from server.database.database import Database

PACKAGES = ("sqlalchemy", "aiosqlite", "alembic")
INSTALL = "install them with: pip install --require-hashes -r requirements/users.txt"

StorageState = Literal["closed", "open", "unavailable"]


class StorageError(Exception):
    """There can be no database; the message says why and what to do."""


class Storage:
    """The gate to the database.

    open() imports the libraries in a thread, and creates a SQLite file if there is none. A server
    without keys and jobs never calls it.
    """

    def __init__(self, location: Location) -> None:
        self.location = location
        self._file = None if location.file is None else DatabaseFile(location.file)
        self._failure = ""  # of the last open()
        self._opening: asyncio.Task[Database] | None = None
        self._open = asyncio.Event()

    @property
    def problem(self) -> str:
        """Why the database is unavailable: open() failed, or SQLite's file is gone; else empty."""
        if self._open.is_set() and self._file is not None:
            return self._file.problem()
        return self._failure

    @property
    def state(self) -> StorageState:
        """Whether the database is open; if it is unavailable, `problem` says why."""
        if self.problem:
            return "unavailable"
        return "open" if self._open.is_set() else "closed"

    def in_use(self) -> bool:
        """Whether there is a database from an earlier start, or one that the settings name."""
        return self.location.file is None or self.location.file.exists()

    async def open(self) -> Database:
        """The database, opened by the first call; StorageError if there can be none."""
        if self._opening is None or (self._opening.done() and self._failed(self._opening)):
            self._opening = asyncio.ensure_future(self._connect())
        return await asyncio.shield(self._opening)

    async def opened(self) -> Database:
        """Wait until the database is open; for background work that has nothing to do before."""
        await self._open.wait()
        return await self.open()

    async def close(self) -> None:
        """Close all connections."""
        if self._open.is_set():
            await (await self.open()).close()

    async def _connect(self) -> Database:
        try:
            database = await asyncio.to_thread(_prepare, self.location, self._file)
        except (StorageError, StorageUnavailable) as error:
            self._failure = str(error)
            raise
        self._failure = ""
        self._open.set()
        return database

    @staticmethod
    def _failed(task: asyncio.Task[Database]) -> bool:
        return task.cancelled() or task.exception() is not None


def check_packages() -> None:
    """StorageError if the extra `users` is not installed."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise StorageError(f"missing packages: {', '.join(missing)}; {INSTALL}")


def check_folder(folder: Path) -> None:
    """Create the folder of a SQLite file; StorageError if SQLite could not work there."""
    try:
        make_folder(folder)
    except OSError as error:
        raise StorageError(
            f"cannot create the state folder {folder}: {error.strerror}; name another one with "
            "STATE_DIRECTORY or database.url"
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StorageError(
            f"cannot write to the state folder {folder}; name another one with STATE_DIRECTORY or "
            "database.url"
        )
    kind = network_file_system(folder.resolve(), Path("/proc/self/mountinfo").read_text())
    if kind is not None:
        raise StorageError(
            f"{folder} is on a network file system ({kind}), where SQLite can lose data; choose a "
            "local folder with STATE_DIRECTORY, or PostgreSQL with database.url"
        )


def _prepare(location: Location, file: DatabaseFile | None) -> Database:
    """Import the libraries and check the schema; in a thread."""
    check_packages()
    if location.file is not None:
        check_folder(location.file.parent)
    from server.database.database import connect
    from server.database.schema import check_version

    check_version(location)
    if file is not None:
        file.note_opened()
    return connect(location, file)
