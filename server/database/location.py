"""Where the database is: database.url, or a SQLite file in the state folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

FILE_NAME = "ocr.sqlite3"
FOLDER_NAME = "ocr-server"
NETWORK_FILE_SYSTEMS = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.s3fs")
)


class LocationError(ValueError):
    """The database cannot be there; the message says what would be accepted."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a database is. file: the path of the SQLite file; None for PostgreSQL.

    url, async_url: SQLAlchemy's, with a synchronous and an asynchronous driver.
    """

    url: str
    async_url: str
    file: Path | None = None

    @property
    def shown(self) -> str:
        """The place without user and password."""
        if self.file is not None:
            return str(self.file)
        parts = urlsplit(self.url)
        return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"

    @property
    def kind(self) -> Literal["sqlite", "postgresql"]:
        """`sqlite` or `postgresql`."""
        return "sqlite" if self.file is not None else "postgresql"


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder for data that outlives the process: systemd's, or the user's."""
    given = environment.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    home = environment.get("XDG_STATE_HOME", "")
    return (Path(home) if home else Path.home() / ".local" / "state") / FOLDER_NAME


def locate(url: str | None, folder: Path) -> Location:
    """The database of this URL, or a file in the folder; LocationError if the URL is refused."""
    if not url:
        return _sqlite(folder / FILE_NAME)
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = unquote(parts.path)
        if parts.netloc or not path.startswith("//"):
            raise LocationError(
                "a SQLite file has an absolute path: sqlite:////var/lib/ocr.sqlite3"
            )
        return _sqlite(Path(path[1:]))
    if parts.scheme in ("postgresql", "postgres"):
        driver = "postgresql+psycopg" + url[len(parts.scheme) :]
        return Location(driver, driver)
    raise LocationError("expected postgresql://USER:PASSWORD@HOST/NAME or sqlite:////PATH")


def network_file_system(path: Path, mounts: str) -> str | None:
    """The type of the network file system that holds the path, or None for a local one.

    SQLite's locks do not work on network file systems. mounts: the text of /proc/self/mountinfo.
    """
    best, found = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = before.split(" ")[4].encode().decode("unicode_escape")
        if path.is_relative_to(point) and len(point) > best:
            best, found = len(point), after.split(" ")[0]
    return found if found in NETWORK_FILE_SYSTEMS else None


def _sqlite(file: Path) -> Location:
    return Location(f"sqlite:///{file}", f"sqlite+aiosqlite:///{file}", file)
