"""A PostgreSQL server of the tests' own, on a free port of this machine."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from typing import Self

import psycopg

from server_programs import environment, find_program
from tests.support.data_server import DataServer
from tests.support.program import free_port

USER = "postgres"
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


class PostgreSQL(DataServer):
    """A server process with its own data folder; durable, and without a password.

    stop() and start() are what a crash and a restart of the machine are to clients: as
    `pg_ctl stop -m immediate`, stop() breaks connections and flushes nothing.
    """

    name = "PostgreSQL"
    stop_signal = signal.SIGQUIT

    def __init__(self) -> None:
        super().__init__()
        self._program = find_program("postgres")
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        self.port = free_port()

    def __enter__(self) -> Self:
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        self._run("initdb", "-D", "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale")
        return super().__enter__()

    def start(self) -> None:
        """See DataServer."""
        command = [
            *(str(self._program), "-D", "data", "-p", str(self.port)),
            *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
            *("-c", "shared_buffers=16MB", "-c", "max_connections=50"),
        ]
        self.launch(command, environment(), self._user)

    def answers(self) -> bool:
        """See DataServer."""
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self, name: str) -> str:
        """Create an empty database; its URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._program.parent / program), *arguments],
            cwd=self._folder,
            env=environment(),
            user=self._user,
            check=True,
            capture_output=True,
        )
