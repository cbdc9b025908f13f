"""Migrations: they make the tables that the code uses, and the version is checked."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from server.database.location import FILE_NAME, Location, locate
from server.database.schema import check_version, current_version, newest_version, upgrade
from server.database.storage import StorageError
from server.database.tables import METADATA
from server.errors import StorageUnavailable
from tests.support.checkout import ROOT


def test_the_migrations_make_the_tables_of_the_code(location: Location) -> None:
    engine = create_engine(location.url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()
    assert differences == []


def test_an_upgraded_database_has_the_newest_version(location: Location) -> None:
    assert current_version(location) == newest_version()
    check_version(location)


def set_version(location: Location, version: str) -> None:
    """Make a database look as if another program had changed its schema."""
    engine = create_engine(location.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": version})
    engine.dispose()


def test_an_older_schema_is_refused_with_the_command_to_run(location: Location) -> None:
    set_version(location, "0000")
    with pytest.raises(StorageError, match=r"schema 0000.*ocr-server db upgrade"):
        check_version(location)


def test_a_newer_schema_is_refused_after_a_rollback(location: Location) -> None:
    set_version(location, "9999")
    for use in (check_version, upgrade):
        with pytest.raises(StorageError, match=r"newer schema than 0002.*restore a backup"):
            use(location)
    assert current_version(location) == "9999"


def test_nobody_else_can_read_the_database_whatever_the_mode_of_its_folder(tmp_path: Path) -> None:
    """An operator made the state folder with mkdir, so that all may enter it."""
    tmp_path.chmod(0o755)
    location = locate(None, tmp_path)
    check_version(location)
    with sqlite3.connect(location.file or "") as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE another (number)")
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    connection.close()
    names = (f"{FILE_NAME}{ending}" for ending in ("", "-wal", "-shm"))
    assert modes == dict.fromkeys(names, 0o600)


def test_an_empty_sqlite_file_gets_the_schema(tmp_path: Path) -> None:
    location = locate(None, tmp_path)
    assert current_version(location) is None
    check_version(location)
    assert current_version(location) == newest_version()


def test_two_upgrades_change_nothing(location: Location) -> None:
    upgrade(location)
    assert current_version(location) == newest_version()


def test_a_database_that_does_not_answer_is_named_as_unavailable() -> None:
    with pytest.raises(StorageUnavailable, match="does not answer"):
        current_version(locate("postgresql://127.0.0.1:9/ocr", Path("/")))


def run_db(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`ocr-server db ARGUMENTS`."""
    return subprocess.run(
        [sys.executable, "-m", "server", "db", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_upgrades_and_shows_the_version(tmp_path: Path) -> None:
    environment = {"STATE_DIRECTORY": str(tmp_path / "state")}
    assert "schema empty; needed is 0002" in run_db("show", **environment).stdout
    assert "upgraded from empty to 0002" in run_db("upgrade", **environment).stdout
    assert "schema 0002, up to date" in run_db("upgrade", **environment).stdout
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_the_command_says_in_one_line_that_the_schema_is_newer(tmp_path: Path) -> None:
    location = locate(None, tmp_path)
    upgrade(location)
    set_version(location, "9999")
    done = run_db("upgrade", STATE_DIRECTORY=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "the database has a newer schema than 0002" in done.stderr


def test_the_command_says_in_one_line_why_it_cannot_upgrade(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    done = run_db("upgrade", STATE_DIRECTORY=str(blocked / "state"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot create the state folder" in done.stderr
    done = run_db("upgrade", OCR_DATABASE__URL="mysql://db/ocr")
    assert done.stderr.startswith("ocr-server db: database.url: expected postgresql://")
