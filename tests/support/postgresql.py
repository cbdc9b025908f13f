"""A PostgreSQL server of the tests' own, on a free port of this machine."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

import psycopg

from server_programs import environment, find_program
from tests.support.program import free_port
from tests.support.watching import wait_until

USER = "postgres"
START_SECONDS = 60.0  # while other tests run, on a small machine
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


class PostgreSQL:
    """A server process with its own data folder; durable, and without a password.

    stop_immediately() and start() are what a crash and a restart of the machine are to clients.
    """

    def __init__(self) -> None:
        self._program = find_program("postgres")
        self._folder = Path(tempfile.mkdtemp(prefix="ocr-tests-pg-"))
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> PostgreSQL:
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        self._run("initdb", "-D", "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale")
        self.port = free_port()
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop_immediately()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(str(self._program), "-D", "data", "-p", str(self.port)),
                    *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
                    *("-c", "shared_buffers=16MB", "-c", "max_connections=50"),
                ],
                cwd=self._folder,
                env=environment(),
                user=self._user,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._answers, "PostgreSQL", START_SECONDS)

    def stop_immediately(self) -> None:
        """Stop it as `pg_ctl stop -m immediate` does: connections break, nothing is flushed."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def create_database(self, name: str) -> str:
        """Create an empty database; its URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._program.parent / program), *arguments],
            cwd=self._folder,
            env=environment(),
            user=self._user,
            check=True,
            capture_output=True,
        )
