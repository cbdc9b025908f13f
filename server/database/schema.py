"""The version of the schema: checked when the database is opened, changed by `db upgrade`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from server.database.database import CONNECT_SECONDS
from server.database.location import Location
from server.database.storage import StorageError
from server.errors import StorageUnavailable
from server.private_files import opener

MIGRATIONS = Path(__file__).resolve().parent / "migrations"


def newest_version() -> str:
    """The version that this program needs."""
    version = ScriptDirectory.from_config(alembic_config(None)).get_current_head()
    assert version is not None
    return version


def current_version(location: Location) -> str | None:
    """The version of a database; None if it is empty. StorageUnavailable if it does not answer."""
    if location.file is not None and not location.file.exists():
        return None
    seconds = {} if location.file is not None else {"connect_timeout": CONNECT_SECONDS}
    engine = create_engine(location.url, connect_args=seconds)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:
        raise StorageUnavailable("the database does not answer; try again later") from error
    finally:
        engine.dispose()


def check_version(location: Location) -> None:
    """StorageError unless the schema is the newest; it is created in an empty SQLite file."""
    found, needed = current_version(location), newest_version()
    if found is None and location.file is not None:
        upgrade(location)
    elif found is not None and found > needed:  # numbers of four digits
        raise _too_new()
    elif found != needed:
        raise StorageError(
            f"the database has schema {found or 'none'}, this server needs {needed}; run: "
            "ocr-server db upgrade"
        )


def upgrade(location: Location) -> None:
    """Bring a database to the newest version; creates a SQLite file in an existing folder.

    StorageError if a newer program has already changed its schema.
    """
    try:
        if location.file is not None:
            _create(location.file)
        command.upgrade(alembic_config(location), "head")
    except CommandError as error:  # the version of the database has no migration here
        raise _too_new() from error
    except DBAPIError as error:
        raise StorageUnavailable(f"the database does not answer: {error.orig}") from error


def _too_new() -> StorageError:
    return StorageError(
        f"the database has a newer schema than {newest_version()}, which this server needs; "
        "install the newer version again, or restore a backup"
    )


def _create(file: Path) -> None:
    """Create the file for its owner only, unless it exists; -wal and -shm get its mode."""
    try:
        with open(file, "xb", opener=opener):
            pass
    except FileExistsError:
        return
    except OSError as error:
        raise StorageUnavailable(f"cannot create {file}: {error.strerror}") from error


def alembic_config(location: Location | None) -> Config:
    """The configuration for alembic's commands. location: None for commands without a database."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["location"] = location
    return config
